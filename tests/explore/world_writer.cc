#include "tests/explore/world_writer.h"

#include <optional>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/explore/world_openmldb.h"
#include "tests/simulator/model/rpc.h"

namespace omdb::explore {

WorldWriter::WorldWriter(simulator::World& world)
    : world_(world), network_(world.network.ClientOf("writer", world.executor)) {}

void WorldWriter::Start(const std::vector<Table>& tables, absl::Duration interval,
                        absl::Duration retry) {
  if (!scope_) scope_ = std::make_unique<simulator::Scope>(world_.executor);
  for (const Table& table : tables) {
    for (const Partition& partition : table.partitions) {
      if (rows_.try_emplace(partition.id).second)
        scope_->Spawn(WritePartition(partition.id, interval, retry));
    }
  }
}

void WorldWriter::Stop() { scope_.reset(); }

std::string WorldWriter::LeaderOf(const PartitionId& id) {
  const absl::Time now = world_.executor.Now();
  std::string notified = world_.zookeeper.Value(absl::StrCat(kRoot, "/table/notify"));
  if (notified != notified_ && hears_at_ == absl::InfiniteFuture()) hears_at_ = now + hears_after_;
  if (now >= hears_at_) {
    hears_at_ = absl::InfiniteFuture();
    notified_ = std::move(notified);
    tables_.clear();
  }
  auto [table, missing] = tables_.try_emplace(id.tid);
  if (missing) table->second = StoredTable(world_.zookeeper, absl::StrCat(id.tid));
  for (const auto& partition : table->second.table_partition()) {
    if (partition.pid() != id.pid) continue;
    for (const auto& meta : partition.partition_meta()) {
      if (!meta.is_leader() || !meta.is_alive()) continue;
      const std::string path = absl::StrCat(kRoot, "/map/names/", meta.endpoint());
      return world_.zookeeper.Exists(path) ? world_.zookeeper.Value(path) : meta.endpoint();
    }
  }
  return "";
}

std::string WorldWriter::Key(uint64_t sequence) { return absl::StrCat("row-", sequence); }

uint64_t WorldWriter::Sequence(absl::string_view key) {
  uint64_t sequence = 0;
  (void)absl::SimpleAtoi(key.substr(key.find('-') + 1), &sequence);
  return sequence;
}

simulator::Task<void> WorldWriter::WritePartition(PartitionId id, absl::Duration interval,
                                                  absl::Duration retry) {
  Rows& rows = rows_[id];
  // Not all at the same instant.
  co_await simulator::Delay(world_.executor, interval * std::uniform_real_distribution<double>(
                                                            0, 1)(world_.executor.random()));
  std::optional<absl::Time> refused_since;
  for (uint64_t sequence = 1;; ++sequence) {
    co_await simulator::Delay(world_.executor, refused_since ? retry : interval);
    const absl::Time began = world_.executor.Now();
    if (!co_await Write(id, sequence)) {
      ++rows.refused;
      if (!refused_since) refused_since = began;
      continue;
    }
    rows.acknowledged.push_back(sequence);
    if (refused_since) rows.pauses.push_back(world_.executor.Now() - *refused_since);
    refused_since.reset();
  }
}

::openmldb::api::PutRequest WorldWriter::RequestFor(const PartitionId& id, uint64_t sequence) {
  const std::string key = Key(sequence);
  ::openmldb::api::PutRequest request;
  request.set_tid(id.tid);
  request.set_pid(id.pid);
  request.set_time(static_cast<int64_t>(sequence));
  request.set_value("row of " + key);
  auto* dimension = request.add_dimensions();
  dimension->set_key(key);
  dimension->set_idx(0);
  return request;
}

simulator::Task<bool> WorldWriter::Write(PartitionId id, uint64_t sequence) {
  const std::string leader = LeaderOf(id);
  if (leader.empty()) co_return false;
  auto response = co_await simulator::CallPeer<::openmldb::api::PutResponse>(
      *network_, leader, kPut, RequestFor(id, sequence), absl::Seconds(2));
  co_return response.ok() && response->code() == 0;
}

uint64_t WorldWriter::acknowledged() const {
  uint64_t sum = 0;
  for (const auto& [id, rows] : rows_) sum += rows.acknowledged.size();
  return sum;
}

uint64_t WorldWriter::refused() const {
  uint64_t sum = 0;
  for (const auto& [id, rows] : rows_) sum += rows.refused;
  return sum;
}

}  // namespace omdb::explore
