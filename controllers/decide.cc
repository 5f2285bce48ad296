#include "controllers/decide.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/plan.h"

namespace omdb {
namespace {

// One may be made late, by an op that outlived its tablet's turn.
bool NoExtraReplicas(Plan& plan) {
  for (const Table& table : plan.seen.database->tables) {
    for (const Partition& partition : table.partitions) {
      const auto& extra = plan.ledger().rollout->extra_replicas;
      const auto made = extra.find(ToString(partition.id));
      if (made == extra.end() || partition.Find(made->second) == nullptr ||
          partition.LedBy(made->second))
        continue;
      plan.Do(action::DeleteReplica{partition.id, made->second});
    }
  }
  return plan.decision.actions.empty();
}

// After the last component: what was promised is checked, and the rollout is closed (F7.3).
bool Finish(Plan& plan) {
  auto& rollout = plan.ledger().rollout;
  if (!rollout) return true;
  if (auto problem = NotWhole(plan.seen)) return plan.Wait(problem->reason, problem->message);
  for (const Table& table : plan.seen.database->tables) {
    for (const Partition& partition : table.partitions) {
      // It is there: the database is whole.
      const ReplicaStatus* leader =
          plan.seen.database->Status(partition.Leader()->endpoint, partition.id);
      auto before = rollout->offsets.find(ToString(partition.id));
      if (before == rollout->offsets.end()) continue;
      if (leader->offset < before->second) {
        return plan.Stall(
            "OffsetBehind",
            absl::StrCat("the leader of ", ToString(partition.id), " is at offset ", leader->offset,
                         ", before the rollout it was at ", before->second,
                         ": rows are missing. Former leaders keep what they wrote in the recycle "
                         "directories of their volumes. The rollout ends once the leader has that "
                         "offset, or the table is dropped"));
      }
    }
  }
  if (!NoExtraReplicas(plan)) return plan.Acting("removing extra replicas", kShortly);
  plan.Tell("UpgradeComplete", absl::StrCat("every component runs version ", rollout->to_version));
  rollout.reset();
  plan.ledger().followed_in_term.clear();
  plan.ledger().preflighted.clear();
  return plan.Acting("complete", kSoon);
}

// At rest the resource is ready only while the database is: what is wrong is said, and OpenMLDB or
// a person mends it.
bool Whole(Plan& plan) {
  if (auto problem = NotReachable(plan.seen))
    return plan.Wait(problem->reason, problem->message, kLater);
  if (auto problem = TabletMissing(plan.seen))
    return plan.Wait(problem->reason, problem->message, kLater);
  if (auto problem = PartitionUnwell(plan.seen))
    return plan.Wait(problem->reason, problem->message, kLater);
  return true;
}

// The whole life of a cluster, in order. What is not there is made; then, whenever the spec asks
// for another version or configuration, the components are replaced one after the other as
// OpenMLDB's upgrade guide has it.
constexpr std::array kSteps = {
    LiftFences,           // of an operator that died, or of a hand-over that failed
    CreateMissing,        // ZooKeeper, tablets, nameservers, task managers, API servers
    Preflight,            // the new image runs and is what it is called, before a pod is replaced
    Mend,                 // what crashes left behind
    UpgradeNameservers,   // standbys first, the leader last
    UpgradeTablets,       // one at a time, without its leaders
    UpgradeTaskManagers,  // once no job is unfinished, or jobTimeout is over
    UpgradeApiServers,    // by their Deployment
    Finish,               // nothing was lost
    Whole,                // at rest: ready only while the database is well
};

}  // namespace

Decision Decide(const Snapshot& snapshot, const Ledger& ledger) {
  Plan plan(snapshot, ledger);
  bool complete = true;
  for (auto step : kSteps) {
    if (!step(plan)) {
      complete = false;
      break;
    }
  }
  ReportLatePod(plan);
  Decision& decision = plan.decision;
  complete = complete && decision.reason.empty();
  decision.complete = complete;
  if (complete) {
    decision.phase = "Ready";
  } else if (decision.stalled) {
    decision.phase = "Stalled";
  } else if (plan.ledger().rollout || plan.preflight) {
    decision.phase = decision.reason.empty() ? "Upgrading" : "Waiting";
  } else {
    decision.phase = snapshot.cluster.status.version.empty() ? "Creating" : "Degraded";
  }
  return std::move(plan.decision);
}

}  // namespace omdb
