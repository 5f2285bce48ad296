#include "controllers/rollout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/objects/objects.h"

namespace omdb {
namespace {

void BeginRollout(Plan& plan) {
  auto& rollout = plan.ledger().rollout;
  if (rollout && rollout->to_version == plan.seen.cluster.spec.version) return;
  if (!rollout) {
    rollout.emplace();
    rollout->from_version = plan.seen.cluster.status.version;
    rollout->started = plan.seen.now;
    for (const Table& table : plan.seen.database->tables) {
      for (const Partition& partition : table.partitions) {
        const ReplicaMeta* leader = partition.Leader();
        const ReplicaStatus* status =
            leader == nullptr ? nullptr
                              : plan.seen.database->Status(leader->endpoint, partition.id);
        if (status != nullptr) rollout->offsets[ToString(partition.id)] = status->offset;
      }
    }
  }
  rollout->to_version = plan.seen.cluster.spec.version;
  plan.Tell("UpgradeStarted", rollout->from_version == rollout->to_version
                                  ? absl::StrCat("replacing pods of version ", rollout->to_version,
                                                 " whose part of the spec changed")
                                  : absl::StrCat("replacing version ", rollout->from_version,
                                                 " by ", rollout->to_version));
}

}  // namespace

std::string WantedHash(const Snapshot& seen, Component component) {
  return SpecHash(seen.cluster, component, seen.cluster.spec.version);
}

bool OutdatedTemplate(const Snapshot& seen, Component component) {
  return seen.workloads.at(component).spec_hash != WantedHash(seen, component);
}

std::vector<const Pod*> OutdatedPods(const Plan& plan, Component component) {
  std::vector<const Pod*> outdated;
  const std::string wanted = WantedHash(plan.seen, component);
  for (const Pod* pod : plan.seen.PodsOf(component)) {
    if (pod->spec_hash != wanted) outdated.push_back(pod);
  }
  return outdated;
}

void ApplyTemplate(Plan& plan, Component component) {
  DesiredObject desired =
      DesiredWorkload(plan.seen.cluster, component, plan.seen.cluster.spec.version);
  plan.Do(action::Apply{desired.type, std::move(desired.object)});
}

bool TakeTurn(Plan& plan, Component component) {
  if (!OutdatedTemplate(plan.seen, component)) return true;
  BeginRollout(plan);
  ApplyTemplate(plan, component);
  return plan.Acting(
      absl::StrCat(ToString(component), ": template of version ", plan.seen.cluster.spec.version));
}

std::string Place(const Plan& plan, Component component) {
  const size_t all = plan.seen.PodsOf(component).size();
  const size_t outdated = OutdatedPods(plan, component).size();
  return absl::StrCat(ToString(component), " ", std::min(all, all - outdated + 1), "/", all);
}

bool NewPodsServe(Plan& plan, Component component) {
  const std::string wanted = WantedHash(plan.seen, component);
  for (const Pod* pod : plan.seen.PodsOf(component)) {
    if (pod->deleting)
      return plan.Acting(absl::StrCat(Place(plan, component), ": ", pod->name, " stops"), kShortly);
    if (Broken(*pod) && pod->spec_hash != wanted) {
      plan.Do(action::DeletePod{pod->name, pod->uid});
      return plan.Acting(absl::StrCat(Place(plan, component), ": replacing ", pod->name), kShortly);
    }
  }
  if (auto problem = PodTrouble(plan.seen, component))
    return plan.Wait(problem->reason, problem->message, kLater);
  const int replicas = plan.seen.cluster.spec.Of(component).replicas;
  const auto pods = plan.seen.PodsOf(component);
  if (static_cast<int>(pods.size()) < replicas) {
    return plan.Acting(absl::StrCat(Place(plan, component), ": waiting for pods"), kShortly);
  }
  // Of nameservers and task managers only those that lead are sure to answer (F1.4, F8.2).
  const bool standbys = component == Component::kNameserver || component == Component::kTaskManager;
  bool answered = false;
  for (const Pod* pod : pods) {
    answered = answered || !pod->reported_version.empty();
    if (pod->ready && (standbys || !pod->reported_version.empty())) continue;
    // A standby nameserver of a fresh cluster that is still to be replaced may not be ready yet.
    if (component == Component::kNameserver && pod->spec_hash != wanted) continue;
    return plan.Acting(absl::StrCat(Place(plan, component), ": waiting for ", pod->name), kShortly);
  }
  if (!answered)
    return plan.Acting(absl::StrCat(Place(plan, component), ": waiting for its version"), kShortly);
  return true;
}

}  // namespace omdb
