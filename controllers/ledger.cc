#include "controllers/ledger.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace omdb {
namespace {

const std::array<std::pair<TabletStep, std::string>, 13>& StepNames() {
  static const auto& names = *new std::array<std::pair<TabletStep, std::string>, 13>{{
      {TabletStep::kTurnFailoverOff, "TurnFailoverOff"},
      {TabletStep::kAddExtraReplicas, "AddExtraReplicas"},
      {TabletStep::kHandOverLeaders, "HandOverLeaders"},
      {TabletStep::kDetach, "Detach"},
      {TabletStep::kRestart, "Restart"},
      {TabletStep::kLoad, "Load"},
      {TabletStep::kAttach, "Attach"},
      {TabletStep::kMarkAlive, "MarkAlive"},
      {TabletStep::kReturnLeaders, "ReturnLeaders"},
      {TabletStep::kReattachFormerLeaders, "ReattachFormerLeaders"},
      {TabletStep::kRemoveExtraReplicas, "RemoveExtraReplicas"},
      {TabletStep::kVerify, "Verify"},
      {TabletStep::kTurnFailoverBack, "TurnFailoverBack"},
  }};
  return names;
}

TabletStep StepFromName(const std::string& name) {
  for (const auto& [step, text] : StepNames()) {
    if (text == name) return step;
  }
  throw std::invalid_argument(absl::StrCat("no step ", name));
}

int64_t Micros(absl::Time time) { return absl::ToUnixMicros(time); }

Json ToJson(const HeldPartition& held) {
  Json json = {
      {"db", held.id.db}, {"table", held.id.table}, {"tid", held.id.tid}, {"pid", held.id.pid}};
  if (held.was_leader) json["wasLeader"] = true;
  if (!held.moved_to.empty()) json["movedTo"] = held.moved_to;
  if (!held.extra_replica.empty()) json["extraReplica"] = held.extra_replica;
  if (held.offset != 0) json["offset"] = held.offset;
  if (held.record_count != 0) json["recordCount"] = held.record_count;
  if (held.attach_offset != 0) json["attachOffset"] = held.attach_offset;
  if (!held.attached_to.empty()) json["attachedTo"] = held.attached_to;
  if (held.attached_at != absl::Time()) json["attachedAtUs"] = Micros(held.attached_at);
  if (held.recover) json["recover"] = true;
  return json;
}

HeldPartition HeldFromJson(const Json& json) {
  HeldPartition held;
  held.id = {json.at("db"), json.at("table"), json.at("tid"), json.at("pid")};
  held.was_leader = json.value("wasLeader", false);
  held.moved_to = json.value("movedTo", "");
  held.extra_replica = json.value("extraReplica", "");
  held.offset = json.value("offset", uint64_t{0});
  held.record_count = json.value("recordCount", uint64_t{0});
  held.attach_offset = json.value("attachOffset", uint64_t{0});
  held.attached_to = json.value("attachedTo", "");
  if (json.contains("attachedAtUs"))
    held.attached_at = absl::FromUnixMicros(json.at("attachedAtUs"));
  held.recover = json.value("recover", false);
  return held;
}

Json ToJson(const TabletReport& report) {
  return {{"name", report.name},
          {"leadersMoved", report.leaders_moved},
          {"leadersReturned", report.leaders_returned},
          {"rowsLost", report.rows_lost},
          {"longestPauseUs", absl::ToInt64Microseconds(report.longest_pause)},
          {"longestFenceUs", absl::ToInt64Microseconds(report.longest_fence)},
          {"startedUs", Micros(report.started)},
          {"finishedUs", Micros(report.finished)}};
}

TabletReport ReportFromJson(const Json& json) {
  TabletReport report;
  report.name = json.at("name");
  report.leaders_moved = json.at("leadersMoved");
  report.leaders_returned = json.at("leadersReturned");
  report.rows_lost = json.at("rowsLost");
  report.longest_pause = absl::Microseconds(json.at("longestPauseUs").get<int64_t>());
  report.longest_fence = absl::Microseconds(json.at("longestFenceUs").get<int64_t>());
  report.started = absl::FromUnixMicros(json.at("startedUs"));
  report.finished = absl::FromUnixMicros(json.at("finishedUs"));
  return report;
}

Json ToJson(const TabletInHand& hand) {
  Json partitions = Json::array();
  for (const HeldPartition& held : hand.partitions) partitions.push_back(ToJson(held));
  return {{"name", hand.name},           {"podUid", hand.pod_uid},
          {"step", ToString(hand.step)}, {"partitions", std::move(partitions)},
          {"lastOpId", hand.last_op_id}, {"report", ToJson(hand.report)}};
}

TabletInHand HandFromJson(const Json& json) {
  TabletInHand hand;
  hand.name = json.at("name");
  hand.pod_uid = json.at("podUid");
  hand.step = StepFromName(json.at("step"));
  for (const Json& held : json.at("partitions")) hand.partitions.push_back(HeldFromJson(held));
  hand.last_op_id = json.at("lastOpId");
  hand.report = ReportFromJson(json.at("report"));
  return hand;
}

Json ToJson(const Rollout& rollout) {
  Json json = {{"fromVersion", rollout.from_version},
               {"toVersion", rollout.to_version},
               {"startedUs", Micros(rollout.started)},
               {"offsets", rollout.offsets},
               {"tablets", Json::array()}};
  for (const TabletReport& report : rollout.tablets) json["tablets"].push_back(ToJson(report));
  if (!rollout.extra_replicas.empty()) json["extraReplicas"] = rollout.extra_replicas;
  if (!rollout.rows_lost.empty()) json["rowsLost"] = rollout.rows_lost;
  if (rollout.unwell_since) json["unwellSinceUs"] = Micros(*rollout.unwell_since);
  if (rollout.jobs_awaited_since) json["jobsAwaitedSinceUs"] = Micros(*rollout.jobs_awaited_since);
  return json;
}

Rollout RolloutFromJson(const Json& json) {
  Rollout rollout;
  rollout.from_version = json.at("fromVersion");
  rollout.to_version = json.at("toVersion");
  rollout.started = absl::FromUnixMicros(json.at("startedUs"));
  rollout.offsets = json.at("offsets").get<std::map<std::string, uint64_t>>();
  for (const Json& report : json.at("tablets")) rollout.tablets.push_back(ReportFromJson(report));
  if (json.contains("extraReplicas")) json.at("extraReplicas").get_to(rollout.extra_replicas);
  if (json.contains("rowsLost")) json.at("rowsLost").get_to(rollout.rows_lost);
  if (json.contains("unwellSinceUs"))
    rollout.unwell_since = absl::FromUnixMicros(json.at("unwellSinceUs"));
  if (json.contains("jobsAwaitedSinceUs")) {
    rollout.jobs_awaited_since = absl::FromUnixMicros(json.at("jobsAwaitedSinceUs"));
  }
  return rollout;
}

}  // namespace

const std::string& ToString(TabletStep step) {
  return std::find_if(StepNames().begin(), StepNames().end(),
                      [step](const auto& named) { return named.first == step; })
      ->second;
}

std::string FollowerKey(const PartitionId& partition, const std::string& tablet) {
  return absl::StrCat(ToString(partition), " on ", tablet);
}

const HeldPartition* TabletInHand::Find(const PartitionId& partition) const {
  for (const HeldPartition& held : partitions) {
    if (held.id == partition) return &held;
  }
  return nullptr;
}

uint64_t Ledger::FollowedInTerm(const PartitionId& partition, const std::string& tablet) const {
  const auto known = followed_in_term.find(FollowerKey(partition, tablet));
  return known == followed_in_term.end() ? 0 : known->second;
}

void AddReport(std::vector<TabletReport>& reports, const TabletReport& report) {
  for (TabletReport& present : reports) {
    if (present.name != report.name) continue;
    present.leaders_moved += report.leaders_moved;
    present.leaders_returned += report.leaders_returned;
    present.rows_lost += report.rows_lost;
    present.longest_pause = std::max(present.longest_pause, report.longest_pause);
    present.longest_fence = std::max(present.longest_fence, report.longest_fence);
    present.finished = report.finished;
    return;
  }
  reports.push_back(report);
}

Json ToJson(const Ledger& ledger) {
  Json json = Json::object();
  if (ledger.rollout) json["rollout"] = ToJson(*ledger.rollout);
  if (ledger.tablet) json["tablet"] = ToJson(*ledger.tablet);
  if (!ledger.followed_in_term.empty()) json["followedInTerm"] = ledger.followed_in_term;
  if (ledger.wanted_auto_failover) json["wantedAutoFailover"] = *ledger.wanted_auto_failover;
  if (!ledger.preflighted.empty()) json["preflighted"] = ledger.preflighted;
  return json;
}

absl::StatusOr<Ledger> LedgerFromJson(const Json& document) {
  if (!document.is_object()) return absl::DataLossError("the ledger is no JSON object");
  try {
    Ledger ledger;
    if (document.contains("rollout")) ledger.rollout = RolloutFromJson(document.at("rollout"));
    if (document.contains("tablet")) ledger.tablet = HandFromJson(document.at("tablet"));
    if (document.contains("followedInTerm"))
      document.at("followedInTerm").get_to(ledger.followed_in_term);
    if (document.contains("wantedAutoFailover"))
      ledger.wanted_auto_failover = document.at("wantedAutoFailover");
    ledger.preflighted = document.value("preflighted", "");
    return ledger;
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat("the ledger cannot be read: ", error.what()));
  }
}

}  // namespace omdb
