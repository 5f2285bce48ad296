// AddReplica, DelReplica, Migrate and the lanes they share with everything else (F5.7, F5.8, M5).
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

class Replicas : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_.Start();
    ASSERT_EQ(cluster_.CreateTable("t", 2, 2), code::kOk);
    Look(0);
  }
  void Look(uint32_t pid) {
    leader_ = cluster_.LeaderOf("t", pid);
    follower_ = cluster_.FollowersOf("t", pid).at(0);
    for (const char* tablet : {"t0", "t1", "t2"}) {
      if (tablet != leader_ && tablet != follower_) spare_ = tablet;
    }
    cluster_.PutRows(leader_, "t", pid, "k", 30);
  }

  Cluster cluster_;
  std::string leader_, follower_, spare_;
};

TEST_F(Replicas, AddedReplicaIsAliveAfterEightToTwelveSeconds) {
  const absl::Time start = cluster_.Now();
  ASSERT_EQ(cluster_.AddReplica("t", 0, spare_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_GT(absl::ToDoubleSeconds(cluster_.Now() - start), 7.9);
  EXPECT_LT(absl::ToDoubleSeconds(cluster_.Now() - start), 12.2);
  EXPECT_TRUE(cluster_.Meta("t", 0, spare_).is_alive());
  EXPECT_EQ(cluster_.Keys(spare_, "t", 0).size(), 30u);
  EXPECT_EQ(cluster_.Table("t").replica_num(), 2u);  // never updated
  EXPECT_EQ(cluster_.AddReplica("t", 0, spare_), code::kPidAlreadyExists);
  EXPECT_EQ(cluster_.AddReplica("t", 7, spare_), code::kInvalidParameter);
  EXPECT_EQ(cluster_.AddReplica("t", 0, "t9"), code::kTabletNotHealthy);
}

TEST_F(Replicas, ASecondRequestForTheSameReplicaIsAcceptedAndLeavesTheLeaderPaused) {
  ASSERT_EQ(cluster_.AddReplica("t", 0, spare_), code::kOk);
  EXPECT_EQ(cluster_.AddReplica("t", 0, spare_), code::kOk);
  ASSERT_TRUE(
      cluster_.RunUntil([&] { return cluster_.Ops()[1].status() == "kDoing"; }, absl::Seconds(30)));
  const absl::Time begin = cluster_.Now();
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster_.Now() - begin), 14, 1.1);
  const std::vector<nameserver::OPStatus> ops = cluster_.Ops();
  ASSERT_EQ(ops.size(), 2u);
  EXPECT_EQ(ops[0].status(), "kDone");
  EXPECT_EQ(ops[1].status(), "kFailed");
  EXPECT_EQ(ops[1].task_type(), "kSendSnapshot");
  EXPECT_EQ(cluster_.Status(leader_, "t", 0).state(), api::kSnapshotPaused);
  // Nothing else ends the pause (M5).
  api::GeneralRequest recover;
  recover.set_tid(static_cast<int32_t>(cluster_.Table("t").tid()));
  recover.set_pid(0);
  EXPECT_EQ(cluster_.AskTablet(leader_, "RecoverSnapshot", recover).code(), 0);
  EXPECT_EQ(cluster_.Status(leader_, "t", 0).state(), api::kTableNormal);
}

TEST_F(Replicas, ChangeLeaderWaitsBehindAnAddReplicaOfAnyPartitionInLaneZero) {
  // H3: pid 1 belongs to lane 1, its AddReplica to lane 0.
  Look(1);
  ASSERT_EQ(cluster_.AddReplica("t", 1, spare_), code::kOk);
  cluster_.RunFor(absl::Milliseconds(50));
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, cluster_.FollowersOf("t", 0)[0]), code::kOk);
  cluster_.RunFor(absl::Seconds(5));
  EXPECT_EQ(cluster_.LastOp("kChangeLeaderOP").status(), "kInited");
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LastOp("kChangeLeaderOP").status(), "kDone");
}

TEST_F(Replicas, ALeaderChangedMeanwhileLeavesTheNewReplicaWithTheOldOne) {
  // H5: the same partition in two lanes at once.
  Look(1);
  ASSERT_EQ(cluster_.AddReplica("t", 1, spare_), code::kOk);
  cluster_.RunFor(absl::Milliseconds(100));
  ASSERT_EQ(cluster_.ChangeLeader("t", 1, follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LeaderOf("t", 1), follower_);
  EXPECT_EQ(cluster_.LastOp("kAddReplicaOP").status(), "kDone");
  EXPECT_TRUE(cluster_.Meta("t", 1, spare_).is_alive());
  api::GetTableFollowerRequest ask;
  ask.set_tid(cluster_.Table("t").tid());
  ask.set_pid(1);
  EXPECT_EQ(
      cluster_.AskTablet<api::GetTableFollowerResponse>(follower_, "GetTableFollower", ask).code(),
      134);
  cluster_.PutRows(follower_, "t", 1, "for nobody", 20);
  cluster_.RunFor(absl::Seconds(5));
  EXPECT_EQ(cluster_.Keys(spare_, "t", 1).size(), 30u);
}

TEST_F(Replicas, RemovedReplicaIsGoneInAFewSeconds) {
  EXPECT_EQ(cluster_.DelReplica("t", 0, leader_), code::kTableIsLeader);
  EXPECT_EQ(cluster_.DelReplica("t", 0, spare_), code::kPidNotExist);
  const absl::Time start = cluster_.Now();
  ASSERT_EQ(cluster_.DelReplica("t", 0, follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_LT(absl::ToDoubleSeconds(cluster_.Now() - start), 4.5);
  EXPECT_EQ(cluster_.Partition("t", 0).partition_meta_size(), 1);
  EXPECT_FALSE(cluster_.TermPair(follower_, "t", 0).has_table());
}

TEST_F(Replicas, AFollowerMigratesALeaderDoesNot) {
  nameserver::MigrateRequest request;
  request.set_db(kDb);
  request.set_name("t");
  request.add_pid(0);
  request.set_src_endpoint(leader_);
  request.set_des_endpoint(spare_);
  EXPECT_EQ(cluster_.Ask("Migrate", request).code(), code::kMigrateFailed);
  request.set_src_endpoint("t9");
  EXPECT_EQ(cluster_.Ask("Migrate", request).code(), code::kMigrateSourceUnhealthy);
  request.set_src_endpoint(follower_);
  const absl::Time start = cluster_.Now();
  EXPECT_EQ(cluster_.Ask("Migrate", request).code(), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
  EXPECT_EQ(cluster_.LastOp().status(), "kDone");
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster_.Now() - start), 14.0, 2.1);
  EXPECT_TRUE(cluster_.Meta("t", 0, spare_).is_alive());
  EXPECT_EQ(cluster_.Meta("t", 0, follower_).endpoint(), "");
  EXPECT_FALSE(cluster_.TermPair(follower_, "t", 0).has_table());
  EXPECT_EQ(cluster_.Keys(spare_, "t", 0).size(), 30u);
}

TEST_F(Replicas, DroppingATableCancelsItsOps) {
  ASSERT_EQ(cluster_.AddReplica("t", 0, spare_), code::kOk);
  ASSERT_EQ(cluster_.AddReplica("t", 1, spare_), code::kPidAlreadyExists);
  cluster_.RunFor(absl::Seconds(1));
  nameserver::DropTableRequest drop;
  drop.set_db(kDb);
  drop.set_name("t");
  ASSERT_EQ(cluster_.Ask("DropTable", drop).code(), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_EQ(cluster_.LastOp().status(), "kCanceled");
}

}  // namespace
}  // namespace omdb::simulator
