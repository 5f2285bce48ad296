#include "tests/explore/outcome.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/explore/leader_watch.h"

namespace omdb::explore {
namespace {

constexpr absl::Duration kLimit = absl::Minutes(15);   // until all is well after the last fault
constexpr int kCallsPerMinute = 20000;                 // more is a storm
constexpr absl::Duration kSettled = absl::Seconds(3);  // replication is
// A call that was cut off runs into its deadline before replication goes on (F1.2).
constexpr absl::Duration kSettledAfterFaults = absl::Seconds(22);

// Replicas that are loaded and equal, key by key. A change of leader without a fence may leave as
// many rows that are others, which nobody sees (M1).
std::string CheckReplicas(Story& story, const Database& now, bool others_may_be_there) {
  for (const Table& table : now.tables) {
    if (table.db != "user") continue;
    for (const Partition& partition : table.partitions) {
      const ReplicaMeta* leader = partition.Leader();
      if (leader == nullptr) return absl::StrCat(ToString(partition.id), " has no leader");
      const auto rows = story.RowsOf(partition.id, leader->endpoint);
      for (const ReplicaMeta& meta : partition.replicas) {
        if (!meta.is_alive)
          return absl::StrCat(ToString(partition.id), " on ", meta.endpoint, " is not alive");
        const auto other = story.RowsOf(partition.id, meta.endpoint);
        if (others_may_be_there ? other.size() != rows.size() : other != rows) {
          return absl::StrCat(ToString(partition.id), " has ", rows.size(), " rows on its leader ",
                              leader->endpoint, " and other ", other.size(), " on ", meta.endpoint);
        }
      }
    }
  }
  return "";
}

// Leaders and replicas stand where they stood.
std::string CheckPlacement(const Database& before, const Database& now) {
  for (const Table& table : before.tables) {
    for (const Partition& partition : table.partitions) {
      const Partition* present = now.FindPartition(partition.id);
      if (present == nullptr) return absl::StrCat(ToString(partition.id), " is gone");
      if (present->replicas.size() != partition.replicas.size()) {
        return absl::StrCat(ToString(partition.id), " has ", present->replicas.size(),
                            " replicas, it had ", partition.replicas.size());
      }
      if (present->Leader()->endpoint != partition.Leader()->endpoint) {
        return absl::StrCat(ToString(partition.id), " is led by ", present->Leader()->endpoint,
                            ", it was by ", partition.Leader()->endpoint);
      }
    }
  }
  return "";
}

// A tablet that crashes while auto_failover is on loses its leaders for good: so it is in OpenMLDB.
bool FailedOver(const Database& now) {
  return std::any_of(now.ops.begin(), now.ops.end(),
                     [](const Op& op) { return op.type == "kOfflineReplicaOP"; });
}

std::string CheckOps(const Database& now) {
  for (const Op& op : now.ops) {
    if (op.UnderWay()) return absl::StrCat("op ", op.id, " (", op.type, ") is still under way");
  }
  return "";
}

std::string CheckTablets(const Database& now) {
  for (const auto& [tablet, statuses] : now.loaded) {
    for (const auto& [id, status] : statuses) {
      if (status.state != TableState::kNormal && status.state != TableState::kMakingSnapshot)
        return absl::StrCat("partition ", id.first, "/", id.second, " on ", tablet, " is in state ",
                            static_cast<int>(status.state));
    }
  }
  return "";
}

// ", sends it from 4, term 3": what the leader knows of a follower, and the replica's own term.
std::string Following(Story& story, const Table& table, const Partition& partition,
                      const std::string& tablet) {
  std::string text;
  const auto followers =
      story.openmldb().GetTableFollower(partition.id, partition.Leader()->endpoint);
  for (const FollowerInfo& follower : followers.value_or(std::vector<FollowerInfo>())) {
    if (follower.endpoint == tablet) absl::StrAppend(&text, ", sends it from ", follower.offset);
  }
  const auto terms = story.openmldb().GetTermPair(partition.id, table.storage_mode, {tablet});
  return absl::StrCat(text, ", term ", terms[0].value_or(TermPair()).term);
}

// For whoever looks for the reason.
void TellWhatIsUnwell(Story& story) {
  const Database now = story.database();
  story.Tell(absl::StrCat("in the election: ",
                          absl::StrJoin(story.openmldb().Nameservers().value(), ", ")));
  for (const Tablet& tablet : now.tablets) {
    if (!tablet.healthy) story.Tell(absl::StrCat("tablet ", tablet.endpoint, " is offline"));
  }
  for (const Op& op : now.ops) {
    if (!op.UnderWay()) continue;
    story.Tell(absl::StrCat("op ", op.id, " ", op.type, " of ", op.table, "/", op.pid, ": task ",
                            op.task, " in state ", static_cast<int>(op.state)));
  }
  for (const Table& table : now.tables) {
    for (const Partition& partition : table.partitions) {
      const ReplicaMeta* leader = partition.Leader();
      const ReplicaStatus* leads =
          leader == nullptr ? nullptr : now.Status(leader->endpoint, partition.id);
      for (const ReplicaMeta& meta : partition.replicas) {
        const ReplicaStatus* status = now.Status(meta.endpoint, partition.id);
        if (meta.is_alive && status != nullptr && leads != nullptr &&
            status->offset == leads->offset)
          continue;
        story.Tell(absl::StrCat(
            ToString(partition.id), " on ", meta.endpoint, meta.is_leader ? ", a leader" : "",
            meta.is_alive ? "" : ", is not alive",
            status == nullptr ? ", is not loaded" : absl::StrCat(", is at ", status->offset),
            leads == nullptr ? ", nobody leads"
                             : absl::StrCat(", ", leader->endpoint, " leads at ", leads->offset,
                                            Following(story, table, partition, meta.endpoint))));
      }
    }
  }
}

std::string First(const std::vector<std::string>& texts) {
  return absl::StrCat(texts.size(),
                      texts.empty() ? "" : ", the first: ", texts.empty() ? "" : texts.front());
}

uint64_t Digest(const std::vector<std::string>& story, uint64_t executed) {
  uint64_t digest = 1469598103934665603u ^ executed;
  for (const std::string& line : story) {
    for (char c : line) digest = (digest ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  return digest;
}

// Everything that must hold when a rollout has come to its end (F10.3). Empty when it does, else
// what does not.
std::string CheckEnd(Story& story, const Database& before, absl::Duration settles,
                     const Excuses& excuses) {
  story.world().executor.RunFor(settles);
  // A fence that stays, or a partition that takes no rows, shows here.
  std::map<PartitionId, size_t> written;
  for (const auto& [id, rows] : story.writer().rows()) written[id] = rows.acknowledged.size();
  story.world().executor.RunFor(5 * story.shape().write_interval + absl::Seconds(2));
  for (const auto& [id, rows] : story.writer().rows()) {
    if (rows.acknowledged.size() == written[id])
      return absl::StrCat(ToString(id), " takes no rows any more");
  }
  const auto lost = story.StopWritingAndFindLost();
  if (!lost.empty() && !excuses.rows_lost) return absl::StrCat("rows lost: ", First(lost));
  if (lost.empty() && story.status().rows_lost > 0 && !excuses.rows_lost)
    return absl::StrCat("rows reported lost that are there: ", story.status().rows_lost);
  const Database now = story.database();
  const bool elsewhere = excuses.leaders_elsewhere || FailedOver(now);
  for (std::string problem :
       {excuses.holes ? "" : CheckReplicas(story, now, excuses.hidden_rows),
        excuses.ops_under_way ? "" : CheckOps(now), excuses.ops_under_way ? "" : CheckTablets(now),
        elsewhere ? "" : CheckPlacement(before, now)}) {
    if (!problem.empty()) return problem;
  }
  if (now.auto_failover != before.auto_failover && !excuses.auto_failover) {
    return absl::StrCat("auto_failover was ", before.auto_failover, " and is ", now.auto_failover);
  }
  return "";
}

}  // namespace

void Prepare(Story& story, const Telling& telling) {
  story.Tell(ToString(story.shape()));
  for (Safeguard safeguard : telling.without) story.SwitchOff(safeguard);
  if (!telling.trace) return;
  story.operator_calls().SetListener([&story](const OperatorCalls::Call& call) {
    if (call.changes) story.Tell(absl::StrCat("call ", call.number, " ", call.what));
  });
}

void RunToTheEnd(Story& story, const Database& before, const std::string& version, Faults* faults,
                 Outcome& outcome) {
  const auto excuses = [faults] { return faults == nullptr ? Excuses() : faults->excuses(); };
  const LeaderWatch watch(story);
  const absl::Time changed = story.world().executor.Now();
  const uint64_t calls = story.operator_calls().count();
  if (faults != nullptr) {
    story.RunUntilTrue([&] { return story.IsReady(faults->wanted_version()); }, kFaultsFor);
    faults->End();
  }
  if (!story.RunUntilReady(faults == nullptr ? version : faults->wanted_version(), kLimit)) {
    const Condition ready = story.condition("Ready");
    TellWhatIsUnwell(story);
    if (faults != nullptr && faults->LeftAtRest()) return;
    // It ends or says why not (F10.3): nobody writes again what somebody else lost there.
    if (ready.reason == "OffsetBehind" && excuses().rows_lost) return;
    outcome.failure = absl::StrCat("not at its end after ", absl::FormatDuration(kLimit), ": ",
                                   story.status().phase, " ", story.status().progress, ": ",
                                   ready.reason, ": ", ready.message);
  } else {
    outcome.rollout = story.world().executor.Now() - changed;
    outcome.failure =
        CheckEnd(story, before, faults == nullptr ? kSettled : kSettledAfterFaults, excuses());
  }
  if (outcome.failure.empty() && watch.since() < excuses().two_leaders_from)
    outcome.failure = watch.two_leaders();
  outcome.operator_calls = story.operator_calls().count() - calls;
  const double minutes = absl::ToDoubleMinutes(story.world().executor.Now() - changed) + 0.5;
  if (outcome.failure.empty() &&
      static_cast<double>(outcome.operator_calls) > kCallsPerMinute * minutes)
    outcome.failure = absl::StrCat("a storm of ", outcome.operator_calls, " calls");
}

std::string TooLongAPause(Story& story, absl::Duration most) {
  for (const auto& [id, rows] : story.writer().rows()) {
    for (absl::Duration pause : rows.pauses) {
      if (pause > most)
        return absl::StrCat(ToString(id), " took no rows for ", absl::FormatDuration(pause));
    }
  }
  return "";
}

void Conclude(Story& story, Outcome& outcome) {
  outcome.rows = story.writer().acknowledged();
  outcome.digest = Digest(story.told(), story.world().executor.executed());
  outcome.story = story.told();
}

}  // namespace omdb::explore
