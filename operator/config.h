#ifndef OMDB_OPERATOR_CONFIG_H_
#define OMDB_OPERATOR_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace omdb {

// How the process runs. Defaults, then the file of --config, then flags: the later wins.
struct Config {
  std::string kubeconfig;       // empty: KUBECONFIG, the pod's service account, or ~/.kube/config
  std::string watch_namespace;  // empty: all namespaces
  bool leader_elect = true;
  std::string lease_namespace;  // empty: the pod's namespace, or "default"
  std::string lease_name = "openmldb-operator";
  std::string health_probe_bind_address = ":8081";
  int workers = 2;  // clusters reconciled at the same time
  std::string log_level = "info";
  // What nameservers and tablets are sent as `authorization` (F4).
  std::string openmldb_credential = "sdefault";
};

// Reads `path`, a YAML document with the flags' names as keys (watch-namespace, leader-elect, …).
// InvalidArgument names the key that is unknown or of the wrong type.
absl::StatusOr<Config> LoadConfig(const std::string& path, Config config);

}  // namespace omdb

#endif  // OMDB_OPERATOR_CONFIG_H_
