#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "controllers/mend_steps.h"

// What a crash leaves behind, of a server or of an operator, is put right before the rollout goes
// on: with auto_failover off nobody else does it (F5.10).
namespace omdb {
namespace {

// For that long the nameserver may take to see a tablet that is registered; then it has missed it
// (H6).
constexpr absl::Duration kMissedAfter = absl::Seconds(2);
// No server is there sooner after its container was started.
constexpr absl::Duration kStartsAfter = absl::Milliseconds(200);
// A task that copies no data takes a tenth of a second, or two seconds where the nameserver asks
// tablets how far it is; one that a failover of the nameserver or a crash interrupted stays for
// ever (M6).
constexpr absl::Duration kStuckAfter = absl::Seconds(20);
constexpr absl::Duration kStuckForLong = absl::Seconds(60);
constexpr std::array<const char*, 11> kQuickTasks = {
    "kSelectLeader",    "kChangeLeader",          "kUpdateLeaderInfo", "kAddReplica",
    "kDelReplica",      "kAddTableInfo",          "kDelTableInfo",     "kUpdateTableInfo",
    "kRecoverSnapshot", "kUpdatePartitionStatus", "kDropTable"};

}  // namespace

bool Mend(Plan& plan) {
  if (!plan.seen.database) return true;
  if (!MakeTabletsKnown(plan)) return false;
  // At rest it is OpenMLDB's own, or a person's.
  if (!plan.ledger().rollout && !plan.ledger().tablet) return true;
  if (!KeepFailoverOff(plan)) return false;
  const bool well = plan.seen.database->auto_failover
                        ? TakeOver(plan)
                        : FreeLanes(plan) && BringReplicasBack(plan) && FailOver(plan);
  plan.decision.mended = well && GiveFailoverBack(plan);
  return plan.decision.mended;
}

bool Mends(Plan& plan, const std::string& doing) {
  return plan.Acting(absl::StrCat("mending: ", doing), absl::Milliseconds(100));
}

// A tablet whose return the nameserver missed (H6), or whose restart: then it counts on it since
// before its server was there, and calls it at its former address (F5.10 gap 4).
bool MakeTabletsKnown(Plan& plan) {
  const size_t before = plan.decision.actions.size();
  const auto& registered = plan.seen.database->registered_tablets;
  for (const Tablet& tablet : plan.seen.database->tablets) {
    const Pod* pod = plan.seen.FindPod(tablet.endpoint);
    if (pod == nullptr || pod->deleting ||
        std::count(registered.begin(), registered.end(), tablet.endpoint) == 0)
      continue;
    const absl::Duration age = plan.seen.now - pod->started;
    const bool missed =
        tablet.healthy ? tablet.state_age > age - kStartsAfter : tablet.state_age >= kMissedAfter;
    if (!missed || age < 2 * kMissedAfter) continue;
    plan.Do(action::RenewZooKeeperSession{AddressOf(*pod)});
  }
  if (plan.decision.actions.size() == before) return true;
  return Mends(plan, "making tablets known to the nameserver");
}

bool Stuck(const Op& op, const Snapshot& seen) {
  const absl::Duration in_task = seen.now - op.in_task_since;
  if (op.state != OpState::kDoing || in_task < kStuckAfter) return false;
  if (std::count(kQuickTasks.begin(), kQuickTasks.end(), op.task) > 0) return true;
  // One that copies data takes its time, but a tablet that came back knows nothing of it.
  const std::vector<Tablet>& tablets = seen.database->tablets;
  return std::any_of(tablets.begin(), tablets.end(), [&](const Tablet& tablet) {
    const bool since_then = seen.now - tablet.state_age > op.started && in_task >= kStuckForLong;
    return tablet.healthy && (tablet.state_age < in_task || since_then);
  });
}

bool FreeLanes(Plan& plan) {
  const auto& hand = plan.ledger().tablet;
  for (const Op& op : plan.seen.database->ops) {
    if (Stuck(op, plan.seen)) {
      plan.Warn("OpStuck",
                absl::StrCat(ToString(op), " is stuck in task ", op.task, " and is cancelled"));
    } else if (hand && op.id > hand->last_op_id && op.IsFailedChangeOfLeader()) {
      plan.Warn("OpFailed", absl::StrCat(ToString(op),
                                         " failed and is deleted, lest another nameserver "
                                         "takes it up; its partition is looked after"));
    } else {
      continue;
    }
    plan.Do(action::EndOp{op});
  }
  if (plan.decision.actions.empty()) return true;
  return Mends(plan, "freeing what is stuck");
}

bool Serves(const Database& database, const std::string& endpoint) {
  const Tablet* tablet = database.FindTablet(endpoint);
  return tablet != nullptr && tablet->healthy && database.Answered(endpoint);
}

bool GivenUp(const Database& database, const std::string& endpoint) {
  const Tablet* tablet = database.FindTablet(endpoint);
  return tablet == nullptr || (!tablet->healthy && tablet->state_age >= kGivenUpAfter);
}

}  // namespace omdb
