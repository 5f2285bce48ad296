#include "operator/flags.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "spdlog/spdlog.h"

// Those that are not given leave what the configuration says.
ABSL_FLAG(std::string, config, "", "YAML file with these flags' names as keys; flags win over it");
ABSL_FLAG(absl::optional<std::string>, kubeconfig, {},
          "kubeconfig file; without it KUBECONFIG, the pod's service account or ~/.kube/config");
ABSL_FLAG(absl::optional<std::string>, watch_namespace, {}, "namespace to watch; without it all");
ABSL_FLAG(absl::optional<bool>, leader_elect, {},
          "act only while holding the Lease; without it true");
ABSL_FLAG(absl::optional<std::string>, lease_namespace, {},
          "namespace of the Lease; without it the pod's own");
ABSL_FLAG(absl::optional<std::string>, lease_name, {},
          "name of the Lease; without it openmldb-operator");
ABSL_FLAG(absl::optional<std::string>, health_probe_bind_address, {},
          "address of /healthz and /readyz; without it :8081");
ABSL_FLAG(absl::optional<int>, workers, {}, "clusters reconciled at the same time; without it 2");
ABSL_FLAG(absl::optional<std::string>, log_level, {},
          "trace, debug, info, warn, error or off; without it info");
ABSL_FLAG(absl::optional<std::string>, openmldb_credential, {},
          "authorization sent to nameservers and tablets; without it sdefault");

namespace omdb {
namespace {

// Kubernetes' tools write flags with dashes, Abseil's flags are identifiers: --leader-elect is
// --leader_elect.
std::vector<std::string> WithUnderscores(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  for (size_t i = 1; i < arguments.size(); ++i) {
    std::string& argument = arguments[i];
    if (argument.rfind("--", 0) != 0) continue;
    const auto end = std::find(argument.begin(), argument.end(), '=');
    std::replace(argument.begin() + 2, end, '-', '_');
  }
  return arguments;
}

template <typename T>
void Override(const absl::Flag<absl::optional<T>>& flag, T& field) {
  if (const auto value = absl::GetFlag(flag)) field = *value;
}

absl::Status Check(const Config& config) {
  if (config.workers < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("workers must be at least 1, not ", config.workers));
  }
  // What it does not know turns logging off.
  if (spdlog::level::from_str(config.log_level) == spdlog::level::off &&
      config.log_level != "off") {
    return absl::InvalidArgumentError(absl::StrCat("log-level must be trace, debug, info, warn, ",
                                                   "error or off, not '", config.log_level, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Config> ConfigOf(int argc, char** argv) {
  std::vector<std::string> arguments = WithUnderscores(argc, argv);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  absl::ParseCommandLine(static_cast<int>(pointers.size()), pointers.data());
  Config config;
  if (const std::string path = absl::GetFlag(FLAGS_config); !path.empty()) {
    auto loaded = LoadConfig(path, config);
    if (!loaded.ok()) return loaded.status();
    config = *std::move(loaded);
  }
  Override(FLAGS_kubeconfig, config.kubeconfig);
  Override(FLAGS_watch_namespace, config.watch_namespace);
  Override(FLAGS_leader_elect, config.leader_elect);
  Override(FLAGS_lease_namespace, config.lease_namespace);
  Override(FLAGS_lease_name, config.lease_name);
  Override(FLAGS_health_probe_bind_address, config.health_probe_bind_address);
  Override(FLAGS_workers, config.workers);
  Override(FLAGS_log_level, config.log_level);
  Override(FLAGS_openmldb_credential, config.openmldb_credential);
  if (absl::Status status = Check(config); !status.ok()) return status;
  return config;
}

}  // namespace omdb
