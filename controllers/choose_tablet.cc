#include "controllers/choose_tablet.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"

namespace omdb {
namespace {

// How much each tablet carries, counted on while the plan is made.
struct Load {
  std::map<std::string, int> leaders;
  std::map<std::string, int> replicas;
};

Load CurrentLoad(const Database& database) {
  Load load;
  for (const Tablet& tablet : database.tablets) {
    if (tablet.healthy) load.replicas[tablet.endpoint] = 0;
  }
  for (const Table& table : database.tables) {
    for (const Partition& partition : table.partitions) {
      for (const ReplicaMeta& meta : partition.replicas) {
        // One that is not healthy gets no replica, whatever it carries.
        auto replicas = load.replicas.find(meta.endpoint);
        if (replicas != load.replicas.end()) ++replicas->second;
        if (meta.is_leader && meta.is_alive) ++load.leaders[meta.endpoint];
      }
    }
  }
  return load;
}

std::string LeastLeading(Load& load, const Partition& partition, const std::string& except) {
  std::string best;
  for (const ReplicaMeta& meta : partition.replicas) {
    if (meta.endpoint == except || !meta.is_alive) continue;
    if (best.empty() || load.leaders[meta.endpoint] < load.leaders[best]) best = meta.endpoint;
  }
  if (!best.empty()) ++load.leaders[best];
  return best;
}

std::string LeastLoaded(Load& load, const std::string& except) {
  std::string best;
  for (const auto& [endpoint, replicas] : load.replicas) {
    if (endpoint == except) continue;
    if (best.empty() || replicas < load.replicas[best]) best = endpoint;
  }
  if (!best.empty()) ++load.replicas[best];
  return best;
}

std::optional<HeldPartition> Hold(const Partition& partition, const std::string& tablet,
                                  Load& load) {
  const ReplicaMeta* meta = partition.Find(tablet);
  if (meta == nullptr) return std::nullopt;
  HeldPartition held;
  held.id = partition.id;
  held.was_leader = meta->is_leader && meta->is_alive;
  if (!held.was_leader) {
    const ReplicaMeta* leader = partition.Leader();
    if (leader != nullptr) held.attached_to = leader->endpoint;
    return held;
  }
  held.moved_to = LeastLeading(load, partition, tablet);
  if (held.moved_to.empty()) {
    held.extra_replica = LeastLoaded(load, tablet);
    held.moved_to = held.extra_replica;
  }
  return held;
}

}  // namespace

bool TakeInHand(Plan& plan, const Pod& pod) {
  const Database& database = *plan.seen.database;
  TabletInHand hand;
  hand.name = pod.name;
  hand.pod_uid = pod.uid;
  hand.report.name = pod.name;
  hand.report.started = plan.seen.now;
  for (const Op& op : database.ops) hand.last_op_id = std::max(hand.last_op_id, op.id);
  Load load = CurrentLoad(database);
  for (const Table& table : database.tables) {
    for (const Partition& partition : table.partitions) {
      std::optional<HeldPartition> held = Hold(partition, pod.name, load);
      if (!held) continue;
      if (held->was_leader && held->moved_to.empty() &&
          !plan.seen.cluster.spec.upgrade.allow_single_replica_downtime) {
        return plan.Stall(
            "SingleReplica",
            absl::StrCat(
                "partition ", ToString(partition.id), " has its only replica on ", pod.name,
                " and there is no other tablet for another one; add a tablet, or accept its "
                "downtime with spec.upgrade.allowSingleReplicaDowntime"));
      }
      hand.partitions.push_back(*std::move(held));
    }
  }
  plan.Tell("ReplacingTablet",
            absl::StrCat("replacing tablet ", pod.name, " with ", hand.partitions.size(),
                         " partitions, of which it leads ",
                         std::count_if(hand.partitions.begin(), hand.partitions.end(),
                                       [](const HeldPartition& held) { return held.was_leader; })));
  plan.ledger().wanted_auto_failover = database.auto_failover;
  plan.ledger().tablet = std::move(hand);
  return true;
}

}  // namespace omdb
