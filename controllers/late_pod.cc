#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"
#include "controllers/plan.h"

// A pod that does not come back within spec.upgrade.podTimeout is told to people; it is waited for
// all the same.
namespace omdb {
namespace {

// What is waited for may be no more than this pod, and it says more.
bool MayBeThePod(const std::string& reason) {
  constexpr std::array kByPod = {"", "OpenMLDBUnreachable", "TabletDown", "TaskManagerUnreachable"};
  return std::find(kByPod.begin(), kByPod.end(), reason) != kByPod.end();
}

const Pod* LatePod(const Snapshot& seen) {
  const absl::Duration limit = seen.cluster.spec.upgrade.pod_timeout;
  for (const Pod& pod : seen.pods) {
    if (!pod.ready && seen.now - std::max(pod.created, pod.not_ready_since) >= limit) return &pod;
  }
  return nullptr;
}

// To so much a waiting time is told: a message that changes all the time would be written all the
// time.
absl::Duration Rounded(absl::Duration waited) {
  return absl::Trunc(waited, waited < absl::Minutes(1) ? absl::Seconds(10) : absl::Minutes(1));
}

std::string FieldOf(Component component) {
  switch (component) {
    case Component::kZooKeeper:
      return "spec.zookeeper.managed";
    case Component::kNameserver:
      return "spec.nameserver";
    case Component::kTablet:
      return "spec.tablet";
    case Component::kTaskManager:
      return "spec.taskManager";
    case Component::kApiServer:
      return "spec.apiServer";
  }
  return "spec";
}

// What a person can do about it.
std::string WayOut(const Snapshot& seen, const Pod& pod) {
  const std::string ask = absl::StrCat("kubectl -n ", seen.cluster.key.ns, " ");
  if (pod.deleting) {
    return absl::StrCat("it is being deleted; when its node is gone for good, `", ask,
                        "delete pod ", pod.name, " --force`");
  }
  if (absl::StartsWith(pod.says, "Unschedulable")) {
    return absl::StrCat("make room on the nodes, or change resources, storage or pod of ",
                        FieldOf(pod.component));
  }
  return absl::StrCat("see `", ask, "describe pod ", pod.name, "` and `", ask, "logs ", pod.name,
                      "`; what its server is started with is in ", FieldOf(pod.component));
}

}  // namespace

void ReportLatePod(Plan& plan) {
  Decision& decision = plan.decision;
  if (decision.stalled || !decision.actions.empty() || !MayBeThePod(decision.reason)) return;
  const Pod* pod = LatePod(plan.seen);
  if (pod == nullptr) return;
  const absl::Duration waited = plan.seen.now - std::max(pod->created, pod->not_ready_since);
  plan.Wait("PodNotReady",
            absl::StrCat("pod ", pod->name, " has not been ready for ",
                         absl::FormatDuration(Rounded(waited)), " (spec.upgrade.podTimeout is ",
                         absl::FormatDuration(plan.seen.cluster.spec.upgrade.pod_timeout), "): ",
                         pod->says.empty() ? "Kubernetes says nothing of it" : pod->says, "; ",
                         WayOut(plan.seen, *pod), ". It goes on by itself once the pod is ready"),
            decision.look_again);
}

}  // namespace omdb
