#include "controllers/choose_tablet.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
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

// `tablet` leads it, and was not to, or where its leader was to go there is no replica any more.
bool MustBeHeldAnew(const HeldPartition& held, const Partition& partition,
                    const std::string& tablet) {
  if (!partition.LedBy(tablet)) return false;
  if (!held.was_leader) return true;
  return !held.StaysLeader() && held.moved_to != held.extra_replica &&
         partition.Find(held.moved_to) == nullptr;
}

// All that the tablet has of the database. False when the plan stalls.
bool HoldAll(Plan& plan, TabletInHand& hand) {
  const Database& database = *plan.seen.database;
  std::map<PartitionId, size_t> known;
  for (const HeldPartition& held : hand.partitions) known.emplace(held.id, known.size());
  Load load = CurrentLoad(database);
  for (const auto& [table, partition] : InOrderOfMoving(database)) {
    const auto before = known.find(partition->id);
    if (before != known.end() &&
        !MustBeHeldAnew(hand.partitions[before->second], *partition, hand.name))
      continue;
    const std::string with_base = WithItsBase(hand, *table, partition->id.pid);
    std::optional<HeldPartition> held = Hold(*partition, hand.name, with_base, load);
    if (!held) continue;
    if (held->was_leader && held->moved_to.empty() &&
        !plan.seen.cluster.spec.upgrade.allow_single_replica_downtime) {
      return plan.Stall(
          "SingleReplica",
          absl::StrCat("partition ", ToString(partition->id), " has its only replica on ",
                       hand.name,
                       " and there is no other tablet for another one; add a tablet, or accept its "
                       "downtime with spec.upgrade.allowSingleReplicaDowntime"));
    }
    if (held->was_leader && !with_base.empty() && held->moved_to != with_base) {
      plan.Warn("PreAggregationApart",
                absl::StrCat("the leader of pre-aggregation partition ", ToString(partition->id),
                             " goes to ", held->moved_to, ", that of its base table to ", with_base,
                             ", where it has no replica: what is aggregated meanwhile may be stale "
                             "until both are back on ",
                             hand.name));
    }
    if (!held->extra_replica.empty() && plan.ledger().rollout)
      plan.ledger().rollout->extra_replicas[ToString(held->id)] = held->extra_replica;
    if (before == known.end()) {
      hand.partitions.push_back(*std::move(held));
    } else {
      hand.partitions[before->second] = *std::move(held);
    }
  }
  return true;
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
  if (!HoldAll(plan, hand)) return false;
  plan.Tell("ReplacingTablet",
            absl::StrCat("replacing tablet ", pod.name, " with ", hand.partitions.size(),
                         " partitions, of which it leads ",
                         std::count_if(hand.partitions.begin(), hand.partitions.end(),
                                       [](const HeldPartition& held) { return held.was_leader; })));
  plan.ledger().wanted_auto_failover = database.auto_failover;
  plan.ledger().tablet = std::move(hand);
  return true;
}

bool HoldWhatCame(Plan& plan) {
  TabletInHand& hand = *plan.ledger().tablet;
  if (!HoldAll(plan, hand)) return false;
  for (const HeldPartition& held : hand.partitions) {
    const Partition* partition = plan.seen.database->FindPartition(held.id);
    if (partition != nullptr && partition->LedBy(hand.name) && !held.extra_replica.empty() &&
        partition->Find(held.extra_replica) == nullptr)
      hand.step = TabletStep::kAddExtraReplicas;
  }
  return true;
}

bool LeadsWhatMustGo(const Plan& plan) {
  const TabletInHand& hand = *plan.decision.ledger.tablet;
  std::set<PartitionId> stay;
  for (const HeldPartition& held : hand.partitions) {
    if (held.StaysLeader()) stay.insert(held.id);
  }
  for (const Table& table : plan.seen.database->tables) {
    for (const Partition& partition : table.partitions) {
      if (partition.LedBy(hand.name) && stay.count(partition.id) == 0) return true;
    }
  }
  return false;
}

}  // namespace omdb
