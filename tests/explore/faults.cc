#include "tests/explore/faults.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/explore/damage.h"

namespace omdb::explore {
namespace {

constexpr char kAutoFailover[] = "/openmldb/config/auto_failover";
// For so long a tablet's session may outlive it (M4); before, nobody knows that it is away.
constexpr absl::Duration kUnknown = absl::Seconds(11);

}  // namespace

const std::vector<std::pair<Fault, std::string>>& AllFaults() {
  static const auto* const kAll = new std::vector<std::pair<Fault, std::string>>{
      {Fault::kTabletCrash, "tablet-crash"},
      {Fault::kNameserverCrash, "nameserver-crash"},
      {Fault::kTabletHang, "tablet-hang"},
      {Fault::kNameserverHang, "nameserver-hang"},
      {Fault::kSessionExpiry, "session-expiry"},
      {Fault::kZooKeeperOutage, "zookeeper-outage"},
      {Fault::kBlockedReplication, "blocked-replication"},
      {Fault::kOperatorKill, "operator-kill"},
      {Fault::kLostAnswer, "lost-answer"},
      {Fault::kFailedCall, "failed-call"},
      {Fault::kTwoOperators, "two-operators"},
      {Fault::kChangeOfMind, "change-of-mind"},
      {Fault::kAutoFailoverByHand, "auto-failover-by-hand"},
      {Fault::kOpByHand, "op-by-hand"},
      {Fault::kGuideByHand, "guide-by-hand"},
      {Fault::kPodDeleted, "pod-deleted"},
      {Fault::kDamagedReplica, "damaged-replica"},
      {Fault::kStaleCache, "stale-cache"},
      {Fault::kCreatedTable, "created-table"},
      {Fault::kPowerLoss, "power-loss"},
  };
  return *kAll;
}

Faults::Faults(Story& story, uint64_t seed, const std::set<Fault>& kinds, Change change,
               absl::Duration span)
    : story_(story), random_(seed), change_(std::move(change)), wanted_version_(change_.to) {
  story_.operator_calls().SetJudge([this](const OperatorCalls::Call& call) { return Judge(call); });
  if (kinds.empty()) return;
  // Some stories have one fault, some have many.
  const std::vector<Fault> list(kinds.begin(), kinds.end());
  for (int i = Between(1, 5); i > 0; --i)
    Plan(list[static_cast<size_t>(Between(0, static_cast<int>(list.size()) - 1))], span);
}

void Faults::Plan(Fault fault, absl::Duration span) {
  const absl::Duration when = span * std::uniform_real_distribution<double>(0, 1)(random_);
  At(when, [this, fault] { Strike(fault); });
}

void Faults::At(absl::Duration when, std::function<void()> happens) {
  story_.world().executor.Schedule(when, [this, alive = alive_, happens = std::move(happens)] {
    if (*alive && !ended_) happens();
  });
}

bool Faults::Over() {
  return story_.IsReady(wanted_version_) ||
         (story_.HasEvent("UpgradeComplete") && !story_.ledger().rollout);
}

bool Faults::NothingToReplace() {
  return wanted_version_ != change_.to && !story_.ledger().rollout;
}

bool Faults::MoreTabletsToCome() {
  const auto hand = story_.ledger().tablet;
  return hand && hand->name != story_.tablet_name(story_.shape().tablets - 1);
}

void Faults::Strike(Fault fault) {
  // What breaks then is not the rollout's to mend.
  if (Over() || (NothingToReplace() && fault != Fault::kChangeOfMind)) return;
  const auto name = std::find_if(AllFaults().begin(), AllFaults().end(),
                                 [fault](const auto& each) { return each.first == fault; });
  story_.Tell(absl::StrCat("FAULT ", name->second));
  switch (fault) {
    case Fault::kTabletCrash:
      return CrashTablet();
    case Fault::kNameserverCrash: {
      const std::string pod = story_.nameserver_name(Between(0, story_.shape().nameservers - 1));
      if (story_.node().Runs(pod)) story_.node().Crash(pod);
      return;
    }
    case Fault::kPodDeleted:
      return DeletePod(AnyServer());
    case Fault::kDamagedReplica:
      return DamageReplica(AnyTablet());
    case Fault::kTabletHang:
      return Hang(AnyTablet());
    case Fault::kNameserverHang:
      MayHaveTwoLeaders(story_.world().executor.Now());
      return Hang(story_.nameserver_name(Between(0, story_.shape().nameservers - 1)));
    case Fault::kSessionExpiry:
      return story_.world().zookeeper.ExpireSession(AnyServer());
    case Fault::kZooKeeperOutage:
      story_.world().zookeeper.SetUp(false);
      mend_.push_back([this] { story_.world().zookeeper.SetUp(true); });
      return At(Seconds(1, 20), mend_.back());
    case Fault::kBlockedReplication:
      return BlockReplication();
    case Fault::kOperatorKill:
      calls_.emplace_back(Between(1, 40),
                          Between(0, 1) == 0 ? CallFate::kKilledBefore : CallFate::kKilledAfter);
      return;
    case Fault::kLostAnswer:
      calls_.emplace_back(Between(1, 40), CallFate::kAnswerLost);
      return;
    case Fault::kFailedCall:
      calls_.emplace_back(Between(1, 40), CallFate::kFails);
      return;
    case Fault::kStaleCache:
      story_.kubernetes().Freeze();
      mend_.push_back([this] { story_.kubernetes().Thaw(); });
      return At(Seconds(1, 6), mend_.back());
    case Fault::kTwoOperators:
      pause_operator_ = true;
      until_pause_ = Between(1, 40);
      return;
    case Fault::kChangeOfMind:
      wanted_version_ = wanted_version_ == change_.to ? change_.from : change_.to;
      return story_.Apply(wanted_version_);
    case Fault::kAutoFailoverByHand:
      excuses_.auto_failover = true;
      // Turned on, the nameserver moves leaders off tablets that are away.
      excuses_.leaders_elsewhere = true;
      return TouchAutoFailover(Between(0, 1) == 1);
    case Fault::kOpByHand:
      return RunAnOpByHand();
    case Fault::kGuideByHand:
      return DrainByHand(AnyTablet());
    case Fault::kCreatedTable:
      return CreateTable();
    case Fault::kPowerLoss:
      return LosePowerOf(AnyTablet());
  }
}

// At a call of the operator the world stands still, and others may act.
CallFate Faults::Judge(const OperatorCalls::Call& call) {
  if (pause_operator_ && --until_pause_ <= 0) {
    pause_operator_ = false;
    story_.PauseOperator(Seconds(1, 30));
  }
  for (auto at = calls_.begin(); at != calls_.end(); ++at) {
    const bool wants_change = at->second == CallFate::kAnswerLost;
    if (wants_change && !call.changes) continue;
    if (--at->first > 0) continue;
    const CallFate fate = at->second;
    calls_.erase(at);
    story_.Tell(absl::StrCat("call ", call.number, " ", call.what,
                             fate == CallFate::kFails          ? " fails"
                             : fate == CallFate::kAnswerLost   ? ": its answer is lost"
                             : fate == CallFate::kKilledBefore ? ": killed before it"
                                                               : ": killed after it"));
    return fate;
  }
  return CallFate::kGoesOn;
}

void Faults::CrashTablet() {
  const std::string pod = AnyTablet();
  if (!story_.node().Runs(pod)) return;
  story_.Tell(absl::StrCat(pod, " is killed"));
  TabletBreaks();
  story_.node().Crash(pod);
}

void Faults::DeletePod(const std::string& pod) {
  if (!story_.node().Runs(pod)) return;
  story_.Tell(absl::StrCat("somebody deletes pod ", pod));
  if (story_.node().tablet(pod) != nullptr) TabletBreaks();
  story_.node().Delete(pod);
}

void Faults::TabletBreaks() {
  tablet_broke_ = story_.world().executor.Now();
  const auto notice = [this, alive = alive_, broke = tablet_broke_] {
    if (*alive && story_.world().zookeeper.Value(kAutoFailover) == "true") FailedOver(broke);
  };
  notice();
  story_.world().executor.Schedule(kUnknown, notice);
}

void Faults::FailedOver(absl::Time broke) {
  excuses_.rows_lost = excuses_.holes = excuses_.leaders_elsewhere = true;
  MayHaveTwoLeaders(broke);
}

void Faults::MayHaveTwoLeaders(absl::Time from) {
  excuses_.two_leaders_from = std::min(excuses_.two_leaders_from, from);
}

// Not beside a damaged replica: both might be the last that have a row.
void Faults::LosePowerOf(const std::string& tablet) {
  auto* process = story_.node().tablet(tablet);
  if (damaged_ || process == nullptr) return;
  lost_power_ = true;
  const SyncedLogs synced = Sync(story_.world(), *process);
  At(Seconds(0, 5), [this, tablet, synced] {
    const Database others = story_.database();
    if (Over() || NothingToReplace() || !story_.node().Runs(tablet)) return;
    TabletBreaks();
    excuses_.leaders_elsewhere = true;  // where all rows are
    story_.node().Crash(tablet);
    story_.Tell(LosePower(story_.world(), *story_.node().tablet(tablet), synced, others));
  });
}

void Faults::DamageReplica(const std::string& tablet) {
  if (lost_power_) return;
  damaged_ = true;
  story_.node().BeforeNextPod(tablet, [this, alive = alive_, tablet] {
    if (!*alive || ended_) return;
    auto& process = *story_.node().tablet(tablet);
    if (Between(0, 3) > 0) {
      const std::string damage = DamageAReplica(story_.world(), process, random_);
      if (!damage.empty()) story_.Tell(damage);
      return;
    }
    story_.Tell(absl::StrCat("the volume of ", tablet, " is full"));
    process.disk().FailChanges(absl::ResourceExhaustedError("no space left on device"));
    mend_.push_back([&process] { process.disk().FailChanges(absl::OkStatus()); });
    At(Seconds(1, 8), mend_.back());
  });
}

// A tablet that crashed before is failed over then.
void Faults::TouchAutoFailover(bool on) {
  story_.Tell(absl::StrCat("somebody turns auto_failover ", on ? "on" : "off"));
  if (on && tablet_broke_ > absl::InfinitePast()) FailedOver(tablet_broke_);
  (void)story_.openmldb().SetAutoFailover(on);
}

void Faults::Hang(const std::string& pod) {
  if (!story_.node().Pause(pod)) return;
  story_.Tell(absl::StrCat(pod, " hangs"));
  mend_.push_back([this, pod] { story_.node().Resume(pod); });
  At(Seconds(1, 14), mend_.back());
}

void Faults::BlockReplication() {
  const auto* from = story_.node().tablet(AnyTablet());
  const auto* to = story_.node().tablet(AnyTablet());
  if (from == nullptr || to == nullptr || from == to) return;
  const std::string sender = from->address();
  const std::string receiver = to->address();
  story_.Tell(absl::StrCat("nothing passes from ", from->name(), " to ", to->name()));
  story_.world().network.Cut(sender, receiver);
  mend_.push_back([this, sender, receiver] { story_.world().network.Join(sender, receiver); });
  At(Seconds(1, 8), mend_.back());
}

// As somebody would who does not know what it may cost: without a fence.
void Faults::RunAnOpByHand() {
  excuses_.leaders_elsewhere = true;
  const auto tables = story_.openmldb().ShowTable();
  if (!tables.ok() || tables->empty()) return;
  const Table& table =
      (*tables)[static_cast<size_t>(Between(0, static_cast<int>(tables->size()) - 1))];
  const Partition& partition = table.partitions[static_cast<size_t>(
      Between(0, static_cast<int>(table.partitions.size()) - 1))];
  for (const ReplicaMeta& meta : partition.replicas) {
    if (meta.is_leader && meta.is_alive) continue;
    const absl::Status status = meta.is_alive
                                    ? ChangeLeaderByHand(partition.id, meta.endpoint)
                                    : story_.openmldb().RecoverTable(partition.id, meta.endpoint);
    story_.Tell(absl::StrCat("somebody ", meta.is_alive ? "changes the leader of " : "recovers ",
                             ToString(partition.id), " ", meta.is_alive ? "to " : "on ",
                             meta.endpoint, ": ", status.message()));
    return;
  }
}

// The nameserver refuses it where tablets are missing; then there is no table.
void Faults::CreateTable() {
  TableShape table;
  table.name = absl::StrCat("created", created_++);
  table.replicas = static_cast<uint32_t>(Between(1, std::min(3, story_.shape().tablets)));
  table.partitions = static_cast<uint32_t>(Between(1, table.replicas == 1 ? 2 : 6));
  const absl::Status created = story_.CreateTable(table);
  story_.Tell(absl::StrCat("somebody creates table ", table.name, "(", table.partitions, "x",
                           table.replicas, "): ", created.message()));
  if (created.ok()) story_.StartWriting(4 * story_.shape().write_interval);
}

// A command each second (F6.2), and nobody looks whether something else is under way.
void Faults::DrainByHand(const std::string& tablet) {
  const auto tables = story_.openmldb().ShowTable();
  if (!tables.ok() || !MoreTabletsToCome()) return;
  excuses_.leaders_elsewhere = excuses_.auto_failover = excuses_.holes = true;
  const bool before = story_.world().zookeeper.Value(kAutoFailover) == "true";
  TouchAutoFailover(false);
  absl::Duration when;
  for (const Table& table : *tables) {
    for (const Partition& partition : table.partitions) {
      if (!partition.LedBy(tablet) || partition.replicas.size() < 2) continue;
      At(when += absl::Seconds(2), [this, id = partition.id] { MoveLeaderByHand(id); });
    }
  }
  At(when + absl::Seconds(2), [this, before] { TouchAutoFailover(before); });
}

absl::Status Faults::ChangeLeaderByHand(const PartitionId& id, const std::string& candidate) {
  excuses_.rows_lost = excuses_.hidden_rows = excuses_.leaders_elsewhere = true;
  by_hand_ = story_.world().executor.Now();
  MayHaveTwoLeaders(by_hand_);
  const bool again = !changed_by_hand_.insert(id).second;
  if (again || !MoreTabletsToCome()) excuses_.holes = true;
  return story_.openmldb().ChangeLeader(id, candidate);
}

void Faults::MoveLeaderByHand(const PartitionId& id) {
  const auto partition = story_.openmldb().GetPartition(id);
  if (!MoreTabletsToCome() || !partition.ok() || partition->Leader() == nullptr) return;
  const absl::Status status = ChangeLeaderByHand(id, "auto");
  story_.Tell(absl::StrCat("somebody moves the leader of ", ToString(id), ": ", status.message()));
  story_.world().executor.Schedule(
      absl::Seconds(1), [this, alive = alive_, id, former = partition->Leader()->endpoint] {
        if (*alive) (void)story_.openmldb().RecoverTable(id, former);
      });
}

bool Faults::LeftAtRest() {
  if (story_.ledger().rollout) return false;
  const bool back = NothingToReplace() && !story_.ledger().tablet;
  // The operator may have been killed before it told that all is complete.
  const bool told = story_.completed() < absl::InfiniteFuture();
  const absl::Time upset = std::max(tablet_broke_, by_hand_);
  return back || (upset > absl::InfinitePast() &&
                  (!told || upset >= story_.completed() - absl::Seconds(2)));
}

Excuses Faults::excuses() {
  Excuses excuses = excuses_;
  excuses.ops_under_way = LeftAtRest();
  return excuses;
}

void Faults::End() {
  if (std::exchange(ended_, true)) return;
  story_.Tell("no more faults");
  for (const auto& mend : mend_) mend();
  calls_.clear();
  pause_operator_ = false;
}

std::string Faults::AnyTablet() {
  return story_.tablet_name(Between(0, story_.shape().tablets - 1));
}

std::string Faults::AnyServer() {
  const int which = Between(0, story_.shape().tablets + story_.shape().nameservers - 1);
  return which < story_.shape().tablets ? story_.tablet_name(which)
                                        : story_.nameserver_name(which - story_.shape().tablets);
}

int Faults::Between(int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random_);
}

absl::Duration Faults::Seconds(int low, int high) {
  return absl::Seconds(std::uniform_real_distribution<double>(low, high)(random_));
}

}  // namespace omdb::explore
