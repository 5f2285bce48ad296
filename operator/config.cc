#include "operator/config.h"

#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "yaml-cpp/yaml.h"

namespace omdb {

absl::StatusOr<Config> LoadConfig(const std::string& path, Config config) {
  const auto text = [](std::string& field) {
    return [&field](const YAML::Node& node) { field = node.as<std::string>(); };
  };
  const std::map<std::string, std::function<void(const YAML::Node&)>> keys = {
      {"kubeconfig", text(config.kubeconfig)},
      {"watch-namespace", text(config.watch_namespace)},
      {"leader-elect",
       [&config](const YAML::Node& node) { config.leader_elect = node.as<bool>(); }},
      {"lease-namespace", text(config.lease_namespace)},
      {"lease-name", text(config.lease_name)},
      {"health-probe-bind-address", text(config.health_probe_bind_address)},
      {"workers", [&config](const YAML::Node& node) { config.workers = node.as<int>(); }},
      {"log-level", text(config.log_level)},
      {"openmldb-credential", text(config.openmldb_credential)},
  };
  try {
    const YAML::Node document = YAML::LoadFile(path);
    if (document.IsNull()) return config;
    if (!document.IsMap())
      return absl::InvalidArgumentError(absl::StrCat(path, " is not a YAML mapping"));
    for (const auto& entry : document) {
      const std::string key = entry.first.as<std::string>();
      auto known = keys.find(key);
      if (known == keys.end())
        return absl::InvalidArgumentError(absl::StrCat(path, ": unknown key '", key, "'"));
      try {
        known->second(entry.second);
      } catch (const YAML::Exception& error) {
        return absl::InvalidArgumentError(absl::StrCat(path, ": key '", key, "': ", error.what()));
      }
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("configuration ", path, ": ", error.what()));
  }
  return config;
}

}  // namespace omdb
