// The ways back that do without the op engine: a tablet that rejoins in place (M12), and a cluster
// whose tablets were all down (M13). By the tablets' own requests and SetTablePartition.
#include <gtest/gtest.h>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

class Rejoin : public ::testing::Test {
 protected:
  static constexpr uint32_t kPartitions = 6;

  void SetUp() override {
    cluster_.Start();
    ASSERT_EQ(cluster_.CreateTable("t", kPartitions, 3), code::kOk);
    for (uint32_t pid = 0; pid < kPartitions; ++pid) {
      cluster_.PutRows(cluster_.LeaderOf("t", pid), "t", pid, "k", 40);
      ASSERT_TRUE(cluster_.RunUntilEqual("t", pid, {"t0", "t1", "t2"}, absl::Seconds(2)));
    }
  }
  int Load(const std::string& tablet, uint32_t pid, uint64_t term,
           api::TableMode mode = api::kTableFollower) {
    api::LoadTableRequest request;
    api::TableMeta* meta = request.mutable_table_meta();
    meta->set_tid(static_cast<int32_t>(cluster_.Table("t").tid()));
    meta->set_pid(static_cast<int32_t>(pid));
    meta->set_name("t");
    meta->set_db(kDb);
    meta->set_seg_cnt(8);
    meta->set_mode(mode);
    meta->set_term(term);
    meta->set_storage_mode(openmldb::common::kMemory);
    return cluster_.AskTablet(tablet, "LoadTable", request).code();
  }
  api::ReplicaRequest Replica(uint32_t pid, const std::string& replica) {
    api::ReplicaRequest request;
    request.set_tid(cluster_.Table("t").tid());
    request.set_pid(pid);
    request.set_endpoint(replica);
    return request;
  }
  int Attach(uint32_t pid, const std::string& replica) {
    return cluster_
        .AskTablet<api::AddReplicaResponse>(cluster_.LeaderOf("t", pid), "AddReplica",
                                            Replica(pid, replica))
        .code();
  }
  int Detach(uint32_t pid, const std::string& replica) {
    return cluster_.AskTablet(cluster_.LeaderOf("t", pid), "DelReplica", Replica(pid, replica))
        .code();
  }
  // Every replica alive, that one leading.
  int SetLeader(uint32_t pid, const std::string& leader) {
    nameserver::SetTablePartitionRequest request;
    request.set_db(kDb);
    request.set_name("t");
    *request.mutable_table_partition() = cluster_.Partition("t", pid);
    for (auto& meta : *request.mutable_table_partition()->mutable_partition_meta()) {
      meta.set_is_leader(meta.endpoint() == leader);
      meta.set_is_alive(true);
    }
    return cluster_.Ask("SetTablePartition", request).code();
  }
  uint64_t LastTerm(uint32_t pid) {
    const nameserver::TablePartition partition = cluster_.Partition("t", pid);
    return partition.term_offset(partition.term_offset_size() - 1).term();
  }
  bool Loaded(const std::string& tablet) {
    for (uint32_t pid = 0; pid < kPartitions; ++pid) {
      if (cluster_.Status(tablet, "t", pid).state() != api::kTableNormal) return false;
    }
    return true;
  }
  void ExpectAllReplicasEqual(size_t rows) {
    for (uint32_t pid = 0; pid < kPartitions; ++pid) {
      ASSERT_TRUE(cluster_.RunUntilEqual("t", pid, {"t0", "t1", "t2"}, absl::Seconds(3)));
      const std::set<std::string> keys = cluster_.Keys("t0", "t", pid);
      EXPECT_EQ(keys.size(), rows);
      EXPECT_EQ(cluster_.Keys("t1", "t", pid), keys);
      EXPECT_EQ(cluster_.Keys("t2", "t", pid), keys);
    }
  }

  Cluster cluster_;
};

TEST_F(Rejoin, ADrainedTabletIsBackInPlaceInTwoSecondsWithEveryRow) {
  const std::string x = "t1";
  // Its leaders go elsewhere; nobody writes, so that there is no lag.
  for (uint32_t pid = 0; pid < kPartitions; ++pid) {
    if (cluster_.LeaderOf("t", pid) != x) continue;
    ASSERT_EQ(cluster_.SetMode(x, true), 0);
    ASSERT_EQ(cluster_.ChangeRole(x, "t", pid, api::kTableFollower), 0);
    ASSERT_EQ(cluster_.SetMode(x, false), 0);
    ASSERT_EQ(cluster_.ChangeLeader("t", pid, "t0"), code::kOk);
    ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  }
  // It is detached where it follows.
  for (uint32_t pid = 0; pid < kPartitions; ++pid) {
    if (!cluster_.Meta("t", pid, x).is_alive()) continue;
    ASSERT_EQ(cluster_.UpdateAlive("t", pid, x, false), code::kOk);
    ASSERT_EQ(Detach(pid, x), 0);
  }
  ASSERT_EQ(cluster_.AskTablet(x, "DisConnectZK", api::DisConnectZKRequest()).code(), 0);
  const absl::Time away = cluster_.Now();
  cluster_.RestartTabletElsewhere(x);
  ASSERT_TRUE(cluster_.RunUntilState(x, "kHealthy", absl::Seconds(1)));
  for (uint32_t pid = 0; pid < kPartitions; ++pid) {
    cluster_.PutRows(cluster_.LeaderOf("t", pid), "t", pid, "meanwhile", 5);
  }
  for (uint32_t pid = 0; pid < kPartitions; ++pid) ASSERT_EQ(Load(x, pid, LastTerm(pid)), 0);
  ASSERT_TRUE(cluster_.RunUntil([&] { return Loaded(x); }, absl::Seconds(3)));
  for (uint32_t pid = 0; pid < kPartitions; ++pid) {
    EXPECT_EQ(cluster_.Status(x, "t", pid).offset(), 40u);
    ASSERT_EQ(Attach(pid, x), 0);
  }
  ExpectAllReplicasEqual(45);
  for (uint32_t pid = 0; pid < kPartitions; ++pid) {
    ASSERT_EQ(SetLeader(pid, cluster_.LeaderOf("t", pid)), code::kOk);
  }
  EXPECT_LT(cluster_.Now() - away, absl::Seconds(3));
  EXPECT_TRUE(cluster_.UnfinishedOps().empty());
  // As a follower like any other: it can lead again.
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, x), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_EQ(cluster_.LeaderOf("t", 0), x);
}

TEST_F(Rejoin, EverythingDownAtOnceIsServedAgainFromTheDisks) {
  TableWriter writer(cluster_, "t", 0);
  cluster_.RunFor(absl::Milliseconds(300));
  for (const char* tablet : {"t0", "t1", "t2"}) cluster_.tablet(tablet).Kill();
  writer.Stop();
  cluster_.RunFor(absl::Seconds(12));
  for (const char* tablet : {"t0", "t1", "t2"}) {
    ASSERT_TRUE(cluster_.tablet(tablet).Start().ok());
    ASSERT_TRUE(cluster_.RunUntilState(tablet, "kHealthy", absl::Seconds(1)));
    cluster_.RunFor(absl::Milliseconds(100));
  }
  const absl::Time start = cluster_.Now();
  for (const char* tablet : {"t0", "t1", "t2"}) {
    for (uint32_t pid = 0; pid < kPartitions; ++pid) ASSERT_EQ(Load(tablet, pid, LastTerm(pid)), 0);
  }
  for (const char* tablet : {"t0", "t1", "t2"}) {
    ASSERT_TRUE(cluster_.RunUntil([&] { return Loaded(tablet); }, absl::Seconds(3)));
  }
  for (uint32_t pid = 0; pid < kPartitions; ++pid) {
    const std::string leader = cluster_.LeaderOf("t", pid);
    std::vector<std::string> others;
    for (const char* tablet : {"t0", "t1", "t2"}) {
      if (tablet != leader) others.push_back(tablet);
    }
    ASSERT_EQ(cluster_.ChangeRole(leader, "t", pid, api::kTableLeader, LastTerm(pid), others), 0);
    ASSERT_EQ(SetLeader(pid, leader), code::kOk);
  }
  EXPECT_LT(cluster_.Now() - start, absl::Seconds(4));
  for (uint32_t pid = 1; pid < kPartitions; ++pid) {
    ASSERT_TRUE(cluster_.RunUntilEqual("t", pid, {"t0", "t1", "t2"}, absl::Seconds(3)));
    EXPECT_EQ(cluster_.Keys("t0", "t", pid).size(), 40u);
  }
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(3)));
  EXPECT_GT(writer.acknowledged().size(), 50u);
  for (const char* tablet : {"t0", "t1", "t2"}) {
    EXPECT_TRUE(writer.Lost(cluster_.Keys(tablet, "t", 0)).empty());
  }
}

TEST_F(Rejoin, AnExLeaderThatIsLoadedButNotAttachedIsDroppedByRecoverTable) {
  // M12: a follower has no term before its leader spoke to it, so nothing of its own matches.
  const std::string x = cluster_.LeaderOf("t", 0);
  ASSERT_EQ(cluster_.ChangeRole(x, "t", 0, api::kTableFollower), 0);
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, cluster_.FollowersOf("t", 0).at(0)), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  cluster_.RestartTablet(x);
  ASSERT_TRUE(cluster_.RunUntilState(x, "kHealthy", absl::Seconds(1)));
  ASSERT_EQ(Load(x, 0, LastTerm(0)), 0);
  cluster_.RunFor(absl::Seconds(1));
  EXPECT_EQ(cluster_.Status(x, "t", 0).offset(), 40u);
  EXPECT_EQ(cluster_.TermPair(x, "t", 0).term(), 0u);
  ASSERT_EQ(cluster_.RecoverTable("t", 0, x), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaWithDropOP");
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(3)));
  EXPECT_EQ(cluster_.Keys(x, "t", 0).size(), 40u);
}

TEST_F(Rejoin, LoadedWithLessThanItsLeaderBelievesItHasAHole) {
  // Hazard d of F5.2.1: it was not detached before. Offsets agree, counts do not.
  const std::string x = cluster_.FollowersOf("t", 0).at(0);
  cluster_.RestartTablet(x);
  ASSERT_TRUE(cluster_.RunUntilState(x, "kHealthy", absl::Seconds(1)));
  api::GeneralRequest binlog;
  binlog.set_tid(static_cast<int32_t>(cluster_.Table("t").tid()));
  binlog.set_pid(0);
  ASSERT_EQ(cluster_.AskTablet(x, "DeleteBinlog", binlog).code(), 0);
  ASSERT_EQ(Load(x, 0, LastTerm(0)), 0);
  cluster_.RunFor(absl::Milliseconds(100));
  cluster_.PutRows(cluster_.LeaderOf("t", 0), "t", 0, "later", 5);
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(3)));
  EXPECT_EQ(cluster_.Status(x, "t", 0).record_cnt(), 5u);
  EXPECT_EQ(cluster_.Status(cluster_.LeaderOf("t", 0), "t", 0).record_cnt(), 45u);
}

TEST_F(Rejoin, EverythingDownIsRepairedByHandWithTheLeadersOwnLog) {
  // M4: with a snapshot before the end of the log; 4.7 to 5.3 s for each of the others.
  nameserver::MakeSnapshotNSRequest snapshot;
  snapshot.set_db(kDb);
  snapshot.set_name("t");
  snapshot.set_pid(0);
  snapshot.set_offset(30);
  ASSERT_EQ(cluster_.Ask("MakeSnapshotNS", snapshot).code(), code::kOk);
  cluster_.RunFor(absl::Seconds(2));
  for (const char* tablet : {"t0", "t1", "t2"}) cluster_.RestartTablet(tablet);
  ASSERT_TRUE(cluster_.RunUntilState("t2", "kHealthy", absl::Seconds(1)));
  const std::string leader = cluster_.LeaderOf("t", 0);
  const std::vector<std::string> others = cluster_.FollowersOf("t", 0);
  EXPECT_EQ(cluster_.TermPair(leader, "t", 0).offset(), 30u);  // of the MANIFEST alone
  ASSERT_EQ(Load(leader, 0, LastTerm(0), api::kTableLeader), 0);
  cluster_.RunFor(absl::Milliseconds(100));
  EXPECT_EQ(cluster_.Status(leader, "t", 0).offset(), 40u);
  ASSERT_EQ(cluster_.UpdateAlive("t", 0, leader, true), code::kOk);
  for (const std::string& other : others) {
    ASSERT_EQ(cluster_.UpdateAlive("t", 0, other, false), code::kOk);
    const absl::Time start = cluster_.Now();
    ASSERT_EQ(cluster_.RecoverTable("t", 0, other), code::kOk);
    ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
    EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaNoSendOP");
    EXPECT_LT(cluster_.Now() - start, absl::Seconds(10.2));
  }
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(3)));
  for (const char* tablet : {"t0", "t1", "t2"}) {
    EXPECT_EQ(cluster_.Keys(tablet, "t", 0).size(), 40u);
  }
}

}  // namespace
}  // namespace omdb::simulator
