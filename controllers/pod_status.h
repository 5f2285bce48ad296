#ifndef OMDB_CONTROLLERS_POD_STATUS_H_
#define OMDB_CONTROLLERS_POD_STATUS_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "controllers/kubernetes.h"
#include "controllers/snapshot.h"

// What a pod's status tells. Pure functions on pods as the API server gives them.
namespace omdb {

// Why a pod does not run or is not ready, in Kubernetes' own words: where it waits, why it has no
// node, how it ended last. Empty when nothing is said.
std::string WhatKubernetesSays(const Json& pod);

// The preflight pod, when `pod` is one.
std::optional<PreflightPod> ReadPreflightPod(const Json& pod);

// When the container of that name was started last; long ago where `status` does not say it.
absl::Time StartOf(const Json& status, const std::string& container);

// A waiting reason of a container that passes by itself while its pod starts.
bool PassingReason(const std::string& reason);

// RFC 3339, in the object's own fields; the zero time when it is missing.
absl::Time TimeIn(const Json& object, const std::string& field);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_POD_STATUS_H_
