#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/mend_steps.h"

namespace omdb {
namespace {

// Its own recovery begins within a second or two of a tablet's return (M4).
constexpr absl::Duration kLeftToTheNameserver = absl::Seconds(30);

// What it has ends with its present terms, and what was attached to it gets another leader.
void Forsake(Plan& plan, const std::string& endpoint) {
  for (const Table& table : plan.seen.database->tables) {
    for (const Partition& partition : table.partitions) {
      const ReplicaMeta* meta = partition.Find(endpoint);
      if (meta != nullptr && meta->is_alive) plan.RememberTerm(partition, endpoint);
    }
  }
  if (!plan.ledger().tablet) return;
  TabletStep& step = plan.ledger().tablet->step;
  if (step == TabletStep::kAttach || step == TabletStep::kMarkAlive) step = TabletStep::kLoad;
  // Mending looks at the terms of former leaders.
  if (step == TabletStep::kReattachFormerLeaders) step = TabletStep::kRemoveExtraReplicas;
}

bool LeadsAny(const Database& database, const std::string& endpoint) {
  for (const Table& table : database.tables) {
    for (const Partition& partition : table.partitions) {
      const auto others = std::count_if(
          partition.replicas.begin(), partition.replicas.end(), [&](const ReplicaMeta& meta) {
            return meta.endpoint != endpoint && meta.is_alive && Serves(database, meta.endpoint);
          });
      if (partition.LedBy(endpoint) && others > 0) return true;
    }
  }
  return false;
}

}  // namespace

// What auto_failover would have done, had it been left on.
bool FailOver(Plan& plan) {
  const Database& database = *plan.seen.database;
  if (!plan.ledger().wanted_auto_failover.value_or(false)) return true;
  if (OpUnderWay(database)) return true;
  for (const Tablet& tablet : database.tablets) {
    if (!GivenUp(database, tablet.endpoint) || !LeadsAny(database, tablet.endpoint)) continue;
    plan.Warn("TabletLost",
              absl::StrCat("tablet ", tablet.endpoint, " has been away for ",
                           absl::FormatDuration(absl::Trunc(tablet.state_age, absl::Seconds(1))),
                           "; its partitions get other leaders, which may lack its last rows"));
    plan.Do(action::Offline{tablet.endpoint});
    Forsake(plan, tablet.endpoint);
    return Mends(plan, absl::StrCat("failing over from ", tablet.endpoint));
  }
  return true;
}

// While a tablet is in hand the operator has it off, whatever somebody sets (F5.2.2, F5.10).
bool KeepFailoverOff(Plan& plan) {
  const auto& hand = plan.ledger().tablet;
  if (!hand || !plan.seen.database->auto_failover || hand->step <= TabletStep::kTurnFailoverOff ||
      hand->step >= TabletStep::kTurnFailoverBack)
    return true;
  plan.Warn("AutoFailoverTurnedOn",
            absl::StrCat("auto_failover was turned on while tablet ", hand->name,
                         " is being replaced; it is off until that is over, and on afterwards"));
  plan.ledger().wanted_auto_failover = true;
  plan.Do(action::SetAutoFailover{false});
  return plan.Acting("turning auto_failover off");
}

// With auto_failover on the nameserver does it, but not always, and never twice (F5.10): after some
// time the operator takes over.
bool TakeOver(Plan& plan) {
  if (plan.ledger().tablet) return true;
  auto& rollout = plan.ledger().rollout;  // without a tablet in hand there is one
  const std::vector<Op>& ops = plan.seen.database->ops;
  const bool stuck =
      std::any_of(ops.begin(), ops.end(), [&plan](const Op& op) { return Stuck(op, plan.seen); });
  auto problem = OpUnderWay(*plan.seen.database);
  if (!stuck) problem = problem ? std::nullopt : PartitionUnwell(plan.seen);
  if (!problem || TabletMissing(plan.seen)) {
    rollout->unwell_since.reset();
    return true;
  }
  if (!rollout->unwell_since) rollout->unwell_since = plan.seen.now;
  if (plan.seen.now - *rollout->unwell_since < kLeftToTheNameserver) return true;
  plan.Warn("MendingPartitions",
            absl::StrCat("the nameserver does not bring back what is lost (", problem->message,
                         "); auto_failover is off until that is done"));
  plan.ledger().wanted_auto_failover = true;
  plan.Do(action::SetAutoFailover{false});
  return plan.Acting("mending: turning auto_failover off");
}

// What TakeOver began is over.
bool GiveFailoverBack(Plan& plan) {
  auto& wanted = plan.ledger().wanted_auto_failover;
  if (!wanted || plan.ledger().tablet) return true;
  if (auto problem = NotWhole(plan.seen)) return plan.Wait(problem->reason, problem->message);
  if (plan.seen.database->auto_failover != *wanted) {
    plan.Do(action::SetAutoFailover{*wanted});
    return plan.Acting("mending: turning auto_failover back");
  }
  wanted.reset();
  plan.ledger().rollout->unwell_since.reset();  // see TakeOver
  return true;
}

}  // namespace omdb
