#ifndef OMDB_TESTS_CONTRACT_FIXTURE_H_
#define OMDB_TESTS_CONTRACT_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controllers/openmldb.h"
#include "operator/openmldb/zookeeper.h"
#include "tests/contract/raw.h"

namespace omdb::contract {

// Ends the test when it does not hold: what follows would have nothing to work with. (GoogleTest
// turns the exception into a failure and tears the test down.)
void Require(bool holds, const std::string& otherwise);

// Polls until it holds or the time is up.
bool Until(absl::Duration limit, const std::function<bool()>& holds);

// A running cluster at the address of the command line, with auto_failover off, no op under way,
// and a database of the test's own. Leaves the cluster as it was: each replica of the test's tables
// is alive again before its table is dropped, for only then it is dropped everywhere (M9).
class ContractTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // A new table, as ShowTable has it.
  Table Create(uint32_t partitions, uint32_t replicas);

  // --- What the nameserver says.
  Partition Meta(const PartitionId& id);
  std::string LeaderOf(const PartitionId& id);
  ReplicaMeta ReplicaOf(const PartitionId& id, const std::string& endpoint);
  // Followers whose metas are alive.
  std::vector<std::string> FollowersOf(const PartitionId& id);
  // A healthy tablet without a replica of the partition; fails the test when there is none.
  std::string TabletWithout(const PartitionId& id);
  uint64_t LastOpId();
  // Waits until all ops of the partition that came after `last_op` are through; returns them.
  std::vector<Op> OpsAfter(uint64_t last_op, const PartitionId& id, absl::Duration limit);

  // --- What a tablet says.
  ReplicaStatus On(const std::string& tablet, const PartitionId& id);
  TermPair TermOn(const std::string& tablet, const PartitionId& id);
  // All of them have the offset of the first.
  bool SameOffset(const PartitionId& id, const std::vector<std::string>& tablets);
  // Puts "<prefix>0" to "<prefix>n-1"; each must be accepted.
  void PutRows(const std::string& tablet, const PartitionId& id, const std::string& prefix, int n);

  // Puts the fence down, moves the leadership and demotes the old leader (M11, without a writer to
  // mind). The old leader stays detached.
  void HandOver(const PartitionId& id, const std::string& candidate);
  // Attaches a detached follower, waits until it is equal, and says so in its meta (M12 steps 4,
  // 5).
  void RejoinInPlace(const PartitionId& id, const std::string& tablet);

  // A node below the root path.
  std::string Node(const std::string& path);

  std::shared_ptr<OpenMldb> openmldb_;
  std::unique_ptr<Raw> raw_;
  std::string db_;

 private:
  void MakeWhole(const PartitionId& id);

  std::unique_ptr<ZooKeeper> zookeeper_;
  std::vector<Table> tables_;
  bool auto_failover_before_ = false;
};

}  // namespace omdb::contract

#endif  // OMDB_TESTS_CONTRACT_FIXTURE_H_
