#include "controllers/guards.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"

namespace omdb {

namespace {

// "`kubectl -n ns logs "
std::string Ask(const Cluster& cluster, const std::string& verb) {
  return absl::StrCat("`kubectl -n ", cluster.key.ns, " ", verb, " ");
}

}  // namespace

std::optional<Problem> NotReachable(const Snapshot& seen) {
  if (seen.database) return std::nullopt;
  const Cluster& cluster = seen.cluster;
  return Problem{
      "OpenMLDBUnreachable",
      absl::StrCat("OpenMLDB cannot be asked: ", seen.database_status.message(), "; ZooKeeper at ",
                   ZooKeeperServers(cluster), " and a nameserver (", Ask(cluster, "logs"),
                   WorkloadName(cluster, Component::kNameserver), "-0`) have to answer first")};
}

std::optional<Problem> TabletMissing(const Snapshot& seen) {
  const Database& database = *seen.database;
  for (int i = 0; i < seen.cluster.spec.tablet.replicas; ++i) {
    const std::string name = absl::StrCat(WorkloadName(seen.cluster, Component::kTablet), "-", i);
    const Tablet* tablet = database.FindTablet(name);
    const bool registered = std::count(database.registered_tablets.begin(),
                                       database.registered_tablets.end(), name) > 0;
    if (!registered)
      return Problem{"TabletDown", absl::StrCat("tablet ", name,
                                                " is not registered in ZooKeeper; its pod has to ",
                                                "run (", Ask(seen.cluster, "describe pod"), name,
                                                "`) and reach ", ZooKeeperServers(seen.cluster))};
    if (tablet == nullptr || !tablet->healthy) {
      return Problem{"TabletOffline",
                     absl::StrCat("tablet ", name,
                                  " is registered in ZooKeeper but offline for the nameserver, "
                                  "which may have missed it; when that stays, ",
                                  Ask(seen.cluster, "delete pod"), name, "` registers it anew")};
    }
    if (!database.Answered(name))
      return Problem{"TabletDown", absl::StrCat("tablet ", name, " does not answer; see ",
                                                Ask(seen.cluster, "logs"), name, "`")};
  }
  return std::nullopt;
}

bool OpUnderWayOn(const Database& database, const PartitionId& id) {
  return std::any_of(database.ops.begin(), database.ops.end(),
                     [&id](const Op& op) { return op.UnderWay() && op.Of(id); });
}

bool CopiedByAnOp(const Database& database, const PartitionId& id) {
  return std::any_of(database.ops.begin(), database.ops.end(), [&id](const Op& op) {
    return op.UnderWay() && op.Of(id) && !op.ChangesLeader();
  });
}

std::optional<Problem> OpUnderWay(const Database& database) {
  for (const Op& op : database.ops) {
    if (!op.UnderWay()) continue;
    if (op.BeingCancelled()) {
      return Problem{"OpRunning",
                     absl::StrCat(ToString(op),
                                  " was cancelled; it is waited for until each tablet that the "
                                  "nameserver counts on has forgotten it")};
    }
    return Problem{
        "OpRunning",
        absl::StrCat(ToString(op),
                     op.state == OpState::kInited ? " is queued"
                                                  : absl::StrCat(" is under way in task ", op.task),
                     " and waited for; one that is stuck is ended by `cancelop ", op.id,
                     "` of OpenMLDB's nameserver client")};
  }
  return std::nullopt;
}

namespace {

constexpr char kRecover[] = "`openmldb_ops.py --cmd=recoverdata` of OpenMLDB brings it back";

std::optional<Problem> NotDemoted(const Database& database, const Partition& partition,
                                  const ReplicaMeta& meta) {
  const ReplicaStatus* status = database.Status(meta.endpoint, partition.id);
  if (!meta.is_leader || meta.is_alive || status == nullptr || status->mode != TableMode::kLeader)
    return std::nullopt;
  return Problem{"FormerLeaderNotDemoted",
                 absl::StrCat(meta.endpoint, " led ", ToString(partition.id),
                              " before and still accepts writes for it; RecoverTable demotes it")};
}

std::optional<Problem> ReplicaUnwell(const Database& database, const Partition& partition,
                                     const ReplicaMeta& meta) {
  const std::string which =
      absl::StrCat("replica of ", ToString(partition.id), " on ", meta.endpoint);
  const ReplicaStatus* status = database.Status(meta.endpoint, partition.id);
  if (auto problem = NotDemoted(database, partition, meta)) return problem;
  if (!meta.is_alive)
    return Problem{"ReplicaNotAlive", absl::StrCat(which, " is not alive; ", kRecover)};
  if (status == nullptr)
    return Problem{"ReplicaNotLoaded",
                   absl::StrCat(which, " is not loaded on its tablet; ", kRecover)};
  if (status->Loading()) {
    return Problem{"ReplicaLoading", absl::StrCat(which, " is still loading; it is waited for")};
  }
  if ((status->mode == TableMode::kLeader) != meta.is_leader) {
    return Problem{"ReplicaRoleMismatch",
                   absl::StrCat(which, " is ", meta.is_leader ? "leader" : "follower",
                                " for the nameserver and the other for its tablet; ", kRecover)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Problem> FormerLeaderNotDemoted(const Database& database) {
  for (const Table& table : database.tables) {
    for (const Partition& partition : table.partitions) {
      for (const ReplicaMeta& meta : partition.replicas) {
        if (auto problem = NotDemoted(database, partition, meta)) return problem;
      }
    }
  }
  return std::nullopt;
}

std::optional<Problem> PartitionUnwell(const Snapshot& seen) {
  const Database& database = *seen.database;
  for (const Table& table : database.tables) {
    for (const Partition& partition : table.partitions) {
      if (partition.Leader() == nullptr) {
        return Problem{"NoLeader", absl::StrCat("partition ", ToString(partition.id),
                                                " has no leader that is alive; one of its tablets "
                                                "has to come back, then ",
                                                kRecover)};
      }
      for (const ReplicaMeta& meta : partition.replicas) {
        if (auto problem = ReplicaUnwell(database, partition, meta)) return problem;
      }
    }
  }
  return std::nullopt;
}

std::optional<Problem> NotWhole(const Snapshot& seen) {
  if (auto problem = NotReachable(seen)) return problem;
  if (auto problem = TabletMissing(seen)) return problem;
  if (auto problem = OpUnderWay(*seen.database)) return problem;
  if (auto problem = FormerLeaderNotDemoted(*seen.database)) return problem;
  return PartitionUnwell(seen);
}

bool SameVersion(const std::string& reported, const std::string& version) {
  return reported == version || absl::StartsWith(reported, version + "-");
}

bool ReportsAnotherVersion(const Pod& pod) {
  return !pod.reported_version.empty() && !SameVersion(pod.reported_version, pod.version);
}

bool Broken(const Pod& pod) {
  const bool never_ran = pod.ip.empty();
  return never_ran || !pod.trouble.empty() || ReportsAnotherVersion(pod);
}

bool TabletServes(const Snapshot& seen, const Pod& pod) {
  if (!seen.database || !pod.ready || !pod.trouble.empty()) return false;
  if (pod.reported_version.empty() || ReportsAnotherVersion(pod)) return false;
  const Tablet* tablet = seen.database->FindTablet(pod.name);
  return tablet != nullptr && tablet->healthy && tablet->real_endpoint == AddressOf(pod) &&
         seen.database->Answered(pod.name);
}

std::optional<Problem> PodTrouble(const Snapshot& seen, Component component) {
  for (const Pod* pod : seen.PodsOf(component)) {
    if (!pod->trouble.empty()) {
      return Problem{"PodNotRunning",
                     absl::StrCat("pod ", pod->name, " of version ", pod->version,
                                  " does not run: ", pod->trouble,
                                  "; correct spec.version, spec.image or what its "
                                  "server is started with, or go back; see ",
                                  Ask(seen.cluster, "describe pod"), pod->name, "`")};
    }
    if (ReportsAnotherVersion(*pod)) {
      return Problem{"VersionMismatch",
                     absl::StrCat("pod ", pod->name, " should run version ", pod->version,
                                  " but its server reports ", pod->reported_version,
                                  "; correct spec.version or spec.image")};
    }
  }
  return std::nullopt;
}

}  // namespace omdb
