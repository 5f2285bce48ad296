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

std::vector<Replica> Followers(simulator::FakeZooKeeper& zookeeper, const std::string& tablet) {
  std::vector<Replica> followers;
  for (const std::string& tid : zookeeper.Children(kStoredTables)) {
    const auto table = StoredTable(zookeeper, tid);
    for (const auto& partition : table.table_partition()) {
      if (FollowsAnother(partition, tablet)) followers.emplace_back(table.tid(), partition.pid());
    }
  }
  return followers;
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
  std::vector<std::string> records = Records(disk, log);
  if (records.size() < 3) return "";
  const size_t count = 1 + Below(random, records.size() - 2);
  const bool last = Below(random, 2) == 0;
  const auto first = last ? records.end() - static_cast<ptrdiff_t>(count) : records.begin() + 1;
  records.erase(first, first + static_cast<ptrdiff_t>(count));
  Rewrite(disk, log, records);
  return absl::StrCat(what, count, last ? " rows at its end" : " rows in the middle");
}

}  // namespace omdb::explore
