// Nameservers die and hand over at any moment of any op; the next one goes on, and what is left
// undone is only what F5.1 says.
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

// Some of everything that the op engine does.
void QueueOps(Cluster& cluster) {
  cluster.OfflineEndpoint("t1");
  cluster.RecoverEndpoint("t1");
  for (uint32_t pid : {0, 1, 2}) cluster.ChangeLeader("t", pid, "auto");
  cluster.AddReplica("pairs", 0, "t0");
  cluster.AddReplica("pairs", 0, "t1");
  cluster.AddReplica("pairs", 0, "t2");
  for (const char* tablet : {"t0", "t1", "t2"}) cluster.RecoverTable("t", 3, tablet);
}

class NameServerDeath : public ::testing::TestWithParam<int> {};

TEST_P(NameServerDeath, AtAnyMomentLeavesAClusterThatTheNextOneServes) {
  const uint64_t seed = GetParam();
  Options options = Cluster::Quiet();
  options.lost_del_replica_probability = 0.1;
  Cluster cluster(options, seed);
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 4, 3), code::kOk);
  ASSERT_EQ(cluster.CreateTable("pairs", 1, 2), code::kOk);
  std::mt19937_64 random(seed);
  auto up_to = [&](int64_t most) {
    return std::uniform_int_distribution<int64_t>(0, most)(random);
  };
  for (int round = 0; round < 3; ++round) {
    QueueOps(cluster);
    cluster.RunFor(absl::Microseconds(up_to(round == 0 ? 300'000 : 20'000'000)));
    const int leader = cluster.Leader();
    ASSERT_GE(leader, 0);
    if (up_to(2) == 0) {
      ASSERT_EQ(cluster.Ask("DisConnectZK", nameserver::DisConnectZKRequest()).code(), code::kOk);
    }
    if (up_to(3) == 0) cluster.tablet(static_cast<int>(up_to(2))).Kill();
    cluster.ns(leader).Kill();
    ASSERT_TRUE(cluster.AwaitLeader(absl::Seconds(40)));
    ASSERT_TRUE(cluster.StartNameServer(leader).ok());
    for (int i = 0; i < 3; ++i) {
      if (!cluster.tablet(i).running()) cluster.RestartTablet(absl::StrCat("t", i));
    }
  }
  cluster.RunFor(absl::Seconds(400));
  ASSERT_TRUE(cluster.AwaitLeader(absl::Seconds(20)));
  // What waits for ever waits at a step that a new leader does not do again (M6), and a cancel lets
  // its lane go on.
  const std::set<std::string> done_again = {"kSelectLeader",          "kUpdateLeaderInfo",
                                            "kUpdatePartitionStatus", "kUpdateTableInfo",
                                            "kRecoverTable",          "kAddTableInfo"};
  for (int i = 0; i < 20 && !cluster.UnfinishedOps().empty(); ++i) {
    for (const nameserver::OPStatus& op : cluster.UnfinishedOps()) {
      if (op.status() != "kDoing") continue;
      EXPECT_FALSE(done_again.contains(op.task_type())) << op.ShortDebugString();
      EXPECT_EQ(cluster.CancelOp(op.op_id()), code::kOk);
    }
    cluster.RunFor(absl::Seconds(100));
  }
  EXPECT_TRUE(cluster.UnfinishedOps().empty());
  EXPECT_TRUE(cluster.exits().empty());
  // Every partition has at most one alive leader, in memory and in ZooKeeper alike.
  const nameserver::TableInfo table = cluster.Table("t");
  nameserver::TableInfo stored;
  ASSERT_TRUE(stored.ParseFromString(cluster.world().zookeeper.Value(
      absl::StrCat("/openmldb/table/db_table_data/", table.tid()))));
  for (int i = 0; i < table.table_partition_size(); ++i) {
    int leaders = 0;
    for (const auto& meta : table.table_partition(i).partition_meta()) {
      leaders += meta.is_leader() && meta.is_alive() ? 1 : 0;
    }
    EXPECT_LE(leaders, 1);
    EXPECT_EQ(stored.table_partition(i).term_offset_size(),
              table.table_partition(i).term_offset_size());
  }
  EXPECT_EQ(cluster.CreateTable("after", 2, 2), code::kOk);
}

INSTANTIATE_TEST_SUITE_P(Seeds, NameServerDeath, ::testing::Range(1, 13));

}  // namespace
}  // namespace omdb::simulator
