#ifndef OMDB_OPERATOR_KUBE_KUBECONFIG_H_
#define OMDB_OPERATOR_KUBE_KUBECONFIG_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "operator/kube/connection.h"

namespace omdb::kube {

// The value of an environment variable.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

// What a pod is given: KUBERNETES_SERVICE_HOST and _PORT and the files of its service account.
// FailedPrecondition when this is no pod.
absl::StatusOr<Connection> InClusterConnection(
    const Environment& environment,
    const std::string& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

// A context of a kubeconfig; empty `context` is its current-context. Of several files the first one
// that names a cluster, user, context or the current-context wins; files that do not exist are
// passed over as long as one does. Relative paths in a file start at its directory. Errors:
// NotFound (no file, no such context); InvalidArgument (not YAML, contradictions); Unimplemented (a
// way to log in that this client has not, with what to do instead).
absl::StatusOr<Connection> KubeconfigConnection(const std::vector<std::string>& files,
                                                const std::string& context);

// The order of kubectl: `kubeconfig` (a path, from a flag) if not empty; KUBECONFIG, a list
// separated by colons; the pod's own; ~/.kube/config.
absl::StatusOr<Connection> FindConnection(const std::string& kubeconfig, const std::string& context,
                                          const Environment& environment);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_KUBECONFIG_H_
