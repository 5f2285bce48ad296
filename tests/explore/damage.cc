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

// As the nameserver has it in ZooKeeper.
std::vector<Replica> Followers(simulator::FakeZooKeeper& zookeeper, const std::string& tablet) {
  const std::string tables = absl::StrCat(kRoot, "/table/db_table_data");
  std::vector<Replica> followers;
  for (const std::string& tid : zookeeper.Children(tables)) {
    ::openmldb::nameserver::TableInfo table;
    (void)table.ParseFromString(zookeeper.Value(absl::StrCat(tables, "/", tid)));
    for (const auto& partition : table.table_partition()) {
      if (FollowsAnother(partition, tablet)) followers.emplace_back(table.tid(), partition.pid());
    }
  }
  return followers;
}

// Removes `count` records of the log from the `first` one on.
void Cut(MemoryDisk& disk, const std::string& log, size_t first, size_t count) {
  std::vector<std::string> records;
  (void)disk.ReadRecords(log, [&](std::string_view record) { records.emplace_back(record); });
  (void)disk.Remove(log);
  for (size_t i = 0; i < records.size(); ++i) {
    if (i < first || i >= first + count) (void)disk.AppendRecord(log, records[i]);
  }
}

size_t Records(MemoryDisk& disk, const std::string& log) {
  size_t count = 0;
  (void)disk.ReadRecords(log, [&](std::string_view) { ++count; });
  return count;
}

}  // namespace

std::string DamageAReplica(simulator::World& world,
                           simulator::Process<simulator::TabletServer>& tablet,
                           std::mt19937_64& random) {
  const std::vector<Replica> followers = Followers(world.zookeeper, tablet.name());
  if (followers.empty()) return "";
  const Replica replica = followers[Below(random, followers.size())];
  const std::string what = absl::StrCat("partition ", replica.first, "/", replica.second, " on ",
                                        tablet.name(), " has lost ");
  MemoryDisk& disk = tablet.disk();
  auto logs = disk.List(simulator::BinlogDirectory(replica));
  if (!logs.ok() || logs->empty() || Below(random, 3) == 0) {
    (void)disk.Remove(simulator::PartitionDirectory(replica));
    return absl::StrCat(what, "everything");
  }
  std::sort(logs->begin(), logs->end());
  const std::string log = absl::StrCat(simulator::BinlogDirectory(replica), "/", logs->back());
  const size_t records = Records(disk, log);
  if (records < 3) return "";
  const size_t count = 1 + Below(random, records - 2);
  const bool last = Below(random, 2) == 0;
  Cut(disk, log, last ? records - count : 1, count);
  return absl::StrCat(what, count, last ? " rows at its end" : " rows in the middle");
}

}  // namespace omdb::explore
