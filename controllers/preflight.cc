#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "controllers/guards.h"
#include "controllers/objects/objects.h"
#include "controllers/objects/pod_templates.h"
#include "controllers/plan.h"
#include "controllers/tablet_steps.h"

// Before the first pod is replaced by a new image, that image has to be pulled, to run, and to hold
// the version that it is asked for: a pod of its own shows it.
namespace omdb {
namespace {

// A container that failed may have met a passing trouble of its node.
constexpr absl::Duration kTryAgainAfter = absl::Minutes(1);
constexpr absl::Duration kRejectedAgainAfter = absl::Seconds(10);

std::string ImageOf(const Cluster& cluster) { return ImageOf(cluster.spec, cluster.spec.version); }

std::string ImageIn(const Workload& workload) {
  const Json::json_pointer image("/spec/template/spec/containers/0/image");
  return workload.object->contains(image) ? workload.object->at(image).get<std::string>() : "";
}

// A component's pods are still made from another image or version than the one asked for.
bool NewImage(const Snapshot& seen) {
  constexpr std::array kReplaced = {Component::kNameserver, Component::kTablet,
                                    Component::kTaskManager, Component::kApiServer};
  return std::any_of(kReplaced.begin(), kReplaced.end(), [&seen](Component component) {
    auto workload = seen.workloads.find(component);
    return workload != seen.workloads.end() && seen.cluster.spec.Of(component).replicas > 0 &&
           (workload->second.version != seen.cluster.spec.version ||
            ImageIn(workload->second) != ImageOf(seen.cluster));
  });
}

// A tablet in hand is brought to its end first, unless what it was given keeps it down.
bool TabletGoesFirst(const Plan& plan) {
  return plan.decision.ledger.tablet && !KeptFromServing(plan);
}

// The version in what `openmldb --version` printed; empty when there is none.
std::string VersionIn(const std::string& output) {
  for (absl::string_view word : absl::StrSplit(output, absl::ByAnyChar(" \t\r\n"))) {
    absl::ConsumePrefix(&word, "v");
    if (!word.empty() && absl::ascii_isdigit(word.front()) && absl::StrContains(word, "."))
      return std::string(word);
  }
  return "";
}

bool Remove(Plan& plan) {
  const auto& pod = plan.seen.preflight;
  if (!pod || pod->deleting) return true;
  plan.Do(action::DeletePod{pod->name, pod->uid});
  return plan.Acting("preflight: removing its pod");
}

// "image a/b:0.9.3 (spec.version 0.9.3)"
std::string Subject(const Plan& plan) {
  return absl::StrCat("image ", ImageOf(plan.seen.cluster), " (spec.version ",
                      plan.seen.cluster.spec.version, ")");
}

bool Refuse(Plan& plan, const std::string& reason, const std::string& what,
            const std::string& way_out) {
  return plan.Wait(
      reason,
      absl::StrCat(Subject(plan), " ", what,
                   "; no pod is replaced by it. Correct spec.version or spec.image", way_out),
      kLater);
}

bool Judge(Plan& plan, const PreflightPod& pod) {
  const std::string version = VersionIn(pod.output);
  if (version.empty()) {
    plan.Warn(
        "VersionUnknown",
        absl::StrCat(Subject(plan), " runs, but its `openmldb --version` names no version: \"",
                     absl::StripAsciiWhitespace(pod.output),
                     "\"; each server is asked for its version once it is replaced"));
  } else if (!SameVersion(version, plan.seen.cluster.spec.version)) {
    return Refuse(plan, "VersionMismatch", absl::StrCat("holds version ", version),
                  absl::StrCat(", or delete pod ", pod.name, " when the image was corrected"));
  } else {
    plan.Tell("PreflightPassed", absl::StrCat(Subject(plan), " runs and holds version ", version));
  }
  plan.ledger().preflighted =
      absl::StrCat(plan.seen.cluster.spec.version, " ", ImageOf(plan.seen.cluster));
  if (!pod.deleting) plan.Do(action::DeletePod{pod.name, pod.uid});
  return true;
}

bool Failed(Plan& plan, const PreflightPod& pod) {
  const absl::Duration patience = pod.rejected ? kRejectedAgainAfter : kTryAgainAfter;
  if (plan.seen.now - std::max(pod.created, pod.ended) >= patience)
    plan.Do(action::DeletePod{pod.name, pod.uid});
  if (pod.rejected) {
    return plan.Wait("PreflightRejected",
                     absl::StrCat("pod ", pod.name, ", which tries ", Subject(plan),
                                  ", was not let run: ", pod.says, "; it is made again"),
                     kLater);
  }
  return Refuse(plan, "PreflightFailed",
                absl::StrCat("does not run `openmldb --version` (exit code ", *pod.exit_code,
                             "): ", absl::StripAsciiWhitespace(pod.output)),
                ". It is tried again every minute");
}

bool CannotStart(Plan& plan, const PreflightPod& pod) {
  const bool image = absl::StrContains(pod.waiting, "Image") ||
                     pod.waiting == "RegistryUnavailable" ||
                     pod.waiting == "SignatureValidationFailed";
  if (image) {
    return Refuse(
        plan, "ImagePullFailed", absl::StrCat("cannot be pulled: ", pod.says),
        ", or give the registry's credentials in spec.imagePullSecrets. It is tried again "
        "by itself");
  }
  return Refuse(plan, "PreflightFailed", absl::StrCat("does not start: ", pod.says),
                ", or what the message names. It is tried again by itself");
}

bool Await(Plan& plan, const PreflightPod& pod) {
  const absl::Duration limit = plan.seen.cluster.spec.upgrade.pod_timeout;
  if (plan.seen.now - pod.created < limit) {
    return plan.Acting(absl::StrCat("preflight: waiting for pod ", pod.name,
                                    " to tell the version of ", ImageOf(plan.seen.cluster)),
                       kShortly);
  }
  return plan.Wait(
      "PreflightNotFinished",
      absl::StrCat("pod ", pod.name, ", which tries ", Subject(plan), ", has not ended within ",
                   absl::FormatDuration(limit), " (spec.upgrade.podTimeout): ",
                   pod.says.empty() ? "its container runs" : pod.says,
                   "; no pod is replaced before. See `kubectl -n ", plan.seen.cluster.key.ns,
                   " describe pod ", pod.name,
                   "`; it is scheduled as spec.nameserver.pod says. It is still waited for"),
      kLater);
}

}  // namespace

bool Preflight(Plan& plan) {
  const Snapshot& seen = plan.seen;
  const bool wanted = NewImage(seen);
  if (!wanted && !plan.ledger().rollout) plan.ledger().preflighted.clear();
  const std::string passed = absl::StrCat(seen.cluster.spec.version, " ", ImageOf(seen.cluster));
  if (!wanted || plan.ledger().preflighted == passed) return Remove(plan);
  if (TabletGoesFirst(plan)) return true;
  plan.preflight = true;
  DesiredObject desired = PreflightPodObject(seen.cluster);
  const auto& pod = seen.preflight;
  if (!pod) {
    plan.Tell("Preflight",
              absl::StrCat("trying ", Subject(plan), " before any pod is replaced by it"));
    plan.Do(action::CreatePod{std::move(desired.object)});
    return plan.Acting(absl::StrCat("preflight: starting ", ImageOf(seen.cluster)), kShortly);
  }
  if (pod->hash != desired.object.at("metadata").at("annotations").at(kObjectHashAnnotation)) {
    if (!pod->deleting) plan.Do(action::DeletePod{pod->name, pod->uid});
    return plan.Acting("preflight: removing the pod of another image", kShortly);
  }
  if (pod->exit_code == 0) return Judge(plan, *pod);
  if (pod->deleting) return plan.Acting("preflight: starting once more", kShortly);
  if (pod->rejected || pod->exit_code) return Failed(plan, *pod);
  if (!pod->waiting.empty()) return CannotStart(plan, *pod);
  return Await(plan, *pod);
}

}  // namespace omdb
