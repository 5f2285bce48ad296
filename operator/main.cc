#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "absl/debugging/failure_signal_handler.h"
#include "absl/debugging/symbolize.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "operator/config.h"
#include "operator/process.h"
#include "spdlog/spdlog.h"

ABSL_FLAG(std::string, config, "", "YAML file with these flags' names as keys; flags win over it");
ABSL_FLAG(std::string, kubeconfig, "",
          "kubeconfig file; without it KUBECONFIG or the pod's service account");
ABSL_FLAG(std::string, watch_namespace, "", "namespace to watch; empty: all");
ABSL_FLAG(bool, leader_elect, true, "act only while holding the Lease");
ABSL_FLAG(std::string, lease_namespace, "", "namespace of the Lease; empty: the pod's own");
ABSL_FLAG(std::string, lease_name, "openmldb-operator", "name of the Lease");
ABSL_FLAG(std::string, health_probe_bind_address, ":8081", "address of /healthz and /readyz");
ABSL_FLAG(int, workers, 2, "clusters reconciled at the same time");
ABSL_FLAG(std::string, log_level, "info", "trace, debug, info, warn or error");
ABSL_FLAG(std::string, openmldb_credential, "sdefault",
          "authorization sent to nameservers and tablets");

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
void Override(const absl::Flag<T>& flag, T& field, const T& standard) {
  if (absl::GetFlag(flag) != standard) field = absl::GetFlag(flag);
}

absl::StatusOr<omdb::Config> ReadConfig() {
  const omdb::Config standard;
  omdb::Config config;
  if (const std::string path = absl::GetFlag(FLAGS_config); !path.empty()) {
    auto loaded = omdb::LoadConfig(path, config);
    if (!loaded.ok()) return loaded.status();
    config = *std::move(loaded);
  }
  Override(FLAGS_kubeconfig, config.kubeconfig, standard.kubeconfig);
  Override(FLAGS_watch_namespace, config.watch_namespace, standard.watch_namespace);
  Override(FLAGS_leader_elect, config.leader_elect, standard.leader_elect);
  Override(FLAGS_lease_namespace, config.lease_namespace, standard.lease_namespace);
  Override(FLAGS_lease_name, config.lease_name, standard.lease_name);
  Override(FLAGS_health_probe_bind_address, config.health_probe_bind_address,
           standard.health_probe_bind_address);
  Override(FLAGS_workers, config.workers, standard.workers);
  Override(FLAGS_log_level, config.log_level, standard.log_level);
  Override(FLAGS_openmldb_credential, config.openmldb_credential, standard.openmldb_credential);
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  // A crash leaves its stack in the log.
  absl::InitializeSymbolizer(argv[0]);
  absl::InstallFailureSignalHandler({});
  std::vector<std::string> arguments = WithUnderscores(argc, argv);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  absl::SetProgramUsageMessage("replaces the servers of OpenMLDB clusters without losing a row");
  absl::ParseCommandLine(static_cast<int>(pointers.size()), pointers.data());

  const auto config = ReadConfig();
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 2;
  }
  spdlog::set_level(spdlog::level::from_str(config->log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  spdlog::flush_on(spdlog::level::info);
  if (const absl::Status status = omdb::RunOperator(*config); !status.ok()) {
    spdlog::error("{}", status.ToString());
    return 1;
  }
  return 0;
}
