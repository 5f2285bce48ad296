// ChangeLeader: what it costs, what it loses, and what is left when it is interrupted (F5.2, M1,
// M2, M6, M11).
#include <gtest/gtest.h>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

class ChangeLeader : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_.Start();
    ASSERT_EQ(cluster_.CreateTable("t", 4, 3), code::kOk);
    Look(0);
  }
  void Look(uint32_t pid) {
    old_ = cluster_.LeaderOf("t", pid);
    followers_ = cluster_.FollowersOf("t", pid);
  }

  Cluster cluster_;
  std::string old_;
  std::vector<std::string> followers_;
};

TEST_F(ChangeLeader, RefusalsHaveTheirCodes) {
  ASSERT_EQ(cluster_.CreateTable("single", 1, 1), code::kOk);
  EXPECT_EQ(cluster_.ChangeLeader("none", 0, ""), code::kTableNotExist);
  EXPECT_EQ(cluster_.ChangeLeader("t", 9, ""), code::kPidNotExist);
  EXPECT_EQ(cluster_.ChangeLeader("single", 0, "auto"), code::kNoFollower);
  EXPECT_EQ(cluster_.ChangeLeader("t", 0, ""), code::kLeaderIsAlive);
  EXPECT_EQ(cluster_.ChangeLeader("t", 0, old_), code::kCreateOpFailed);
  EXPECT_EQ(cluster_.ChangeLeader("t", 0, "t9"), code::kCreateOpFailed);
  for (const std::string& follower : followers_) {
    ASSERT_EQ(cluster_.UpdateAlive("t", 0, follower, false), code::kOk);
  }
  EXPECT_EQ(cluster_.ChangeLeader("t", 0, "auto"), code::kNoAliveFollower);
  ASSERT_EQ(cluster_.SetAutoFailover(true), code::kOk);
  EXPECT_EQ(cluster_.ChangeLeader("t", 1, "auto"), code::kAutoFailoverEnabled);
  EXPECT_TRUE(cluster_.Ops().empty());
}

TEST_F(ChangeLeader, TakesUnderATenthOfASecondAndRaisesTheTermByTwo) {
  cluster_.PutRows(old_, "t", 0, "k", 10);
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(1)));
  const absl::Time start = cluster_.Now();
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  const absl::Duration answered = cluster_.Now() - start;
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_NEAR(absl::ToDoubleSeconds(answered), 0.0175, 0.0085);
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster_.Now() - start), 0.075, 0.025);
  EXPECT_EQ(cluster_.LastOp().status(), "kDone");
  EXPECT_EQ(cluster_.LastOp().op_type(), "kChangeLeaderOP");

  const nameserver::TablePartition partition = cluster_.Partition("t", 0);
  EXPECT_EQ(cluster_.LeaderOf("t", 0), followers_[0]);
  EXPECT_TRUE(cluster_.Meta("t", 0, old_).is_leader());
  EXPECT_FALSE(cluster_.Meta("t", 0, old_).is_alive());
  ASSERT_EQ(partition.term_offset_size(), 2);
  EXPECT_EQ(partition.term_offset(1).term(), 3u);
  EXPECT_EQ(partition.term_offset(1).offset(), 11u);
  EXPECT_EQ(cluster_.world().zookeeper.Value("/openmldb/table/term"), "3");
  EXPECT_EQ(cluster_.TermPair(followers_[0], "t", 0).term(), 3u);
  EXPECT_EQ(cluster_.TermPair(old_, "t", 0).term(), 1u);
  EXPECT_TRUE(cluster_.TermPair(old_, "t", 0).is_leader());
  EXPECT_TRUE(cluster_.world().zookeeper.Children("/openmldb/op/op_data").empty());
}

TEST_F(ChangeLeader, TwoLanesMoveAboutFortyLeadersASecond) {
  ASSERT_EQ(cluster_.CreateTable("wide", 24, 3), code::kOk);
  const absl::Time start = cluster_.Now();
  for (uint32_t pid = 0; pid < 24; ++pid) {
    ASSERT_EQ(cluster_.ChangeLeader("wide", pid, cluster_.FollowersOf("wide", pid)[0]), code::kOk);
  }
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(5)));
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster_.Now() - start), 0.56, 0.1);
}

TEST_F(ChangeLeader, UnfencedItLosesRowsAndTheOldLeaderGoesOnAcknowledging) {
  TableWriter pinned(cluster_, "t", 0, old_);
  cluster_.RunFor(absl::Milliseconds(200));
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  const size_t at_change = pinned.acknowledged().size();
  cluster_.RunFor(absl::Seconds(5));
  EXPECT_GT(pinned.acknowledged().size(), at_change + 1000);
  EXPECT_EQ(pinned.refused(), 0);
  // RecoverTable demotes it within milliseconds.
  ASSERT_EQ(cluster_.RecoverTable("t", 0, old_), code::kOk);
  cluster_.RunFor(absl::Milliseconds(10));
  pinned.Stop();
  EXPECT_GT(pinned.refused(), 0);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaWithDropOP");
  EXPECT_GT(pinned.Lost(cluster_.Keys(followers_[0], "t", 0)).size(), 1000u);
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {old_, followers_[0]}, absl::Seconds(5)));
  EXPECT_EQ(cluster_.Keys(old_, "t", 0), cluster_.Keys(followers_[0], "t", 0));
}

TEST_F(ChangeLeader, FencedAndDemotedItLosesNothingAndTheOldLeaderIsBackSimply) {
  TableWriter writer(cluster_, "t", 0);
  cluster_.RunFor(absl::Milliseconds(500));
  ASSERT_EQ(cluster_.SetMode(old_, true), 0);
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(2)));
  const uint64_t offset = cluster_.Status(old_, "t", 0).offset();
  ASSERT_EQ(cluster_.ChangeRole(old_, "t", 0, api::kTableFollower), 0);
  ASSERT_EQ(cluster_.SetMode(old_, false), 0);
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[1]), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_EQ(cluster_.Partition("t", 0).term_offset(1).offset(), offset + 1);
  const absl::Time recovered = cluster_.Now();
  ASSERT_EQ(cluster_.RecoverTable("t", 0, old_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(5)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaSimplifyOP");
  EXPECT_LT(absl::ToDoubleSeconds(cluster_.Now() - recovered), 3.0);
  EXPECT_EQ(cluster_.RecoverTable("t", 0, old_), code::kPartitionIsAlive);
  writer.Stop();
  cluster_.RunFor(absl::Seconds(1));
  EXPECT_GT(writer.refused(), 0);
  EXPECT_TRUE(writer.Lost(cluster_.Keys(followers_[1], "t", 0)).empty());
  EXPECT_EQ(cluster_.Keys(old_, "t", 0), cluster_.Keys(followers_[1], "t", 0));
}

TEST_F(ChangeLeader, CaughtBetweenFenceAndPromotionItStaysForEverAndBlocksItsLane) {
  // The nameserver dies before it can write that the new leader has its role.
  cluster_.world().network.SetFilter([&](const FakeNetwork::Message& message) {
    return message.method == "openmldb.api.TabletServer/ChangeRole" ? FakeNetwork::Fate::kLose
                                                                    : FakeNetwork::Fate::kDeliver;
  });
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  cluster_.RunFor(absl::Milliseconds(100));
  ASSERT_EQ(cluster_.LastOp().task_type(), "kChangeLeader");
  cluster_.ns(0).Kill();
  cluster_.world().network.SetFilter(nullptr);
  ASSERT_TRUE(cluster_.AwaitLeader(absl::Seconds(20)));
  cluster_.RunFor(absl::Seconds(30));
  nameserver::OPStatus stuck = cluster_.LastOp();
  EXPECT_EQ(stuck.status(), "kDoing");
  EXPECT_EQ(stuck.task_type(), "kChangeLeader");
  // Followers are fenced, the old leader acknowledges to nobody's knowledge.
  EXPECT_GT(cluster_.TermPair(followers_[0], "t", 0).term(),
            cluster_.TermPair(old_, "t", 0).term());
  EXPECT_EQ(cluster_.Put(old_, "t", 0, "alone"), 0);
  // The other partitions of the lane wait, the other lane goes on.
  ASSERT_EQ(cluster_.ChangeLeader("t", 2, cluster_.FollowersOf("t", 2)[0]), code::kOk);
  ASSERT_EQ(cluster_.ChangeLeader("t", 1, cluster_.FollowersOf("t", 1)[0]), code::kOk);
  cluster_.RunFor(absl::Seconds(20));
  ASSERT_EQ(cluster_.UnfinishedOps().size(), 2u);
  EXPECT_EQ(cluster_.UnfinishedOps()[1].status(), "kInited");

  const absl::Time cancelled = cluster_.Now();
  EXPECT_EQ(cluster_.CancelOp(stuck.op_id()), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_LT(absl::ToDoubleSeconds(cluster_.Now() - cancelled), 0.15);
  EXPECT_EQ(cluster_.CancelOp(stuck.op_id()), code::kOpNotDoingOrInited);

  // Demoted and promoted with the followers' term, the old leader replicates what it has (M2).
  const uint64_t term = cluster_.TermPair(followers_[0], "t", 0).term();
  ASSERT_EQ(cluster_.ChangeRole(old_, "t", 0, api::kTableFollower), 0);
  ASSERT_EQ(cluster_.ChangeRole(old_, "t", 0, api::kTableLeader, term, followers_), 0);
  EXPECT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Milliseconds(200)));
  EXPECT_EQ(cluster_.Keys(followers_[1], "t", 0).count("alone"), 1u);
}

TEST_F(ChangeLeader, OneHungFollowerFailsItAfterTwentySecondsAndDelaysTheOtherLane) {
  cluster_.tablet(followers_[1]).Pause();
  const absl::Time start = cluster_.Now();
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  // An op of the other lane that only touches the other two.
  nameserver::MakeSnapshotNSRequest snapshot;
  snapshot.set_db(kDb);
  snapshot.set_name("t");
  for (uint32_t pid : {1, 3}) {
    if (cluster_.LeaderOf("t", pid) == followers_[1]) continue;
    snapshot.set_pid(pid);
    break;
  }
  ASSERT_EQ(cluster_.Ask("MakeSnapshotNS", snapshot).code(), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
  const nameserver::OPStatus failed = cluster_.LastOp("kChangeLeaderOP");
  EXPECT_EQ(failed.status(), "kFailed");
  EXPECT_EQ(failed.task_type(), "kSelectLeader");
  EXPECT_GE(absl::ToDoubleSeconds(cluster_.Now() - start), 20.0);
  EXPECT_EQ(cluster_.LastOp("kMakeSnapshotOP").status(), "kDone");
  EXPECT_GE(cluster_.LastOp("kMakeSnapshotOP").end_time() -
                cluster_.LastOp("kMakeSnapshotOP").start_time(),
            15u);
  // A failed op survives the nameserver; a finished one does not.
  cluster_.tablet(followers_[1]).Resume();
  cluster_.ns(0).Kill();
  ASSERT_TRUE(cluster_.AwaitLeader(absl::Seconds(20)));
  ASSERT_EQ(cluster_.Ops().size(), 1u);
  EXPECT_EQ(cluster_.Ops()[0].op_id(), failed.op_id());
  EXPECT_EQ(cluster_.Ops()[0].status(), "kFailed");
  EXPECT_EQ(cluster_.Ops()[0].task_type(), "kSelectLeader");
  nameserver::DeleteOPRequest forget;
  forget.set_op_id(failed.op_id());
  EXPECT_EQ(cluster_.Ask("DeleteOP", forget).code(), code::kOk);
  EXPECT_EQ(cluster_.Ask("DeleteOP", forget).code(), code::kDeleteFailed);
  EXPECT_TRUE(cluster_.Ops().empty());
}

TEST_F(ChangeLeader, AnUndemotedLeaderOverwritesAReloadedReplica) {
  // H1: A to B, then B to C while A still has rows of its own, then B is recovered.
  const std::string a = old_, b = followers_[0], c = followers_[1];
  cluster_.PutRows(a, "t", 0, "common", 500);
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(1)));
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, b), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  cluster_.PutRows(a, "t", 0, "stale", 7);
  cluster_.PutRows(b, "t", 0, "new", 30);
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, {b, c}, absl::Seconds(1)));
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, c), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  cluster_.PutRows(b, "t", 0, "b alone", 5);  // so that B is dropped and reloaded
  cluster_.PutRows(c, "t", 0, "newer", 20);
  ASSERT_EQ(cluster_.RecoverTable("t", 0, b), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaWithDropOP");
  EXPECT_EQ(cluster_.LastOp().status(), "kDone");
  cluster_.RunFor(absl::Seconds(3));
  // Offsets agree, rows do not: 507 are missing, and 7 stale ones are there (M1).
  EXPECT_EQ(cluster_.Status(b, "t", 0).offset(), 550u);
  EXPECT_EQ(cluster_.Status(c, "t", 0).offset(), 550u);
  EXPECT_EQ(cluster_.Status(b, "t", 0).record_cnt(), 50u);
  EXPECT_EQ(cluster_.Status(c, "t", 0).record_cnt(), 550u);
  EXPECT_EQ(cluster_.Keys(b, "t", 0).count("stale6"), 1u);
  EXPECT_EQ(cluster_.Keys(c, "t", 0).count("stale6"), 0u);
}

TEST_F(ChangeLeader, ACandidateOnTheWrongSideOfTheNetworkLeavesAFence) {
  // M6: the request is applied late, when nobody waits for it any more.
  const uint64_t before = cluster_.TermPair(followers_[0], "t", 0).term();
  cluster_.tablet(followers_[0]).Pause();
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[1]), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
  EXPECT_EQ(cluster_.LastOp().status(), "kFailed");
  cluster_.tablet(followers_[0]).Resume();
  cluster_.RunFor(absl::Seconds(20));
  EXPECT_GT(cluster_.TermPair(followers_[0], "t", 0).term(), before);
  EXPECT_EQ(cluster_.LeaderOf("t", 0), old_);
  EXPECT_EQ(cluster_.Put(old_, "t", 0, "unreplicated"), 0);
  cluster_.RunFor(absl::Seconds(5));
  EXPECT_EQ(cluster_.Keys(followers_[0], "t", 0).count("unreplicated"), 0u);
  // It registered as after a blip, and all metas are alive: the failed op is the only hint.
  EXPECT_EQ(cluster_.world().zookeeper.Value("/openmldb/nodes/" + followers_[0]), followers_[0]);
  EXPECT_TRUE(cluster_.Meta("t", 0, followers_[0]).is_alive());
  const uint64_t term = cluster_.TermPair(followers_[0], "t", 0).term();
  ASSERT_EQ(cluster_.ChangeRole(old_, "t", 0, api::kTableFollower), 0);
  ASSERT_EQ(cluster_.ChangeRole(old_, "t", 0, api::kTableLeader, term, followers_), 0);
  cluster_.RunFor(absl::Milliseconds(50));
  EXPECT_EQ(cluster_.Keys(followers_[0], "t", 0).count("unreplicated"), 1u);
}

}  // namespace
}  // namespace omdb::simulator
