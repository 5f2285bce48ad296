#include "controllers/objects/pod_templates.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"

namespace omdb {
namespace {

constexpr char kMountPath[] = "/data";

// The full image has OpenMLDB in /work/openmldb, the online one in /openmldb. The server becomes
// process 1, so that signals reach it, and its name is the pod's (F1.3).
constexpr char kStartServer[] = R"(for home in /work/openmldb /openmldb; do
  [ -x "$home/bin/openmldb" ] && break
done
mkdir -p /data/id /data/db /data/recycle /data/logs
printf %s "$POD_NAME" > /data/id/name.txt
cd "$home"
exec bin/openmldb "$@"
)";

// The properties of the image come first, those of the cluster later in the same file: the later
// wins.
constexpr char kStartTaskManager[] = R"(for home in /work/openmldb /openmldb; do
  [ -d "$home/taskmanager" ] && break
done
mkdir -p /data/logs
cd "$home/taskmanager/bin"
printf '\n%s\n' "$PROPERTIES" >> ../conf/taskmanager.properties
exec sh ./taskmanager.sh
)";

using Flags = std::map<std::string, std::string>;

Flags ServerFlags(const Cluster& cluster, Component component) {
  Flags flags = {{"role", ToString(component)},
                 {"zk_cluster", ZooKeeperServers(cluster)},
                 {"zk_root_path", cluster.spec.zookeeper_root_path},
                 {"openmldb_log_dir", "/data/logs"},
                 // As process 1 the server ignores SIGTERM without this (F1.6).
                 {"graceful_quit_on_sigterm", "true"}};
  if (component == Component::kApiServer) {
    flags["endpoint"] = absl::StrCat("$(POD_IP):", PortOf(component));
    return flags;
  }
  flags["use_name"] = "true";
  flags["port"] = absl::StrCat(PortOf(component));
  flags["data_dir"] = "/data/id";
  flags["zk_session_timeout"] = "10000";
  if (component == Component::kTablet) {
    flags["db_root_path"] = "/data/db";
    flags["recycle_bin_root_path"] = "/data/recycle";
    flags["binlog_notify_on_put"] = "true";
  } else {
    flags["auto_failover"] = "true";
    flags["tablet_heartbeat_timeout"] = "60000";
    // A nameserver that knows fewer tablets cannot lead (F1.4).
    flags["system_table_replica_num"] =
        absl::StrCat(std::clamp(cluster.spec.tablet.replicas, 1, 2));
  }
  return flags;
}

Flags TaskManagerProperties(const Cluster& cluster) {
  return {{"server.host", "$(POD_IP)"},
          {"server.port", absl::StrCat(PortOf(Component::kTaskManager))},
          {"zookeeper.cluster", ZooKeeperServers(cluster)},
          {"zookeeper.root_path", cluster.spec.zookeeper_root_path},
          {"job.log.path", "/data/logs/"},
          {"track.unfinished.jobs", "true"}};
}

// The user's flags win over ours.
Flags Merged(Flags ours, const Flags& theirs) {
  for (const auto& [key, value] : theirs) ours[key] = value;
  return ours;
}

Json FieldEnvironment(const std::string& name, const std::string& path) {
  return {{"name", name}, {"valueFrom", {{"fieldRef", {{"fieldPath", path}}}}}};
}

Json HealthProbe(Component component) {
  return {{"httpGet", {{"path", "/health"}, {"port", PortOf(component)}}},
          {"periodSeconds", 1},
          {"timeoutSeconds", 3},
          {"failureThreshold", 3}};
}

Json ServerContainer(const Cluster& cluster, Component component, const std::string& version) {
  const ComponentSpec& spec = cluster.spec.Of(component);
  Json container = {
      {"name", ToString(component)},
      {"image", ImageOf(cluster.spec, version)},
      {"imagePullPolicy", cluster.spec.image_pull_policy},
      {"env",
       {FieldEnvironment("POD_NAME", "metadata.name"), FieldEnvironment("POD_IP", "status.podIP")}},
      {"ports", {{{"name", "rpc"}, {"containerPort", PortOf(component)}, {"protocol", "TCP"}}}},
      {"volumeMounts", {{{"name", kDataVolume}, {"mountPath", kMountPath}}}}};
  if (!spec.resources.is_null()) container["resources"] = spec.resources;
  if (component == Component::kTaskManager) {
    std::string properties;
    for (const auto& [key, value] : Merged(TaskManagerProperties(cluster), spec.flags)) {
      absl::StrAppend(&properties, key, "=", value, "\n");
    }
    container["env"].push_back({{"name", "PROPERTIES"}, {"value", properties}});
    container["command"] = {"sh", "-ec", kStartTaskManager, "taskmanager"};
    // Only the active one listens (F8.2); the port of a standby says nothing.
    container["readinessProbe"] = {{"tcpSocket", {{"port", PortOf(component)}}},
                                   {"periodSeconds", 2}};
    return container;
  }
  container["command"] = {"sh", "-ec", kStartServer, "openmldb"};
  container["args"] = Json::array();
  for (const auto& [key, value] : Merged(ServerFlags(cluster, component), spec.flags)) {
    container["args"].push_back(absl::StrCat("--", key, "=", value));
  }
  // Ready means that it answers. There is no liveness probe: a standby nameserver may not listen
  // for long (F1.4), and a tablet that is slow must not be killed with rows that no other has.
  container["readinessProbe"] = HealthProbe(component);
  return container;
}

Json ZooKeeperPod(const Cluster& cluster) {
  return {{"containers",
           {{{"name", "zookeeper"},
             {"image", cluster.spec.zookeeper_image},
             {"imagePullPolicy", cluster.spec.image_pull_policy},
             {"env", {{{"name", "ZOO_4LW_COMMANDS_WHITELIST"}, {"value", "*"}}}},
             {"ports",
              {{{"name", "client"},
                {"containerPort", PortOf(Component::kZooKeeper)},
                {"protocol", "TCP"}}}},
             {"volumeMounts",
              {{{"name", kDataVolume}, {"mountPath", "/data"}, {"subPath", "data"}},
               {{"name", kDataVolume}, {"mountPath", "/datalog"}, {"subPath", "datalog"}}}},
             {"readinessProbe",
              {{"tcpSocket", {{"port", PortOf(Component::kZooKeeper)}}}, {"periodSeconds", 2}}}}}}};
}

// Servers of one kind keep apart where they can.
Json SpreadOverNodes(const Cluster& cluster, Component component) {
  return {{"podAntiAffinity",
           {{"preferredDuringSchedulingIgnoredDuringExecution",
             {{{"weight", 100},
               {"podAffinityTerm",
                {{"topologyKey", "kubernetes.io/hostname"},
                 {"labelSelector",
                  {{"matchLabels",
                    {{"app.kubernetes.io/instance", cluster.key.name},
                     {"app.kubernetes.io/component", ToString(component)}}}}}}}}}}}}};
}

}  // namespace

std::string ImageOf(const ClusterSpec& spec, const std::string& version) {
  const size_t name = spec.image.rfind('/') == std::string::npos ? 0 : spec.image.rfind('/');
  if (spec.image.find_first_of(":@", name) != std::string::npos) return spec.image;
  return absl::StrCat(spec.image, ":", version);
}

Json PodTemplate(const Cluster& cluster, Component component, const std::string& version) {
  Json metadata = {{"labels", ComponentLabels(cluster, component)},
                   {"annotations", Json::object()}};
  if (component == Component::kZooKeeper) {
    Json spec = ZooKeeperPod(cluster);
    if (cluster.spec.zookeeper_storage.is_null()) {
      spec["volumes"] = {{{"name", kDataVolume}, {"emptyDir", Json::object()}}};
    }
    return {{"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
  }
  metadata["labels"]["app.kubernetes.io/version"] = version;
  const ComponentSpec& own = cluster.spec.Of(component);
  Json spec = {{"containers", Json::array({ServerContainer(cluster, component, version)})},
               {"terminationGracePeriodSeconds", 30},
               {"affinity", SpreadOverNodes(cluster, component)}};
  if (!cluster.spec.image_pull_secrets.is_null())
    spec["imagePullSecrets"] = cluster.spec.image_pull_secrets;
  if (own.storage.is_null())
    spec["volumes"] = {{{"name", kDataVolume}, {"emptyDir", Json::object()}}};
  if (own.pod.is_object()) {
    for (const auto& [field, value] : own.pod.items()) {
      if (field == "labels" || field == "annotations") {
        for (const auto& [key, text] : value.items()) {
          if (!metadata[field].contains(key)) metadata[field][key] = text;
        }
      } else {
        spec[field] = value;
      }
    }
  }
  return {{"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

}  // namespace omdb
