#ifndef OMDB_TESTS_EXPLORE_WORLD_WRITER_H_
#define OMDB_TESTS_EXPLORE_WORLD_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controllers/openmldb.h"
#include "tests/simulator/model/task.h"
#include "tests/simulator/world/process.h"

namespace omdb::explore {

// A user of OpenMLDB: one closed loop for each partition, routed by the nameserver's metadata in
// ZooKeeper as an SDK is. A refused row is not written again.
class WorldWriter {
 public:
  explicit WorldWriter(simulator::World& world);

  void Start(const std::vector<Table>& tables, absl::Duration interval);
  void Stop();

  struct Rows {
    std::set<std::string> acknowledged;
    uint64_t refused = 0;
    absl::Time last_acknowledged;
    absl::Duration longest_pause;  // between two acknowledged rows of the partition
  };
  const std::map<PartitionId, Rows>& rows() const { return rows_; }
  uint64_t acknowledged() const;
  uint64_t refused() const;

 private:
  simulator::Task<void> WritePartition(PartitionId id, absl::Duration interval);
  std::string LeaderOf(const PartitionId& id);

  simulator::World& world_;
  std::unique_ptr<simulator::Network> network_;
  std::unique_ptr<simulator::Scope> scope_;
  std::map<PartitionId, Rows> rows_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_WORLD_WRITER_H_
