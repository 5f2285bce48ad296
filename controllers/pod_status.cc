#include "controllers/pod_status.h"

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"

namespace omdb {
namespace {

// The part of a container's status at `path`, such as /state/waiting; null when it is not there.
const Json* Part(const Json& container, const char* path) {
  const Json::json_pointer where(path);
  return container.contains(where) && container.at(where).is_object() ? &container.at(where)
                                                                      : nullptr;
}

std::string ReasonAndMessage(const Json& object) {
  const std::string reason = object.value("reason", "");
  const std::string message = object.value("message", "");
  return absl::StrCat(reason, reason.empty() || message.empty() ? "" : ": ", message);
}

std::string ExitOf(const Json& terminated) {
  const std::string why = ReasonAndMessage(terminated);
  return absl::StrCat("ended with exit code ", terminated.value("exitCode", 0),
                      why.empty() ? "" : " (", why, why.empty() ? "" : ")");
}

// What is wrong with the container, or why it is not there yet.
std::string ContainerSays(const Json& container) {
  const std::string name = container.value("name", "");
  std::string said;
  if (const Json* waiting = Part(container, "/state/waiting")) said = ReasonAndMessage(*waiting);
  if (const Json* ended = Part(container, "/state/terminated")) said = ExitOf(*ended);
  if (const Json* before = Part(container, "/lastState/terminated")) {
    absl::StrAppend(&said, said.empty() ? "" : "; ", "last time it ", ExitOf(*before));
  }
  return said.empty() ? said : absl::StrCat("container ", name, ": ", said);
}

}  // namespace

absl::Time TimeIn(const Json& object, const std::string& field) {
  absl::Time time;
  std::string error;
  absl::ParseTime(absl::RFC3339_full, object.value(field, ""), &time, &error);
  return time;
}

bool PassingReason(const std::string& reason) {
  return reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing";
}

std::string WhatKubernetesSays(const Json& pod) {
  const Json status = pod.value("status", Json::object());
  if (std::string refused = ReasonAndMessage(status); !refused.empty()) return refused;
  std::string not_ready;
  for (const Json& condition : status.value("conditions", Json::array())) {
    if (condition.value("status", "") != "False") continue;
    const std::string type = condition.value("type", "");
    if (type == "PodScheduled") return ReasonAndMessage(condition);
    if (type == "Ready") not_ready = ReasonAndMessage(condition);
  }
  for (const char* field : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& container : status.value(field, Json::array())) {
      if (container.value("ready", false)) continue;
      if (std::string said = ContainerSays(container); !said.empty()) return said;
    }
  }
  return not_ready;
}

absl::Time StartOf(const Json& status, const std::string& container) {
  for (const Json& each : status.value("containerStatuses", Json::array())) {
    const Json* running = Part(each, "/state/running");
    if (each.value("name", "") == container && running != nullptr)
      return TimeIn(*running, "startedAt");
  }
  return absl::InfinitePast();
}

std::optional<PreflightPod> ReadPreflightPod(const Json& pod) {
  const Json& metadata = pod.at("metadata");
  if (metadata.value("labels", Json::object()).value("app.kubernetes.io/component", "") !=
      kPreflight)
    return std::nullopt;
  PreflightPod read;
  read.name = metadata.at("name");
  read.uid = metadata.value("uid", "");
  read.hash = metadata.value("annotations", Json::object()).value(kObjectHashAnnotation, "");
  read.deleting = metadata.contains("deletionTimestamp");
  read.created = TimeIn(metadata, "creationTimestamp");
  const Json status = pod.value("status", Json::object());
  read.says = WhatKubernetesSays(pod);
  // Others may have added containers of their own, which go on when this one has ended.
  for (const Json& container : status.value("containerStatuses", Json::array())) {
    if (container.value("name", "") != kPreflight) continue;
    if (const Json* ended = Part(container, "/state/terminated")) {
      read.exit_code = ended->value("exitCode", 0);
      read.output = ended->value("message", "");
      if (read.output.empty()) read.output = ended->value("reason", "");
      read.ended = TimeIn(*ended, "finishedAt");
    }
    const Json* waiting = Part(container, "/state/waiting");
    if (waiting != nullptr && !PassingReason(waiting->value("reason", "")))
      read.waiting = waiting->value("reason", "");
  }
  read.rejected = status.value("phase", "") == "Failed" &&
                  (!read.exit_code || !status.value("reason", "").empty());
  return read;
}

}  // namespace omdb
