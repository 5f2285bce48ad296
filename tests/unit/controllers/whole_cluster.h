#ifndef OMDB_TESTS_UNIT_CONTROLLERS_WHOLE_CLUSTER_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_WHOLE_CLUSTER_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"
#include "controllers/snapshot.h"

namespace omdb {

// A cluster that is whole and at rest, to be made worse by a test: tablets c-tablet-0 to 2,
// nameservers c-nameserver-0 (leading) and 1, a task manager and an API server, all of version
// 0.9.1. Partition p of a table is led by tablet p mod 3, its followers are the next ones.
class WholeCluster {
 public:
  WholeCluster() {
    seen.now = absl::FromUnixSeconds(1700000000);
    seen.cluster.key = {"ns", "c"};
    seen.cluster.generation = 1;
    seen.cluster.status.version = "0.9.1";
    ClusterSpec& spec = seen.cluster.spec;
    spec.version = "0.9.1";
    spec.image = "4pdosc/openmldb";
    spec.image_pull_policy = "IfNotPresent";
    spec.zookeeper_servers = "zk:2181";
    spec.nameserver.replicas = 2;
    spec.tablet.replicas = 3;
    spec.task_manager.replicas = 1;
    spec.api_server.replicas = 1;
    seen.database.emplace();
    for (Component component : {Component::kNameserver, Component::kTablet, Component::kTaskManager,
                                Component::kApiServer}) {
      AddWorkload(component);
    }
    for (const Pod* pod : seen.PodsOf(Component::kTablet)) {
      seen.database->registered_tablets.push_back(pod->name);
      seen.database->tablets.push_back(
          {pod->name, true, absl::Minutes(5), absl::StrCat(pod->ip, ":10921")});
      seen.database->loaded[pod->name];
    }
    for (const Pod* pod : seen.PodsOf(Component::kNameserver))
      seen.database->nameservers.push_back(pod->name);
    seen.database->auto_failover = true;
    KeepSupportingObjects(false);
  }

  WholeCluster& WithTable(const std::string& name, uint32_t partitions, uint32_t replicas) {
    Table table;
    table.db = "db";
    table.name = name;
    table.tid = static_cast<uint32_t>(seen.database->tables.size()) + 1;
    table.replica_num = replicas;
    for (uint32_t pid = 0; pid < partitions; ++pid) {
      Partition partition;
      partition.id = {table.db, table.name, table.tid, pid};
      partition.term_offsets = {{7, 1}};
      for (uint32_t i = 0; i < replicas; ++i) {
        const std::string tablet = TabletName((pid + i) % 3);
        partition.replicas.push_back({tablet, i == 0, true, true, 100});
        seen.database->loaded[tablet][{table.tid, pid}] = {
            table.tid,           pid, 100, i == 0 ? TableMode::kLeader : TableMode::kFollower,
            TableState::kNormal, 100};
      }
      table.partitions.push_back(std::move(partition));
    }
    seen.database->tables.push_back(std::move(table));
    return *this;
  }

  // The user asks for another version, whose image has just passed its preflight.
  WholeCluster& Asked(const std::string& version) {
    seen.cluster.spec.version = version;
    ++seen.cluster.generation;
    EndPreflight(0, "openmldb version " + version + "-5ca1ab1e");
    seen.preflight->deleting = true;
    return *this;
  }
  // The pod that tries the image is there, and its container starts.
  PreflightPod& StartPreflight() {
    const DesiredObject desired = PreflightPodObject(seen.cluster);
    const Json& metadata = desired.object.at("metadata");
    seen.preflight.emplace();
    seen.preflight->name = metadata.at("name");
    seen.preflight->uid = "uid-preflight";
    seen.preflight->hash = metadata.at("annotations").at(kObjectHashAnnotation);
    seen.preflight->created = seen.now;
    return *seen.preflight;
  }
  void EndPreflight(int exit_code, const std::string& output) {
    StartPreflight();
    seen.preflight->exit_code = exit_code;
    seen.preflight->output = output;
    seen.preflight->ended = seen.now;
  }

  // The component's template and pods are of the version asked for.
  WholeCluster& Upgraded(Component component) {
    TemplateUpgraded(component);
    for (Pod& pod : seen.pods) {
      if (pod.component == component) Replace(pod.name);
    }
    return *this;
  }
  // Its StatefulSet or Deployment of that version.
  SharedJson Stored(Component component, const std::string& version) const {
    return std::make_shared<const Json>(DesiredWorkload(seen.cluster, component, version).object);
  }
  // The component's template alone is.
  WholeCluster& TemplateUpgraded(Component component) {
    Workload& workload = seen.workloads.at(component);
    workload.version = seen.cluster.spec.version;
    workload.spec_hash = SpecHash(seen.cluster, component, workload.version);
    workload.object = Stored(component, workload.version);
    return *this;
  }
  // A pod was replaced by one of the stored template, and serves.
  void Replace(const std::string& name) {
    Pod& pod = MutablePod(name);
    const Workload& workload = seen.workloads.at(pod.component);
    pod.uid += "-new";
    pod.version = workload.version;
    pod.spec_hash = workload.spec_hash;
    pod.reported_version = workload.version;
    pod.started = pod.created = seen.now - absl::Minutes(1);
    if (pod.component == Component::kTablet) MutableTablet(name).state_age = absl::Seconds(50);
  }

  Pod& MutablePod(const std::string& name) {
    for (Pod& pod : seen.pods) {
      if (pod.name == name) return pod;
    }
    throw std::out_of_range(name);
  }
  Tablet& MutableTablet(const std::string& name) {
    for (Tablet& tablet : seen.database->tablets) {
      if (tablet.endpoint == name) return tablet;
    }
    throw std::out_of_range(name);
  }
  ReplicaMeta& Meta(const std::string& table, uint32_t pid, const std::string& tablet) {
    for (Table& present : seen.database->tables) {
      if (present.name != table) continue;
      for (ReplicaMeta& meta : present.partitions.at(pid).replicas) {
        if (meta.endpoint == tablet) return meta;
      }
    }
    throw std::out_of_range(table);
  }
  PartitionId Id(const std::string& table, uint32_t pid) const {
    for (const Table& present : seen.database->tables) {
      if (present.name == table) return present.partitions.at(pid).id;
    }
    throw std::out_of_range(table);
  }
  ReplicaStatus& Status(const std::string& table, uint32_t pid, const std::string& tablet) {
    const PartitionId id = Id(table, pid);
    return seen.database->loaded.at(tablet).at({id.tid, id.pid});
  }
  Partition& PartitionOf(const std::string& table, uint32_t pid) {
    for (Table& present : seen.database->tables) {
      if (present.name == table) return present.partitions.at(pid);
    }
    throw std::out_of_range(table);
  }
  // The leader of a partition is another one now, as after a hand-over.
  void MoveLeader(const std::string& table, uint32_t pid, const std::string& from,
                  const std::string& to) {
    auto& terms = PartitionOf(table, pid).term_offsets;
    terms.push_back({terms.back().term + 2, Status(table, pid, to).offset + 1});
    Meta(table, pid, from).is_alive = false;
    Meta(table, pid, to).is_leader = true;
    Status(table, pid, from).mode = TableMode::kFollower;
    Status(table, pid, to).mode = TableMode::kLeader;
  }
  // It has come back as a follower, with every row.
  void Follows(const std::string& table, uint32_t pid, const std::string& tablet) {
    Meta(table, pid, tablet) = {tablet, false, true, true, 100};
    Status(table, pid, tablet).mode = TableMode::kFollower;
  }
  // The pod and its server are gone, and the nameserver has seen it.
  void Stop(const std::string& tablet) {
    Database& database = *seen.database;
    database.loaded.erase(tablet);
    std::erase(database.registered_tablets, tablet);
    MutableTablet(tablet).healthy = false;
    MutableTablet(tablet).state_age = absl::Seconds(5);
  }
  // Each leader has those followers that are alive, all in the last term.
  Database::CloseLook& LookClosely() {
    Database& database = *seen.database;
    database.closely.emplace();
    for (const Table& table : database.tables) {
      for (const Partition& partition : table.partitions) {
        const std::string name = ToString(partition.id);
        for (const ReplicaMeta& meta : partition.replicas) {
          if (!meta.is_alive || database.Status(meta.endpoint, partition.id) == nullptr) continue;
          database.closely->terms[name][meta.endpoint] = partition.term_offsets.back().term;
          if (!meta.is_leader) database.closely->followers[name].insert(meta.endpoint);
        }
      }
    }
    return *database.closely;
  }
  void KeepSupportingObjects(bool handling) {
    for (Component component : {Component::kNameserver, Component::kTablet, Component::kTaskManager,
                                Component::kApiServer}) {
      for (const DesiredObject& desired : SupportingObjects(
               seen.cluster, component, handling && component == Component::kTablet)) {
        const Json& metadata = desired.object.at("metadata");
        seen.object_hashes[{desired.type.kind, metadata.at("name")}] =
            metadata.at("annotations").at(kObjectHashAnnotation);
      }
    }
  }
  static std::string TabletName(uint32_t i) { return absl::StrCat("c-tablet-", i); }

  Snapshot seen;

 private:
  void AddWorkload(Component component) {
    const int replicas = seen.cluster.spec.Of(component).replicas;
    Workload workload;
    workload.version = seen.cluster.spec.version;
    workload.spec_hash = SpecHash(seen.cluster, component, workload.version);
    workload.replicas = replicas;
    workload.settled = true;
    workload.object = Stored(component, workload.version);
    for (int i = 0; i < replicas; ++i) {
      Pod pod;
      pod.name = absl::StrCat("c-", ToString(component), "-", i);
      pod.uid = absl::StrCat("uid-", pod.name);
      pod.ip = absl::StrCat("10.0.", static_cast<int>(component), ".", i + 1);
      pod.component = component;
      pod.spec_hash = workload.spec_hash;
      pod.version = workload.version;
      pod.reported_version = workload.version;
      pod.ready = true;
      pod.started = pod.created = seen.now - absl::Hours(1);
      seen.pods.push_back(std::move(pod));
    }
    seen.workloads[component] = std::move(workload);
  }
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_WHOLE_CLUSTER_H_
