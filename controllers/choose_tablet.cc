#include "controllers/choose_tablet.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

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

using TablePartition = std::pair<const Table*, const Partition*>;

// Partitions that move together stand together: those of pre-aggregation tables follow that of
// their base table (F5.12).
std::vector<TablePartition> InOrderOfMoving(const Database& database) {
  std::vector<TablePartition> all;
  for (const Table& table : database.tables) {
    for (const Partition& partition : table.partitions) all.emplace_back(&table, &partition);
  }
  const auto order = [](const TablePartition& each) {
    const uint32_t base = each.first->base_table_tid;
    return std::tuple(base > 0 ? base : each.first->tid, each.second->id.pid, base > 0);
  };
  std::stable_sort(
      all.begin(), all.end(),
      [&order](const TablePartition& a, const TablePartition& b) { return order(a) < order(b); });
  return all;
}

// Where the leader of its base partition goes, when the tablet leads that one too.
std::string WithItsBase(const TabletInHand& hand, const Table& table, uint32_t pid) {
  for (const HeldPartition& held : hand.partitions) {
    if (table.base_table_tid > 0 && held.id.tid == table.base_table_tid && held.id.pid == pid)
      return held.moved_to;
  }
  return "";
}

// `to` is where its leader is to go if it can, or empty.
std::optional<HeldPartition> Hold(const Partition& partition, const std::string& tablet,
                                  const std::string& to, Load& load) {
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
  const ReplicaMeta* wanted = partition.Find(to);
  if (wanted != nullptr && wanted->is_alive) {
    held.moved_to = to;
    ++load.leaders[to];
    return held;
  }
  held.moved_to = LeastLeading(load, partition, tablet);
  if (held.moved_to.empty()) {
    held.extra_replica = to.empty() ? LeastLoaded(load, tablet) : to;
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
  for (const auto& [table, partition] : InOrderOfMoving(database)) {
    const std::string with_base = WithItsBase(hand, *table, partition->id.pid);
    std::optional<HeldPartition> held = Hold(*partition, pod.name, with_base, load);
    if (!held) continue;
    if (held->was_leader && held->moved_to.empty() &&
        !plan.seen.cluster.spec.upgrade.allow_single_replica_downtime) {
      return plan.Stall(
          "SingleReplica",
          absl::StrCat("partition ", ToString(partition->id), " has its only replica on ", pod.name,
                       " and there is no other tablet for another one; add a tablet, or accept its "
                       "downtime with spec.upgrade.allowSingleReplicaDowntime"));
    }
    if (held->was_leader && !with_base.empty() && held->moved_to != with_base) {
      plan.Warn("PreAggregationApart",
                absl::StrCat("the leader of pre-aggregation partition ", ToString(partition->id),
                             " goes to ", held->moved_to, ", that of its base table to ", with_base,
                             ", where it has no replica: what is aggregated meanwhile may be stale "
                             "until both are back on ",
                             pod.name));
    }
    if (!held->extra_replica.empty() && plan.ledger().rollout)
      plan.ledger().rollout->extra_replicas[ToString(held->id)] = held->extra_replica;
    hand.partitions.push_back(*std::move(held));
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
