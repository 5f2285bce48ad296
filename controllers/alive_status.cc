#include "controllers/alive_status.h"

#include <algorithm>

namespace omdb {
namespace {

bool Contains(const std::vector<PartitionId>& partitions, const PartitionId& id) {
  return std::find(partitions.begin(), partitions.end(), id) != partitions.end();
}

// Whether nothing but these replicas of the tablet changes when its whole table is said to be
// `alive` there, as the table is now. It leads nothing: marked alive, what somebody takes the
// leadership of meanwhile would be a second leader.
absl::StatusOr<bool> AreTheWholeTable(OpenMldb& openmldb,
                                      const std::vector<PartitionId>& partitions,
                                      const Table& table, const std::string& tablet, bool alive) {
  const auto now = openmldb.ShowTable(table.db, table.name);
  if (!now.ok()) return now.status();
  return std::all_of(now->partitions.begin(), now->partitions.end(),
                     [&](const Partition& partition) {
                       const ReplicaMeta* meta = partition.Find(tablet);
                       if (meta == nullptr || Contains(partitions, partition.id)) return true;
                       return meta->is_alive == alive && !partition.LedBy(tablet);
                     });
}

// An op may bring back a replica of the tablet that is none of these, and would be undone.
absl::StatusOr<bool> AnOpIsUnderWayOnOthers(OpenMldb& openmldb,
                                            const std::vector<PartitionId>& partitions,
                                            const Table& table, const std::string& tablet) {
  for (const Partition& partition : table.partitions) {
    if (partition.Find(tablet) == nullptr || Contains(partitions, partition.id)) continue;
    const auto ops = openmldb.ShowOpStatus(partition.id);
    if (!ops.ok()) return ops.status();
    if (std::any_of(ops->begin(), ops->end(),
                    [&](const Op& op) { return op.UnderWay() && op.Of(partition.id); }))
      return true;
  }
  return false;
}

}  // namespace

absl::Status MarkNotAlive(OpenMldb& openmldb, const Table& table, const std::string& tablet,
                          const std::vector<PartitionId>& partitions) {
  if (partitions.size() > 1) {
    // Before the table is read: what an op has brought back by then is alive in it.
    const auto op = AnOpIsUnderWayOnOthers(openmldb, partitions, table, tablet);
    if (!op.ok()) return op.status();
    const auto at_once = AreTheWholeTable(openmldb, partitions, table, tablet, false);
    if (!at_once.ok()) return at_once.status();
    if (*at_once && !*op)
      return openmldb.UpdateTableAliveStatus(table.db, table.name, tablet, false);
  }
  for (const PartitionId& id : partitions) {
    if (absl::Status status = openmldb.UpdateTableAliveStatus(id, tablet, false); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status MarkAlive(OpenMldb& openmldb, const Table& table, const std::string& tablet,
                       const std::vector<PartitionId>& partitions) {
  std::vector<PartitionId> followers;
  const auto follows = [&](const PartitionId& id) {
    return openmldb.SetReplicaMeta(id, tablet, /*is_leader=*/false, /*is_alive=*/true);
  };
  for (const Partition& partition : table.partitions) {
    const ReplicaMeta* meta = partition.Find(tablet);
    if (meta == nullptr || meta->is_alive || !Contains(partitions, partition.id)) continue;
    if (!meta->is_leader) {
      followers.push_back(partition.id);
      continue;
    }
    // A former leader's entry has to say that it is none.
    if (absl::Status status = follows(partition.id); !status.ok()) return status;
  }
  if (followers.size() > 1) {
    const auto at_once = AreTheWholeTable(openmldb, followers, table, tablet, true);
    if (!at_once.ok()) return at_once.status();
    if (*at_once) return openmldb.UpdateTableAliveStatus(table.db, table.name, tablet, true);
  }
  for (const PartitionId& id : followers) {
    if (absl::Status status = follows(id); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace omdb
