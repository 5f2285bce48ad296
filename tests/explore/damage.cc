#include "tests/explore/damage.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "name_server.pb.h"
#include "tests/explore/world_openmldb.h"
#include "tests/simulator/model/partition.h"

namespace omdb::explore {
namespace {

using simulator::MemoryDisk;
using Replica = simulator::PartitionId;

size_t Below(std::mt19937_64& random, size_t end) {
  return std::uniform_int_distribution<size_t>(0, end - 1)(random);
}

bool FollowsAnother(const ::openmldb::nameserver::TablePartition& partition,
                    const std::string& tablet) {
  bool has_it = false;
  bool led_elsewhere = false;
  for (const auto& meta : partition.partition_meta()) {
    const bool leads = meta.is_leader() && meta.is_alive();
    if (meta.endpoint() == tablet) has_it = !leads;
    if (meta.endpoint() != tablet) led_elsewhere = led_elsewhere || leads;
  }
  return has_it && led_elsewhere;
}

bool IsOn(const ::openmldb::nameserver::TablePartition& partition, const std::string& tablet) {
  return std::any_of(partition.partition_meta().begin(), partition.partition_meta().end(),
                     [&](const auto& meta) { return meta.endpoint() == tablet; });
}

// Those that the tablet has.
std::vector<Replica> Replicas(simulator::FakeZooKeeper& zookeeper, const std::string& tablet,
                              bool (*wanted)(const ::openmldb::nameserver::TablePartition&,
                                             const std::string&)) {
  std::vector<Replica> replicas;
  for (const std::string& tid : zookeeper.Children(kStoredTables)) {
    const auto table = StoredTable(zookeeper, tid);
    for (const auto& partition : table.table_partition()) {
      if (wanted(partition, tablet)) replicas.emplace_back(table.tid(), partition.pid());
    }
  }
  return replicas;
}

// Oldest first, as paths.
std::vector<std::string> Logs(MemoryDisk& disk, const Replica& replica) {
  auto logs = disk.List(simulator::BinlogDirectory(replica)).value_or(std::vector<std::string>());
  std::sort(logs.begin(), logs.end());
  for (std::string& log : logs) log = absl::StrCat(simulator::BinlogDirectory(replica), "/", log);
  return logs;
}

std::vector<std::string> Records(MemoryDisk& disk, const std::string& log) {
  std::vector<std::string> records;
  (void)disk.ReadRecords(log, [&](std::string_view record) { records.emplace_back(record); });
  return records;
}

void Rewrite(MemoryDisk& disk, const std::string& log, const std::vector<std::string>& records) {
  (void)disk.Remove(log);
  for (const std::string& record : records) (void)disk.AppendRecord(log, record);
}

uint64_t IndexOf(const std::string& record) {
  ::openmldb::api::LogEntry entry;
  return entry.ParseFromString(record) ? entry.log_index() : 0;
}

const Partition* PartitionOf(const Database& database, const Replica& replica) {
  for (const Table& table : database.tables) {
    if (table.tid != replica.first) continue;
    for (const Partition& partition : table.partitions) {
      if (partition.id.pid == replica.second) return &partition;
    }
  }
  return nullptr;
}

// Of a replica that its nameserver counts on.
bool AnotherHas(uint64_t offset, const Replica& replica, const std::string& tablet,
                const Database& others) {
  const Partition* partition = PartitionOf(others, replica);
  return partition != nullptr &&
         std::any_of(partition->replicas.begin(), partition->replicas.end(),
                     [&](const ReplicaMeta& meta) {
                       const ReplicaStatus* status = others.Status(meta.endpoint, partition->id);
                       return meta.endpoint != tablet && meta.is_alive && status != nullptr &&
                              !status->Loading() && status->offset >= offset;
                     });
}

}  // namespace

std::string DamageAReplica(simulator::World& world,
                           simulator::Process<simulator::TabletServer>& tablet,
                           std::mt19937_64& random) {
  const auto followers = Replicas(world.zookeeper, tablet.name(), FollowsAnother);
  if (followers.empty()) return "";
  const Replica replica = followers[Below(random, followers.size())];
  const std::string what = absl::StrCat("partition ", replica.first, "/", replica.second, " on ",
                                        tablet.name(), " has lost ");
  MemoryDisk& disk = tablet.disk();
  const std::vector<std::string> logs = Logs(disk, replica);
  if (logs.empty() || Below(random, 3) == 0) {
    (void)disk.Remove(simulator::PartitionDirectory(replica));
    return absl::StrCat(what, "everything");
  }
  std::vector<std::string> records = Records(disk, logs.back());
  if (records.size() < 3) return "";
  const size_t count = 1 + Below(random, records.size() - 2);
  const bool last = Below(random, 2) == 0;
  const auto first = last ? records.end() - static_cast<ptrdiff_t>(count) : records.begin() + 1;
  records.erase(first, first + static_cast<ptrdiff_t>(count));
  Rewrite(disk, logs.back(), records);
  return absl::StrCat(what, count, last ? " rows at its end" : " rows in the middle");
}

SyncedLogs Sync(simulator::World& world, simulator::Process<simulator::TabletServer>& tablet) {
  SyncedLogs synced;
  for (const Replica& replica : Replicas(world.zookeeper, tablet.name(), IsOn)) {
    for (const std::string& log : Logs(tablet.disk(), replica))
      synced[log] = Records(tablet.disk(), log).size();
  }
  return synced;
}

std::string LosePower(simulator::World& world, simulator::Process<simulator::TabletServer>& tablet,
                      const SyncedLogs& synced, const Database& others) {
  size_t lost = 0;
  MemoryDisk& disk = tablet.disk();
  for (const Replica& replica : Replicas(world.zookeeper, tablet.name(), IsOn)) {
    const std::vector<std::string> logs = Logs(disk, replica);
    if (logs.empty()) continue;
    const auto last = Records(disk, logs.back());
    if (last.empty() || !AnotherHas(IndexOf(last.back()), replica, tablet.name(), others)) continue;
    for (const std::string& log : logs) {
      std::vector<std::string> records = Records(disk, log);
      const auto kept = synced.find(log);
      const size_t left = kept == synced.end() ? 0 : std::min(kept->second, records.size());
      lost += records.size() - left;
      records.resize(left);
      Rewrite(disk, log, records);
    }
  }
  return absl::StrCat("the node of ", tablet.name(), " loses power, and its volume ", lost,
                      " rows");
}

}  // namespace omdb::explore
