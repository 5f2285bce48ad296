#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "controllers/choose_tablet.h"
#include "controllers/guards.h"
#include "controllers/rollout.h"
#include "controllers/tablet_steps.h"

namespace omdb {
namespace {

struct NamedStep {
  TabletStep step;
  bool (*run)(Plan&);
};

// How a tablet is replaced without losing a row (M11, M12).
constexpr std::array kTabletSteps = {
    NamedStep{TabletStep::kTurnFailoverOff, TurnFailoverOff},
    NamedStep{TabletStep::kAddExtraReplicas, AddExtraReplicas},
    NamedStep{TabletStep::kHandOverLeaders, HandOverLeaders},
    NamedStep{TabletStep::kDetach, Detach},
    NamedStep{TabletStep::kRestart, Restart},
    NamedStep{TabletStep::kLoad, Load},
    NamedStep{TabletStep::kAttach, Attach},
    NamedStep{TabletStep::kMarkAlive, MarkAlive},
    NamedStep{TabletStep::kReturnLeaders, ReturnLeaders},
    NamedStep{TabletStep::kReattachFormerLeaders, ReattachFormerLeaders},
    NamedStep{TabletStep::kRemoveExtraReplicas, RemoveExtraReplicas},
    NamedStep{TabletStep::kVerify, Verify},
    NamedStep{TabletStep::kTurnFailoverBack, TurnFailoverBack},
};

bool RunSteps(Plan& plan) {
  for (;;) {
    const TabletStep current = plan.ledger().tablet->step;
    auto step = std::find_if(kTabletSteps.begin(), kTabletSteps.end(),
                             [current](const NamedStep& named) { return named.step == current; });
    if (!step->run(plan)) return false;
    if (++step == kTabletSteps.end()) return true;
    // A step may have sent the tablet back to an earlier one.
    if (plan.ledger().tablet->step == current) plan.ledger().tablet->step = step->step;
  }
}

void Conclude(Plan& plan) {
  TabletInHand& hand = *plan.ledger().tablet;
  for (const Op& op : plan.seen.database->ops) {
    if (op.id > hand.last_op_id && op.state == OpState::kFailed) {
      plan.Warn("OpFailed", absl::StrCat(ToString(op), " failed while tablet ", hand.name,
                                         " was replaced; its partition is well all the same"));
    }
  }
  hand.report.finished = plan.seen.now;
  plan.Tell(
      "TabletUpgraded",
      absl::StrCat("tablet ", hand.name, " is back: ", hand.report.leaders_moved,
                   " leaders moved, ", hand.report.leaders_returned, " returned, longest pause ",
                   absl::FormatDuration(hand.report.longest_pause), ", rows lost ",
                   hand.report.rows_lost));
  if (plan.ledger().rollout) AddReport(plan.ledger().rollout->tablets, hand.report);
  plan.ledger().tablet.reset();
}

}  // namespace

bool LiftFences(Plan& plan) {
  if (!plan.seen.first_look || !plan.seen.database || !plan.ledger().tablet) return true;
  for (const std::string& tablet : plan.seen.database->registered_tablets)
    plan.Do(action::Unfence{tablet});
  return plan.Acting(Progress(plan, "lifting fences that may have been left"));
}

bool UpgradeTablets(Plan& plan) {
  const Snapshot& seen = plan.seen;
  if (!plan.ledger().tablet && !plan.ledger().rollout &&
      OutdatedPods(plan, Component::kTablet).empty())
    return true;
  if (auto problem = NotReachable(seen)) return plan.Wait(problem->reason, problem->message);
  if (!plan.ledger().tablet) {
    if (!TakeTurn(plan, Component::kTablet)) return false;
    if (!NewPodsServe(plan, Component::kTablet)) return false;
    const auto outdated = OutdatedPods(plan, Component::kTablet);
    if (outdated.empty()) return true;
    if (auto problem = NotWhole(seen)) return plan.Wait(problem->reason, problem->message);
    if (!TakeInHand(plan, *outdated.front())) return false;
  }
  if (KeptFromServing(plan)) plan.ledger().tablet->step = TabletStep::kRestart;
  if (!RunSteps(plan)) return false;
  Conclude(plan);
  return plan.Acting(absl::StrCat(Place(plan, Component::kTablet), ": next"), kAtOnce);
}

std::string Progress(const Plan& plan, const std::string& doing) {
  return absl::StrCat(Place(plan, Component::kTablet), ": ", plan.decision.ledger.tablet->name,
                      ": ", doing);
}

bool TurnFailoverOff(Plan& plan) {
  if (!plan.seen.database->auto_failover) return true;
  plan.Do(action::SetAutoFailover{false});
  return plan.Doing(Progress(plan, "turning auto_failover off"));
}

// The guide's check after each tablet: every table's status ok. Only while auto_failover is off
// replicas can be mended: what only a closer look shows must be well before it is on again. And
// turned on it takes its leaders from a tablet that is away, with the last of their rows (M13).
bool Verify(Plan& plan) {
  if (!plan.seen.database->closely) return plan.Acting(Progress(plan, "looking closely"), kAtOnce);
  if (auto problem = NotWhole(plan.seen)) return plan.Wait(problem->reason, problem->message);
  return true;
}

bool TurnFailoverBack(Plan& plan) {
  auto& wanted = plan.ledger().wanted_auto_failover;
  if (wanted && plan.seen.database->auto_failover != *wanted) {
    // It was not turned back when that was verified, and may not be well any more.
    if (!plan.seen.database->closely) {
      plan.ledger().tablet->step = TabletStep::kVerify;
      return plan.Acting(Progress(plan, "looking closely"), kAtOnce);
    }
    plan.Do(action::SetAutoFailover{*wanted});
    return plan.Doing(Progress(plan, "turning auto_failover back"));
  }
  wanted.reset();
  return true;
}

}  // namespace omdb
