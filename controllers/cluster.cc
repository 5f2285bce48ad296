#include "controllers/cluster.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>

#include "absl/strings/str_split.h"
#include "controllers/fields.h"

namespace omdb {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int>::max();
constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();

int Count(const Fields& fields, const std::string& key) {
  return static_cast<int>(fields.Integer(key, 0, 0, kMaxInt));
}

ComponentSpec ReadComponent(const Fields& fields, int replicas, int least) {
  ComponentSpec spec;
  spec.replicas = static_cast<int>(fields.Integer("replicas", replicas, least, kMaxInt));
  spec.flags = fields.Texts("flags");
  spec.resources = fields.Document("resources");
  spec.storage = fields.Document("storage");
  spec.pod = fields.Document("pod");
  return spec;
}

// A volume, whether its fields were defaulted or not.
Json WithSize(Json storage) {
  if (!storage.is_object()) storage = Json::object();
  if (!storage.contains("size")) storage["size"] = "10Gi";
  return storage;
}

UpgradeSpec ReadUpgrade(const Fields& fields) {
  const UpgradeSpec standard;
  UpgradeSpec spec;
  spec.max_write_pause = fields.Duration("maxWritePause", standard.max_write_pause);
  spec.fence_limit = fields.Duration("fenceLimit", standard.fence_limit);
  spec.job_timeout = fields.Duration("jobTimeout", standard.job_timeout);
  spec.pod_timeout = fields.Duration("podTimeout", standard.pod_timeout);
  spec.allow_single_replica_downtime = fields.Bool("allowSingleReplicaDowntime", false);
  return spec;
}

void ReadZooKeeper(const Fields& fields, ClusterSpec& spec) {
  spec.zookeeper_servers = fields.Text("servers");
  spec.zookeeper_root_path = fields.Text("rootPath", "/openmldb");
  spec.zookeeper_managed = fields.Has("managed");
  if (spec.zookeeper_managed != spec.zookeeper_servers.empty()) {
    fields.Refuse("servers", "given exactly when spec.zookeeper.managed is not");
  }
  if (!spec.zookeeper_managed) return;
  const Fields managed = fields.Object("managed");
  spec.zookeeper_image = managed.Text("image", "zookeeper:3.8");
  spec.zookeeper_storage = WithSize(managed.Document("storage"));
}

ClusterSpec ReadSpec(const Fields& fields) {
  ClusterSpec spec;
  spec.version = fields.Text("version");
  if (spec.version.empty()) fields.Refuse("version", "a version such as 0.9.2");
  spec.image = fields.Text("image", "4pdosc/openmldb");
  spec.image_pull_policy = fields.Text("imagePullPolicy", "IfNotPresent");
  spec.image_pull_secrets = fields.Array("imagePullSecrets");
  ReadZooKeeper(fields.Object("zookeeper"), spec);
  spec.nameserver = ReadComponent(fields.Object("nameserver"), 2, 1);
  spec.tablet = ReadComponent(fields.Object("tablet"), 3, 1);
  spec.tablet.storage = WithSize(std::move(spec.tablet.storage));
  spec.task_manager = ReadComponent(fields.Object("taskManager"), 1, 0);
  spec.api_server = ReadComponent(fields.Object("apiServer"), 1, 0);
  spec.upgrade = ReadUpgrade(fields.Object("upgrade"));
  return spec;
}

ClusterStatus ReadStatus(const Fields& fields) {
  ClusterStatus status;
  status.observed_generation = fields.Integer("observedGeneration", -1, -1, kMaxInt64);
  status.phase = fields.Text("phase");
  status.progress = fields.Text("progress");
  status.version = fields.Text("version");
  status.target_version = fields.Text("targetVersion");
  for (const auto& [name, component] : fields.ObjectMap("components")) {
    status.components[name] = {component.Text("version"), Count(component, "replicas"),
                               Count(component, "ready"), Count(component, "updated")};
  }
  for (const Fields& tablet : fields.Objects("tablets")) {
    TabletReport report;
    report.name = tablet.Text("name");
    report.leaders_moved = Count(tablet, "leadersMoved");
    report.leaders_returned = Count(tablet, "leadersReturned");
    report.rows_lost = tablet.Integer("rowsLost", 0, 0, kMaxInt64);
    report.longest_pause = tablet.Duration("longestPause", absl::ZeroDuration());
    report.longest_fence = tablet.Duration("longestFence", absl::ZeroDuration());
    report.started = tablet.Time("started");
    report.finished = tablet.Time("finished");
    status.tablets.push_back(std::move(report));
  }
  status.rows_lost = fields.Integer("rowsLost", 0, 0, kMaxInt64);
  status.sdk_java = fields.Object("sdks").Text("java");
  status.sdk_python = fields.Object("sdks").Text("python");
  for (const Fields& condition : fields.Objects("conditions")) {
    status.conditions.push_back({condition.Text("type"), condition.Text("status"),
                                 condition.Text("reason"), condition.Text("message"),
                                 condition.Time("lastTransitionTime"),
                                 condition.Integer("observedGeneration", 0, 0, kMaxInt64)});
  }
  return status;
}

// With every digit, so that a status that was stored compares equal to the one that was written.
std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

Json TabletDocument(const TabletReport& report) {
  Json document = {{"name", report.name},
                   {"leadersMoved", report.leaders_moved},
                   {"leadersReturned", report.leaders_returned},
                   {"rowsLost", report.rows_lost},
                   {"longestPause", absl::FormatDuration(report.longest_pause)},
                   {"longestFence", absl::FormatDuration(report.longest_fence)}};
  if (report.started != absl::Time()) document["started"] = TimeText(report.started);
  if (report.finished != absl::Time()) document["finished"] = TimeText(report.finished);
  return document;
}

Json ConditionDocument(const Condition& condition) {
  return {{"type", condition.type},
          {"status", condition.status},
          {"reason", condition.reason},
          {"message", condition.message},
          {"lastTransitionTime", TimeText(condition.last_transition_time)},
          {"observedGeneration", condition.observed_generation}};
}

}  // namespace

const std::string& ToString(Component component) {
  static const std::string zookeeper = "zookeeper";
  static const std::string nameserver = "nameserver";
  static const std::string tablet = "tablet";
  static const std::string task_manager = "taskmanager";
  static const std::string api_server = "apiserver";
  switch (component) {
    case Component::kZooKeeper:
      return zookeeper;
    case Component::kNameserver:
      return nameserver;
    case Component::kTablet:
      return tablet;
    case Component::kTaskManager:
      return task_manager;
    case Component::kApiServer:
      return api_server;
  }
  return zookeeper;
}

const ComponentSpec& ClusterSpec::Of(Component component) const {
  static const ComponentSpec none;
  switch (component) {
    case Component::kZooKeeper:
      return none;
    case Component::kNameserver:
      return nameserver;
    case Component::kTablet:
      return tablet;
    case Component::kTaskManager:
      return task_manager;
    case Component::kApiServer:
      return api_server;
  }
  return none;
}

namespace {

Cluster ReadWithoutSpec(const Fields& root) {
  const Fields metadata = root.Object("metadata");
  Cluster cluster;
  cluster.key = {metadata.Text("namespace"), metadata.Text("name")};
  cluster.uid = metadata.Text("uid");
  cluster.generation = metadata.Integer("generation", 0, 0, kMaxInt64);
  cluster.created = metadata.Time("creationTimestamp");
  cluster.deleting = metadata.Has("deletionTimestamp");
  cluster.status = ReadStatus(root.Object("status"));
  return cluster;
}

}  // namespace

absl::StatusOr<Cluster> ParseCluster(const Json& object) {
  absl::Status status;
  const Fields root(object, "", status);
  Cluster cluster = ReadWithoutSpec(root);
  cluster.spec = ReadSpec(root.Object("spec"));
  if (!status.ok()) return status;
  return cluster;
}

Cluster ParseWithoutSpec(const Json& object) {
  absl::Status ignored;
  return ReadWithoutSpec(Fields(object, "", ignored));
}

bool ShareAPath(const Cluster& a, const Cluster& b) {
  const auto servers = [](const Cluster& cluster) -> std::set<std::string> {
    return absl::StrSplit(cluster.spec.zookeeper_servers, ',');
  };
  return !a.spec.zookeeper_managed && a.spec.zookeeper_root_path == b.spec.zookeeper_root_path &&
         servers(a) == servers(b);
}

Json StatusDocument(const Cluster& cluster) {
  const ClusterStatus& status = cluster.status;
  Json components = Json::object();
  for (const auto& [name, component] : status.components) {
    components[name] = {{"version", component.version},
                        {"replicas", component.replicas},
                        {"ready", component.ready},
                        {"updated", component.updated}};
  }
  Json tablets = Json::array();
  for (const TabletReport& report : status.tablets) {
    tablets.push_back(TabletDocument(report));
  }
  Json conditions = Json::array();
  for (const Condition& condition : status.conditions) {
    conditions.push_back(ConditionDocument(condition));
  }
  return {{"apiVersion", types::OpenMLDBCluster().ApiVersion()},
          {"kind", types::OpenMLDBCluster().kind},
          {"metadata", {{"namespace", cluster.key.ns}, {"name", cluster.key.name}}},
          {"status",
           {{"observedGeneration", status.observed_generation},
            {"phase", status.phase},
            {"progress", status.progress},
            {"version", status.version},
            {"targetVersion", status.target_version},
            {"components", std::move(components)},
            {"tablets", std::move(tablets)},
            {"rowsLost", status.rows_lost},
            {"sdks", {{"java", status.sdk_java}, {"python", status.sdk_python}}},
            {"conditions", std::move(conditions)}}}};
}

}  // namespace omdb
