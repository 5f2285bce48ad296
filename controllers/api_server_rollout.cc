#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/rollout.h"

namespace omdb {

// API servers keep nothing: the Deployment replaces them, a new one before an old one goes (F8.3).
bool UpgradeApiServers(Plan& plan) {
  const Snapshot& seen = plan.seen;
  if (seen.cluster.spec.api_server.replicas == 0) return true;
  const Workload& workload = seen.workloads.at(Component::kApiServer);
  const bool outdated = OutdatedTemplate(seen, Component::kApiServer);
  if (!outdated && !plan.ledger().rollout) return true;
  if (auto problem = NotReachable(seen)) return plan.Wait(problem->reason, problem->message);
  if (outdated) plan.Tell("ReplacingApiServers", "replacing API servers");
  if (!TakeTurn(plan, Component::kApiServer)) return false;
  if (auto problem = PodTrouble(seen, Component::kApiServer)) {
    return plan.Wait(problem->reason, problem->message, kLater);
  }
  if (!workload.settled || !OutdatedPods(plan, Component::kApiServer).empty()) {
    return plan.Acting(absl::StrCat(Place(plan, Component::kApiServer), ": waiting for new pods"),
                       kShortly);
  }
  return NewPodsServe(plan, Component::kApiServer);
}

}  // namespace omdb
