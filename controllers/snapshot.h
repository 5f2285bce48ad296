#ifndef OMDB_CONTROLLERS_SNAPSHOT_H_
#define OMDB_CONTROLLERS_SNAPSHOT_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "controllers/cluster.h"
#include "controllers/openmldb.h"

// Everything that `Decide` looks at, taken at one moment. Plain data.
namespace omdb {

struct Pod {
  std::string name;
  std::string uid;
  std::string ip;
  Component component = Component::kTablet;
  std::string spec_hash;  // of the template it was made from
  std::string version;    // of the template it was made from
  bool ready = false;
  bool deleting = false;
  absl::Time created;
  absl::Time started;  // its server, for the last time; when the pod was made where it is not known
  absl::Time not_ready_since;  // while it is not ready; the zero time where nothing says it
  // Why its container does not run, as Kubernetes says ("ImagePullBackOff: …"); empty while nothing
  // is wrong.
  std::string trouble;
  std::string says;  // what Kubernetes says of a pod that is not ready, whether it passes or not
  // What the server itself reports by /version; empty when it did not answer.
  std::string reported_version;

  bool operator==(const Pod&) const = default;
};

std::string AddressOf(const Pod& pod);  // host:port of its server

// The pod in which a new image is tried before any server is replaced (preflight.cc).
struct PreflightPod {
  std::string name;
  std::string uid;
  std::string hash;  // of the object it was made from
  bool deleting = false;
  absl::Time created;
  // Once its container has ended; its output is what `openmldb --version` printed, or why it did
  // not run.
  std::optional<int> exit_code;
  std::string output;
  absl::Time ended;
  // The node refused or evicted it: that says nothing about the image.
  bool rejected = false;
  // What the container waits for ("ImagePullBackOff"), and in Kubernetes' own words.
  std::string waiting;
  std::string says;

  bool operator==(const PreflightPod&) const = default;
};

// A StatefulSet or Deployment as stored.
struct Workload {
  std::string spec_hash;
  std::string version;
  int replicas = 0;
  // Deployment: the controller has seen the last change and every replica is new and available.
  bool settled = false;
  SharedJson object;
};

// OpenMLDB as it was at that moment, from the nameserver that leads and from each tablet itself.
struct Database {
  std::vector<std::string> nameservers;  // the leader first
  std::vector<std::string> registered_tablets;
  std::vector<Tablet> tablets;
  std::vector<Table> tables;
  std::vector<Op> ops;
  bool auto_failover = false;
  // What each tablet has loaded; a tablet that did not answer is missing.
  std::map<std::string, std::map<std::pair<uint32_t, uint32_t>, ReplicaStatus>> loaded;
  // What only a look at every replica shows, by ToString(PartitionId); taken where it is needed.
  struct CloseLook {
    // As their leader lists them, without those that it does not reach, or that lack what it has
    // sent them.
    std::map<std::string, std::set<std::string>> followers;
    std::map<std::string, std::map<std::string, uint64_t>> terms;  // of loaded replicas, by tablet
  };
  std::optional<CloseLook> closely;
  std::vector<Job> unfinished_jobs;
  absl::Status task_manager_status;

  const Tablet* FindTablet(const std::string& endpoint) const;
  const Partition* FindPartition(const PartitionId& id) const;
  const Table* TableOf(const PartitionId& id) const;
  // Null when `tablet` did not answer or has not loaded the partition.
  const ReplicaStatus* Status(const std::string& tablet, const PartitionId& id) const;
  bool Answered(const std::string& tablet) const { return loaded.count(tablet) != 0; }
};

struct Snapshot {
  absl::Time now;
  // The first look of this process at the cluster, or the first after a hand-over that failed: a
  // tablet may be fenced.
  bool first_look = false;
  Cluster cluster;
  std::map<Component, Workload> workloads;
  std::vector<Pod> pods;  // by name
  std::optional<PreflightPod> preflight;
  // Hash annotations of the stored services and budgets, by (kind, name).
  std::map<std::pair<std::string, std::string>, std::string> object_hashes;
  // Not ok: what could not be read, and `database` is empty.
  absl::Status database_status;
  std::optional<Database> database;

  std::vector<const Pod*> PodsOf(Component component) const;
  const Pod* FindPod(const std::string& name) const;
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_SNAPSHOT_H_
