#include "controllers/observe.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "controllers/objects/objects.h"
#include "controllers/pod_status.h"

namespace omdb {
namespace {

constexpr std::array kComponents = {Component::kZooKeeper, Component::kNameserver,
                                    Component::kTablet, Component::kTaskManager,
                                    Component::kApiServer};

std::string Text(const Json& object, const char* part, const char* field) {
  const auto outer = object.find(part);
  if (outer == object.end()) return "";
  const auto inner = outer->find(field);
  return inner != outer->end() && inner->is_string() ? inner->get<std::string>() : "";
}

int Number(const Json& object, const char* part, const char* field) {
  const auto outer = object.find(part);
  if (outer == object.end()) return 0;
  const auto inner = outer->find(field);
  return inner != outer->end() && inner->is_number() ? inner->get<int>() : 0;
}

std::string Annotation(const Json& metadata, const std::string& key) {
  return metadata.contains("annotations") ? metadata.at("annotations").value(key, "") : "";
}

std::string TroubleOf(const Json& status) {
  if (!status.contains("containerStatuses")) return "";
  for (const Json& container : status.at("containerStatuses")) {
    const Json::json_pointer waiting("/state/waiting");
    if (!container.contains(waiting)) continue;
    const std::string reason = container.at(waiting).value("reason", "");
    // A server that exits because its surroundings are not there yet is started again (F1.4, F1.6).
    if (PassingReason(reason) ||
        (reason == "CrashLoopBackOff" && container.value("restartCount", 0) < 6))
      continue;
    return absl::StrCat(reason, ": ", container.at(waiting).value("message", ""));
  }
  return "";
}

std::string ContainerKey(const Json& pod) {
  int restarts = 0;
  const Json::json_pointer statuses("/status/containerStatuses");
  if (pod.contains(statuses)) {
    for (const Json& container : pod.at(statuses)) restarts += container.value("restartCount", 0);
  }
  return absl::StrCat(Text(pod, "metadata", "uid"), "/", restarts);
}

std::optional<Component> ComponentOf(const Json& object) {
  const std::string label = object.at("metadata")
                                .value("labels", Json::object())
                                .value("app.kubernetes.io/component", "");
  for (Component component : kComponents) {
    if (ToString(component) == label) return component;
  }
  return std::nullopt;
}

// Asks the servers of ready pods for their versions, once per process.
void ReadVersions(OpenMldb& openmldb, Snapshot& snapshot,
                  const std::map<std::string, std::string>& keys, VersionCache& versions) {
  VersionCache current;
  for (Pod& pod : snapshot.pods) {
    if (pod.component == Component::kZooKeeper || pod.ip.empty() || pod.deleting) continue;
    const std::string& key = keys.at(pod.name);
    auto known = versions.find(key);
    if (known != versions.end()) {
      pod.reported_version = known->second;
    } else if (pod.ready) {
      const std::string address = AddressOf(pod);
      const auto version = pod.component == Component::kTaskManager
                               ? openmldb.TaskManagerVersion(address)
                               : openmldb.Version(address);
      // Until it is registered a server gives another text there (F1.5).
      if (version.ok() && !version->empty() && absl::ascii_isdigit(version->front()))
        pod.reported_version = *version;
    }
    if (!pod.reported_version.empty()) current[key] = pod.reported_version;
  }
  versions = std::move(current);
}

}  // namespace

Pod ReadPod(const Json& object) {
  const Json& metadata = object.at("metadata");
  Pod pod;
  pod.name = metadata.at("name");
  pod.uid = metadata.value("uid", "");
  pod.ip = Text(object, "status", "podIP");
  pod.component = ComponentOf(object).value_or(Component::kZooKeeper);
  pod.spec_hash = Annotation(metadata, kSpecHashAnnotation);
  pod.version = Annotation(metadata, kVersionAnnotation);
  pod.deleting = metadata.contains("deletionTimestamp");
  pod.started = pod.created = TimeIn(metadata, "creationTimestamp");
  if (!object.contains("status")) return pod;
  const Json& status = object.at("status");
  pod.trouble = TroubleOf(status);
  pod.started = std::max(pod.created, StartOf(status, ToString(pod.component)));
  for (const Json& condition : status.value("conditions", Json::array())) {
    if (condition.value("type", "") != "Ready") continue;
    pod.ready = condition.value("status", "") == "True";
    if (!pod.ready) pod.not_ready_since = TimeIn(condition, "lastTransitionTime");
  }
  if (!pod.ready) pod.says = WhatKubernetesSays(object);
  return pod;
}

Workload ReadWorkload(SharedJson object) {
  Workload workload;
  const Json metadata = object->at("spec").at("template").value("metadata", Json::object());
  workload.spec_hash = Annotation(metadata, kSpecHashAnnotation);
  workload.version = Annotation(metadata, kVersionAnnotation);
  workload.replicas = Number(*object, "spec", "replicas");
  workload.settled = Number(*object, "status", "observedGeneration") >=
                         Number(*object, "metadata", "generation") &&
                     Number(*object, "status", "updatedReplicas") == workload.replicas &&
                     Number(*object, "status", "replicas") == workload.replicas &&
                     Number(*object, "status", "availableReplicas") == workload.replicas;
  workload.object = std::move(object);
  return workload;
}

absl::StatusOr<Database> ReadDatabase(OpenMldb& openmldb, bool with_jobs) {
  Database database;
  auto nameservers = openmldb.Nameservers();
  if (!nameservers.ok()) return nameservers.status();
  database.nameservers = *std::move(nameservers);
  auto registered = openmldb.RegisteredTablets();
  if (!registered.ok()) return registered.status();
  database.registered_tablets = *std::move(registered);
  auto tablets = openmldb.ShowTablet();
  if (!tablets.ok()) return tablets.status();
  database.tablets = *std::move(tablets);
  auto tables = openmldb.ShowTable();
  if (!tables.ok()) return tables.status();
  database.tables = *std::move(tables);
  auto ops = openmldb.ShowOpStatus();
  if (!ops.ok()) return ops.status();
  database.ops = *std::move(ops);
  auto auto_failover = openmldb.GetAutoFailover();
  if (!auto_failover.ok()) return auto_failover.status();
  database.auto_failover = *auto_failover;

  const auto loaded = openmldb.GetTableStatus(database.registered_tablets);
  for (size_t i = 0; i < loaded.size(); ++i) {
    if (!loaded[i].ok()) continue;
    auto& statuses = database.loaded[database.registered_tablets[i]];
    for (const ReplicaStatus& status : *loaded[i]) statuses[{status.tid, status.pid}] = status;
  }
  if (!with_jobs) return database;
  auto task_manager = openmldb.ActiveTaskManager();
  database.task_manager_status = task_manager.status();
  if (task_manager.ok() && !task_manager->empty()) {
    auto jobs = openmldb.UnfinishedJobs(*task_manager);
    database.task_manager_status = jobs.status();
    if (jobs.ok()) database.unfinished_jobs = *std::move(jobs);
  }
  return database;
}

void TimeTasks(std::vector<Op>& ops, absl::Time now, TaskTimes& times) {
  TaskTimes current;
  for (Op& op : ops) {
    if (!op.UnderWay()) continue;
    const auto known = times.find(op.id);
    op.in_task_since =
        known != times.end() && known->second.first == op.task ? known->second.second : now;
    current[op.id] = {op.task, op.in_task_since};
  }
  times = std::move(current);
}

namespace {

// One that was loaded anew lacks what its leader has sent before, and never gets it (F5.2.1 d). And
// a leader that has heard nothing of a follower may call it where it was before (F5.11).
bool IsSentRows(OpenMldb& openmldb, const Database& database, const PartitionId& id,
                const std::string& leader, const FollowerInfo& follower) {
  if (follower.offset == 0 && database.Status(leader, id)->offset > 0) return false;
  const ReplicaStatus* seen = database.Status(follower.endpoint, id);
  if (seen == nullptr || seen->offset >= follower.offset) return true;
  // It may have got it since.
  const auto now = openmldb.GetReplicaStatus({{id, follower.endpoint}});
  return !now[0].ok() || now[0]->offset >= follower.offset;
}

}  // namespace

void LookClosely(OpenMldb& openmldb, Database& database) {
  database.closely.emplace();
  // One that has stopped answering is not waited for again and again.
  std::set<std::string> silent;
  const auto answers = [&](const std::string& tablet, const PartitionId& id) {
    return database.Status(tablet, id) != nullptr && silent.count(tablet) == 0;
  };
  for (const Table& table : database.tables) {
    for (const Partition& partition : table.partitions) {
      const std::string name = ToString(partition.id);
      std::vector<std::string> tablets;
      for (const ReplicaMeta& meta : partition.replicas) {
        if (answers(meta.endpoint, partition.id)) tablets.push_back(meta.endpoint);
      }
      const auto terms = openmldb.GetTermPair(partition.id, table.storage_mode, tablets);
      for (size_t i = 0; i < terms.size(); ++i) {
        if (!terms[i].ok()) silent.insert(tablets[i]);
        if (terms[i].ok() && terms[i]->has_table)
          database.closely->terms[name][tablets[i]] = terms[i]->term;
      }
      const ReplicaMeta* leader = partition.Leader();
      if (leader == nullptr || !answers(leader->endpoint, partition.id)) continue;
      const auto followers = openmldb.GetTableFollower(partition.id, leader->endpoint);
      if (!followers.ok()) continue;
      std::set<std::string>& names = database.closely->followers[name];
      for (const FollowerInfo& follower : *followers) {
        if (IsSentRows(openmldb, database, partition.id, leader->endpoint, follower))
          names.insert(follower.endpoint);
      }
    }
  }
}

absl::StatusOr<Snapshot> Observe(Kubernetes& kubernetes, OpenMldb& openmldb, Clock& clock,
                                 const Cluster& cluster, VersionCache& versions) {
  Snapshot snapshot;
  snapshot.now = clock.Now();
  snapshot.cluster = cluster;
  const auto labels = ClusterLabels(cluster);
  for (const ResourceType* type : {&types::StatefulSet(), &types::Deployment()}) {
    auto objects = kubernetes.List(*type, cluster.key.ns, labels);
    if (!objects.ok()) return objects.status();
    for (const SharedJson& object : *objects) {
      if (auto component = ComponentOf(*object))
        snapshot.workloads[*component] = ReadWorkload(object);
    }
  }
  for (const ResourceType* type : {&types::Service(), &types::PodDisruptionBudget()}) {
    auto objects = kubernetes.List(*type, cluster.key.ns, labels);
    if (!objects.ok()) return objects.status();
    for (const SharedJson& object : *objects) {
      const Json& metadata = object->at("metadata");
      snapshot.object_hashes[{type->kind, metadata.at("name")}] =
          Annotation(metadata, kObjectHashAnnotation);
    }
  }
  auto pods = kubernetes.List(types::Pod(), cluster.key.ns, labels);
  if (!pods.ok()) return pods.status();
  std::map<std::string, std::string> keys;
  for (const SharedJson& object : *pods) {
    if (auto preflight = ReadPreflightPod(*object)) {
      snapshot.preflight = std::move(preflight);
      continue;
    }
    snapshot.pods.push_back(ReadPod(*object));
    keys[snapshot.pods.back().name] = ContainerKey(*object);
  }
  std::sort(snapshot.pods.begin(), snapshot.pods.end(),
            [](const Pod& a, const Pod& b) { return a.name < b.name; });
  ReadVersions(openmldb, snapshot, keys, versions);
  if (snapshot.workloads.count(Component::kNameserver) == 0) {
    snapshot.database_status = absl::UnavailableError("the nameservers are not created yet");
    return snapshot;
  }
  auto database = ReadDatabase(openmldb, cluster.spec.task_manager.replicas > 0);
  snapshot.database_status = database.status();
  if (database.ok()) snapshot.database = *std::move(database);
  return snapshot;
}

}  // namespace omdb
