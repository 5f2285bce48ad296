#ifndef OMDB_TESTS_EXPLORE_WORLD_WRITER_H_
#define OMDB_TESTS_EXPLORE_WORLD_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "controllers/openmldb.h"
#include "name_server.pb.h"
#include "tablet.pb.h"
#include "tests/simulator/model/task.h"
#include "tests/simulator/world/process.h"

namespace omdb::explore {

// A user of OpenMLDB: one closed loop for each partition, routed by the nameserver's metadata in
// ZooKeeper, which it reads again when /table/notify has changed, as an SDK does. A refused row is
// not written again.
class WorldWriter {
 public:
  explicit WorldWriter(simulator::World& world);

  // Every partition gets a row each `interval`, or `retry` after one that was refused, beside those
  // that get rows already.
  void Start(const std::vector<Table>& tables, absl::Duration interval, absl::Duration retry);
  void Stop();
  // From when the notification changed to when the SDK reads again; no time, at first.
  void HearAfter(absl::Duration delay) { hears_after_ = delay; }

  struct Rows {
    std::vector<uint64_t> acknowledged;  // sequence numbers, rising
    uint64_t refused = 0;
    std::vector<absl::Duration> pauses;  // from a refused row to the next acknowledged one
  };
  const std::map<PartitionId, Rows>& rows() const { return rows_; }
  uint64_t acknowledged() const;
  uint64_t refused() const;

  static constexpr char kPut[] = "openmldb.api.TabletServer/Put";
  static ::openmldb::api::PutRequest RequestFor(const PartitionId& id, uint64_t sequence);
  // The key of a row, and what it says.
  static std::string Key(uint64_t sequence);
  static uint64_t Sequence(absl::string_view key);

 private:
  simulator::Task<void> WritePartition(PartitionId id, absl::Duration interval,
                                       absl::Duration retry);
  // True when it was acknowledged.
  simulator::Task<bool> Write(PartitionId id, uint64_t sequence);
  std::string LeaderOf(const PartitionId& id);

  simulator::World& world_;
  std::unique_ptr<simulator::Network> network_;
  std::unique_ptr<simulator::Scope> scope_;
  std::map<PartitionId, Rows> rows_;
  // What the SDK keeps of ZooKeeper, and the notification that it is from.
  std::string notified_;
  absl::Duration hears_after_;
  absl::Time hears_at_ = absl::InfiniteFuture();
  std::map<uint32_t, ::openmldb::nameserver::TableInfo> tables_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_WORLD_WRITER_H_
