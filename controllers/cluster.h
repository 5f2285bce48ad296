#ifndef OMDB_CONTROLLERS_CLUSTER_H_
#define OMDB_CONTROLLERS_CLUSTER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controllers/kubernetes.h"

// The OpenMLDBCluster resource as plain data.
namespace omdb {

enum class Component { kZooKeeper, kNameserver, kTablet, kTaskManager, kApiServer };
// "nameserver", "tablet", "taskmanager", "apiserver", "zookeeper": the label, the name suffix and
// the word in messages.
const std::string& ToString(Component component);

// What nameserver, tablet, taskManager and apiServer have in common. Parts that are Kubernetes' own
// are passed through.
struct ComponentSpec {
  int replicas = 0;
  std::map<std::string, std::string>
      flags;       // lines of the flag file, or properties of the task manager
  Json resources;  // core/v1 ResourceRequirements
  Json storage;    // {size, storageClassName}; null for stateless components
  Json pod;        // {labels, annotations, nodeSelector, tolerations, affinity, …}
};

struct UpgradeSpec {
  absl::Duration max_write_pause = absl::Seconds(1);
  absl::Duration fence_limit = absl::Milliseconds(100);
  absl::Duration job_timeout =
      absl::Minutes(30);  // how long unfinished task manager jobs are waited for
  absl::Duration pod_timeout =
      absl::Minutes(10);  // after which a pod that does not come back is reported
  bool allow_single_replica_downtime = false;  // when there is no tablet to hold the extra replica
};

struct ClusterSpec {
  std::string version;
  std::string image;  // without tag: the tag is the version; with a tag or digest: as it is
  std::string image_pull_policy;
  Json image_pull_secrets;
  std::string zookeeper_servers;  // empty when managed
  bool zookeeper_managed = false;
  std::string zookeeper_image;
  Json zookeeper_storage;
  std::string zookeeper_root_path = "/openmldb";
  ComponentSpec nameserver;
  ComponentSpec tablet;
  ComponentSpec task_manager;
  ComponentSpec api_server;
  UpgradeSpec upgrade;

  const ComponentSpec& Of(Component component) const;
};

struct Condition {
  std::string type;
  std::string status;  // "True", "False", "Unknown"
  std::string reason;  // CamelCase
  std::string message;
  absl::Time last_transition_time;
  int64_t observed_generation = 0;

  bool operator==(const Condition&) const = default;
};

// How far the replacement of one component has come.
struct ComponentStatus {
  std::string version;  // of the last complete rollout of this component
  int replicas = 0;
  int ready = 0;
  int updated = 0;  // pods of the wanted version

  bool operator==(const ComponentStatus&) const = default;
};

// What the rollout did on one tablet.
struct TabletReport {
  std::string name;
  int leaders_moved = 0;
  int leaders_returned = 0;
  uint64_t rows_lost = 0;
  absl::Duration
      longest_pause;  // from the fence to the new leader's term verified, longest of its partitions
  absl::Duration longest_fence;
  absl::Time started;
  absl::Time finished;

  bool operator==(const TabletReport&) const = default;
};

struct ClusterStatus {
  int64_t observed_generation = -1;
  std::string phase;     // Creating, Ready, Upgrading, Waiting, Degraded, Stalled
  std::string progress;  // "tablet 2/3: handing over leaders 5/16"
  std::string version;   // of the last complete rollout
  std::string target_version;
  std::map<std::string, ComponentStatus> components;  // by ToString(Component)
  std::vector<TabletReport> tablets;
  uint64_t rows_lost = 0;
  std::string sdk_java;    // Maven coordinates for the new version
  std::string sdk_python;  // pip requirement
  std::vector<Condition> conditions;

  bool operator==(const ClusterStatus&) const = default;
};

struct Cluster {
  ObjectKey key;
  std::string uid;
  int64_t generation = 0;
  absl::Time created;  // the resource was, to the second
  bool deleting = false;
  ClusterSpec spec;
  ClusterStatus status;
};

// Reads a resource as stored (defaults filled in by the schema). InvalidArgument names the field.
absl::StatusOr<Cluster> ParseCluster(const Json& object);
// Everything but the spec, whatever is wrong with that.
Cluster ParseWithoutSpec(const Json& object);
// Whether their servers would register at one path of one ZooKeeper. Both are of one namespace.
bool ShareAPath(const Cluster& a, const Cluster& b);
// The document for a server-side apply of the status subresource.
Json StatusDocument(const Cluster& cluster);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_CLUSTER_H_
