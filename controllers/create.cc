#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/objects/objects.h"
#include "controllers/rollout.h"

namespace omdb {
namespace {

// Servers need those before them: a nameserver exits unless enough tablets are registered (F1.4), a
// task manager and an API server need the nameserver.
constexpr std::array kCreationOrder = {Component::kZooKeeper, Component::kTablet,
                                       Component::kNameserver, Component::kTaskManager,
                                       Component::kApiServer};

bool Wanted(const Cluster& cluster, Component component) {
  if (component == Component::kZooKeeper) return cluster.spec.zookeeper_managed;
  return cluster.spec.Of(component).replicas > 0;
}

void KeepSupportingObjects(Plan& plan, Component component) {
  const bool handling = component == Component::kTablet && plan.ledger().tablet.has_value();
  for (DesiredObject& desired : SupportingObjects(plan.seen.cluster, component, handling)) {
    const Json& metadata = desired.object.at("metadata");
    auto stored =
        plan.seen.object_hashes.find({desired.type.kind, metadata.at("name").get<std::string>()});
    if (stored != plan.seen.object_hashes.end() &&
        stored->second == metadata.at("annotations").at(kObjectHashAnnotation).get<std::string>()) {
      continue;
    }
    plan.Do(action::Apply{desired.type, std::move(desired.object)});
  }
}

// More or fewer pods of the same kind: the template stays as it is stored, so that nothing
// restarts.
void KeepReplicas(Plan& plan, Component component, const Workload& workload) {
  const int wanted =
      component == Component::kZooKeeper ? 1 : plan.seen.cluster.spec.Of(component).replicas;
  if (workload.replicas == wanted) return;
  DesiredObject desired = DesiredWorkload(plan.seen.cluster, component, workload.version);
  desired.object["spec"]["template"] = workload.object->at("spec").at("template");
  plan.Do(action::Apply{desired.type, std::move(desired.object)});
}

// As many pods as wanted are ready. A standby nameserver of a fresh cluster opens its port only
// when it leads (F1.4), so for nameservers one is enough.
bool Serves(const Plan& plan, Component component) {
  const auto pods = plan.seen.PodsOf(component);
  const auto ready =
      std::count_if(pods.begin(), pods.end(), [](const Pod* pod) { return pod->ready; });
  if (component == Component::kNameserver) return ready > 0 && plan.seen.database.has_value();
  return ready >=
         (component == Component::kZooKeeper ? 1 : plan.seen.cluster.spec.Of(component).replicas);
}

}  // namespace

bool CreateMissing(Plan& plan) {
  const bool fresh = plan.seen.cluster.status.version.empty();
  for (Component component : kCreationOrder) {
    auto workload = plan.seen.workloads.find(component);
    const bool there = workload != plan.seen.workloads.end();
    if (!Wanted(plan.seen.cluster, component)) {
      if (there) KeepReplicas(plan, component, workload->second);
      continue;
    }
    KeepSupportingObjects(plan, component);
    if (!there) {
      ApplyTemplate(plan, component);
      plan.Tell("Creating", absl::StrCat("creating ", ToString(component)));
      return plan.Acting(absl::StrCat("creating ", ToString(component)), kShortly);
    }
    KeepReplicas(plan, component, workload->second);
    if (!fresh || Serves(plan, component)) continue;
    // A version that was wrong from the start is corrected like any other, below; until then its
    // pods cannot serve.
    if (component != Component::kZooKeeper && OutdatedTemplate(plan.seen, component)) {
      ApplyTemplate(plan, component);
      for (const Pod* pod : plan.seen.PodsOf(component)) {
        // What a tablet has in its hands is handed over first, below.
        if (component != Component::kTablet || !pod->ready)
          plan.Do(action::DeletePod{pod->name, pod->uid});
      }
      return plan.Acting(absl::StrCat("creating ", ToString(component)), kShortly);
    }
    if (auto problem = PodTrouble(plan.seen, component))
      return plan.Wait(problem->reason, problem->message, kLater);
    const bool unreachable = component == Component::kNameserver && !plan.seen.database;
    return plan.Acting(absl::StrCat("waiting for ", ToString(component), unreachable ? ": " : "",
                                    unreachable ? plan.seen.database_status.message() : ""),
                       kShortly);
  }
  if (!plan.decision.actions.empty()) return plan.Acting("applying services and budgets");
  return true;
}

}  // namespace omdb
