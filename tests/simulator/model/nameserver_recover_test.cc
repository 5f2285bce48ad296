// RecoverTable, OfflineEndpoint and RecoverEndpoint: which way a replica comes back, and how long
// it takes (F5.3 to F5.5, M3, M4, M9).
#include <gtest/gtest.h>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

class Recover : public ::testing::Test {
 protected:
  explicit Recover(const Options& options = Cluster::Quiet()) : cluster_(options) {}
  void SetUp() override {
    cluster_.Start();
    ASSERT_EQ(cluster_.CreateTable("t", 1, 3), code::kOk);
    leader_ = cluster_.LeaderOf("t", 0);
    follower_ = cluster_.FollowersOf("t", 0).at(0);
    cluster_.PutRows(leader_, "t", 0, "k", 100);
    ASSERT_TRUE(EqualEverywhere());
  }
  bool EqualEverywhere() {
    return cluster_.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(5));
  }
  // How long RecoverTable takes until nothing is left to do.
  absl::Duration TimeToRecover(const std::string& endpoint) {
    const absl::Time start = cluster_.Now();
    EXPECT_EQ(cluster_.RecoverTable("t", 0, endpoint), code::kOk);
    EXPECT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
    return cluster_.Now() - start;
  }
  // All restarted tablets are known and healthy again.
  void Restart(const std::string& tablet) {
    cluster_.RestartTablet(tablet);
    ASSERT_TRUE(cluster_.RunUntilState(tablet, "kHealthy", absl::Seconds(2)));
  }

  Cluster cluster_;
  std::string leader_;
  std::string follower_;
};

TEST_F(Recover, RefusalsHaveTheirCodes) {
  EXPECT_EQ(cluster_.RecoverTable("t", 0, "t9"), code::kEndpointNotExist);
  EXPECT_EQ(cluster_.RecoverTable("none", 0, "t0"), code::kTableNotExist);
  EXPECT_EQ(cluster_.RecoverTable("t", 3, "t0"), code::kPidNotExist);
  EXPECT_EQ(cluster_.RecoverTable("t", 0, "t0"), code::kPartitionIsAlive);
  EXPECT_EQ(cluster_.OfflineEndpoint("t9"), code::kEndpointNotExist);
  EXPECT_EQ(cluster_.OfflineEndpoint("t0", 9), code::kInvalidParameter);
  EXPECT_EQ(cluster_.RecoverEndpoint("t0", 9), code::kInvalidParameter);
  cluster_.tablet(follower_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(follower_, "kOffline", absl::Seconds(15)));
  EXPECT_EQ(cluster_.RecoverTable("t", 0, follower_), code::kTabletNotHealthy);
  EXPECT_EQ(cluster_.RecoverEndpoint(follower_), code::kTabletNotHealthy);
  ASSERT_EQ(cluster_.SetAutoFailover(true), code::kOk);
  EXPECT_EQ(cluster_.RecoverTable("t", 0, leader_), code::kAutoFailoverEnabled);
  EXPECT_EQ(cluster_.OfflineEndpoint("t0"), code::kAutoFailoverEnabled);
  EXPECT_EQ(cluster_.RecoverEndpoint("t0"), code::kAutoFailoverEnabled);
}

TEST_F(Recover, LoadedFollowerWithItsRowsIsAddedAgainWithinThreePolls) {
  ASSERT_EQ(cluster_.UpdateAlive("t", 0, follower_, false), code::kOk);
  const absl::Duration took = TimeToRecover(follower_);
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaSimplifyOP");
  EXPECT_GT(absl::ToDoubleSeconds(took), 2.0);  // DelReplica and AddReplica, a poll each
  EXPECT_LT(absl::ToDoubleSeconds(took), 4.5);
  EXPECT_TRUE(cluster_.Meta("t", 0, follower_).is_alive());
}

TEST_F(Recover, RestartedReplicaIsCopiedInTenToFourteenSeconds) {
  ASSERT_EQ(cluster_.OfflineEndpoint(follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  Restart(follower_);
  const absl::Duration took = TimeToRecover(follower_);
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaOP");
  EXPECT_GT(absl::ToDoubleSeconds(took), 9.5);
  EXPECT_LT(absl::ToDoubleSeconds(took), 14.5);
  EXPECT_TRUE(EqualEverywhere());
  EXPECT_EQ(cluster_.Keys(follower_, "t", 0).size(), 100u);
}

TEST_F(Recover, RestartedReplicaWithTheLeadersSnapshotOnlyLoadsIt) {
  nameserver::MakeSnapshotNSRequest snapshot;
  snapshot.set_db(kDb);
  snapshot.set_name("t");
  snapshot.set_pid(0);
  snapshot.set_offset(100);
  ASSERT_EQ(cluster_.Ask("MakeSnapshotNS", snapshot).code(), code::kOk);
  EXPECT_TRUE(cluster_.Ops().empty());
  cluster_.RunFor(absl::Seconds(3));
  ASSERT_EQ(cluster_.OfflineEndpoint(follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  cluster_.PutRows(leader_, "t", 0, "later", 10);
  Restart(follower_);
  const absl::Duration took = TimeToRecover(follower_);
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaNoSendOP");
  EXPECT_LT(absl::ToDoubleSeconds(took), 10.5);
  EXPECT_TRUE(EqualEverywhere());
  EXPECT_EQ(cluster_.Keys(follower_, "t", 0).size(), 110u);
}

TEST_F(Recover, ExLeaderWithoutRowsOfItsOwnIsBackInOnePoll) {
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  const absl::Time start = cluster_.Now();
  ASSERT_EQ(cluster_.RecoverTable("t", 0, leader_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntil([&] { return !cluster_.TermPair(leader_, "t", 0).is_leader(); },
                                absl::Seconds(1)));
  EXPECT_LT(absl::ToDoubleSeconds(cluster_.Now() - start), 0.02);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(10)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaSimplifyOP");
  EXPECT_LT(absl::ToDoubleSeconds(cluster_.Now() - start), 2.5);
}

TEST_F(Recover, SingleReplicaIsLoadedFromItsOwnBinlog) {
  ASSERT_EQ(cluster_.CreateTable("single", 1, 1), code::kOk);
  const std::string tablet = cluster_.LeaderOf("single", 0);
  cluster_.PutRows(tablet, "single", 0, "s", 50);
  ASSERT_EQ(cluster_.OfflineEndpoint(tablet), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_FALSE(cluster_.Meta("single", 0, tablet).is_alive());
  EXPECT_EQ(cluster_.LeaderOf("single", 0), "");
  EXPECT_EQ(cluster_.Put(tablet, "single", 0, "straight to it"), 0);
  Restart(tablet);
  const absl::Time start = cluster_.Now();
  ASSERT_EQ(cluster_.RecoverTable("single", 0, tablet), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReLoadTableOP");
  EXPECT_LT(absl::ToDoubleSeconds(cluster_.Now() - start), 3.5);
  EXPECT_EQ(cluster_.LeaderOf("single", 0), tablet);
  EXPECT_EQ(cluster_.Keys(tablet, "single", 0).size(), 51u);
}

TEST_F(Recover, WithoutOfflineEndpointARestartedTabletStaysEmpty) {
  Restart(follower_);
  ASSERT_EQ(cluster_.RecoverEndpoint(follower_), code::kOk);
  cluster_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(cluster_.Ops().empty());
  EXPECT_FALSE(cluster_.TermPair(follower_, "t", 0).has_table());
  EXPECT_TRUE(cluster_.Meta("t", 0, follower_).is_alive());
  EXPECT_FALSE(cluster_.Meta("t", 0, follower_).tablet_has_partition());
  // For a single replica there is an op, which ends at once: its meta says that it is alive (M4).
  ASSERT_EQ(cluster_.CreateTable("single", 1, 1), code::kOk);
  const std::string tablet = cluster_.LeaderOf("single", 0);
  Restart(tablet);
  ASSERT_EQ(cluster_.RecoverEndpoint(tablet), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kRecoverTableOP");
  EXPECT_EQ(cluster_.LastOp().status(), "kDone");
  EXPECT_FALSE(cluster_.TermPair(tablet, "single", 0).has_table());
}

TEST_F(Recover, OfflineEndpointMovesLeadersBehindRemovalsThatCostAPollEach) {
  ASSERT_EQ(cluster_.CreateTable("wide", 12, 2), code::kOk);
  const absl::Time start = cluster_.Now();
  ASSERT_EQ(cluster_.OfflineEndpoint("t1"), code::kOk);
  const size_t ops = cluster_.Ops().size();
  const absl::Duration answered = cluster_.Now() - start;
  EXPECT_NEAR(absl::ToDoubleSeconds(answered), 0.018 * ops, 0.02);  // M3: 0.48 s for 26
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
  int removals[2] = {0, 0};
  for (const nameserver::OPStatus& op : cluster_.Ops()) {
    EXPECT_EQ(op.status(), "kDone");
    if (op.op_type() == "kOfflineReplicaOP") ++removals[op.pid() % 2];
  }
  const int longest = std::max(removals[0], removals[1]);
  ASSERT_GE(longest, 2);
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster_.Now() - start), 2.0 * longest, 2.5);
  for (uint32_t pid = 0; pid < 12; ++pid) EXPECT_NE(cluster_.LeaderOf("wide", pid), "t1");
  // And back; it was not restarted.
  ASSERT_EQ(cluster_.RecoverEndpoint("t1"), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(120)));
  const nameserver::TableInfo wide = cluster_.Table("wide");
  for (const auto& partition : wide.table_partition()) {
    for (const auto& meta : partition.partition_meta()) EXPECT_TRUE(meta.is_alive());
  }
}

TEST_F(Recover, AnOpOfADeadTabletWaitsForItsHeartbeatTimeout) {
  ASSERT_EQ(cluster_.UpdateAlive("t", 0, follower_, false), code::kOk);
  ASSERT_EQ(cluster_.RecoverTable("t", 0, follower_), code::kOk);
  cluster_.RunFor(absl::Milliseconds(20));
  ASSERT_EQ(cluster_.LastOp().task_type(), "kDelReplica");
  cluster_.tablet(leader_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(leader_, "kOffline", absl::Seconds(15)));
  cluster_.RunFor(absl::Seconds(50));
  EXPECT_EQ(cluster_.UnfinishedOps().size(), 1u);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(20)));
  EXPECT_EQ(cluster_.LastOp().status(), "kFailed");
}

TEST_F(Recover, ATaskThatARestartedTabletForgotFailsAfterAFewPolls) {
  ASSERT_EQ(cluster_.UpdateAlive("t", 0, follower_, false), code::kOk);
  ASSERT_EQ(cluster_.RecoverTable("t", 0, follower_), code::kOk);
  cluster_.RunFor(absl::Milliseconds(20));
  ASSERT_EQ(cluster_.LastOp().task_type(), "kDelReplica");
  // Its session ends at once and it is back before the next poll.
  ASSERT_EQ(cluster_.AskTablet(leader_, "DisConnectZK", api::DisConnectZKRequest()).code(), 0);
  cluster_.RunFor(absl::Milliseconds(200));
  ASSERT_TRUE(cluster_.tablet(leader_).Start().ok());
  const absl::Time start = cluster_.Now();
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LastOp().status(), "kFailed");
  EXPECT_EQ(cluster_.LastOp().task_type(), "kDelReplica");
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster_.Now() - start), 4.5, 2.5);
}

class RecoverWithBadLuck : public Recover {
 protected:
  RecoverWithBadLuck()
      : Recover([] {
          Options options = Cluster::Quiet();
          options.lost_del_replica_probability = 1;
          return options;
        }()) {}
};

TEST_F(RecoverWithBadLuck, ADetachedFollowerMayFailForNoReasonAndSucceedTheNextTime) {
  // H4. Removed once, so that the op finds nothing to remove.
  ASSERT_EQ(cluster_.OfflineEndpoint(follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  const absl::Duration took = TimeToRecover(follower_);
  EXPECT_EQ(cluster_.LastOp().op_type(), "kRecoverTableOP");
  EXPECT_EQ(cluster_.LastOp().status(), "kFailed");
  EXPECT_EQ(cluster_.LastOp().task_type(), "kDelReplica");
  EXPECT_NEAR(absl::ToDoubleSeconds(took), 5.0, 2.1);
  EXPECT_FALSE(cluster_.Meta("t", 0, follower_).is_alive());
}

TEST_F(Recover, AReplicaRemovalUnderWayFailsWithTheNameserver) {
  ASSERT_EQ(cluster_.OfflineEndpoint(follower_), code::kOk);
  cluster_.RunFor(absl::Milliseconds(100));
  ASSERT_EQ(cluster_.UnfinishedOps().front().task_type(), "kDelReplica");
  cluster_.ns(0).Kill();
  ASSERT_TRUE(cluster_.AwaitLeader(absl::Seconds(20)));
  cluster_.RunFor(absl::Milliseconds(100));
  EXPECT_EQ(cluster_.Ops().front().status(), "kFailed");
  EXPECT_EQ(cluster_.Ops().front().task_type(), "kDelReplica");
  EXPECT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(20)));
}

TEST_F(Recover, ACopyUnderWayGoesOnUnderTheNextNameserver) {
  ASSERT_EQ(cluster_.OfflineEndpoint(follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  Restart(follower_);
  ASSERT_EQ(cluster_.RecoverTable("t", 0, follower_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.LastOp().task_type() == "kLoadTable"; },
                                absl::Seconds(20)));
  cluster_.RunFor(absl::Milliseconds(50));
  cluster_.ns(0).Kill();
  ASSERT_TRUE(cluster_.AwaitLeader(absl::Seconds(20)));
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(30)));
  EXPECT_EQ(cluster_.LastOp().status(), "kDone");
  EXPECT_TRUE(cluster_.Meta("t", 0, follower_).is_alive());
  EXPECT_EQ(cluster_.Keys(follower_, "t", 0).size(), 100u);
}

}  // namespace
}  // namespace omdb::simulator
