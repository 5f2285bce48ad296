// auto_failover: what happens by itself, and what never does (F5.10, M4, M6).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

class AutoFailover : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_.Start();
    ASSERT_EQ(cluster_.CreateTable("t", 4, 3), code::kOk);
    ASSERT_EQ(cluster_.SetAutoFailover(true), code::kOk);
    for (uint32_t pid = 0; pid < 4; ++pid) {
      cluster_.PutRows(cluster_.LeaderOf("t", pid), "t", pid, "k", 20);
      ASSERT_TRUE(cluster_.RunUntilEqual("t", pid, {"t0", "t1", "t2"}, absl::Seconds(2)));
    }
    victim_ = cluster_.LeaderOf("t", 0);
  }
  bool AllAliveAndLoaded() {
    const nameserver::TableInfo table = cluster_.Table("t");
    for (const auto& partition : table.table_partition()) {
      for (const auto& meta : partition.partition_meta()) {
        if (!meta.is_alive() ||
            !cluster_.TermPair(meta.endpoint(), "t", partition.pid()).has_table()) {
          return false;
        }
      }
    }
    return true;
  }

  Cluster cluster_;
  std::string victim_;
};

TEST_F(AutoFailover, ATabletThatStaysAwayIsFailedOverAfterAMinute) {
  cluster_.tablet(victim_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kOffline", absl::Seconds(15)));
  cluster_.RunFor(absl::Seconds(59));
  EXPECT_TRUE(cluster_.Ops().empty());
  EXPECT_EQ(cluster_.LeaderOf("t", 0), victim_);
  cluster_.RunFor(absl::Seconds(2.5));
  EXPECT_FALSE(cluster_.Ops().empty());
  for (uint32_t pid = 0; pid < 4; ++pid) EXPECT_FALSE(cluster_.Meta("t", pid, victim_).is_alive());
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
  for (uint32_t pid = 0; pid < 4; ++pid) {
    EXPECT_NE(cluster_.LeaderOf("t", pid), victim_);
    EXPECT_NE(cluster_.LeaderOf("t", pid), "");
  }
}

TEST_F(AutoFailover, ARestartedTabletIsHandledWhenItIsBackNotBefore) {
  cluster_.RestartTablet(victim_);
  EXPECT_TRUE(cluster_.Ops().empty());
  cluster_.RunFor(absl::Milliseconds(300));
  EXPECT_FALSE(cluster_.Ops().empty());
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(200)));
  EXPECT_NE(cluster_.LeaderOf("t", 0), victim_);
  EXPECT_TRUE(AllAliveAndLoaded());
  for (uint32_t pid = 0; pid < 4; ++pid) {
    EXPECT_EQ(cluster_.Keys(victim_, "t", pid).size(), 20u);
  }
}

TEST_F(AutoFailover, ABlipOfTheSessionChangesNothing) {
  ASSERT_EQ(cluster_.AskTablet(victim_, "DisConnectZK", api::DisConnectZKRequest()).code(), 0);
  cluster_.RunFor(absl::Seconds(1));
  ASSERT_EQ(cluster_.TabletState(victim_), "kOffline");
  cluster_.RunFor(absl::Seconds(20));
  EXPECT_EQ(cluster_.TabletState(victim_), "kHealthy");
  EXPECT_TRUE(cluster_.Ops().empty());
  EXPECT_EQ(cluster_.LeaderOf("t", 0), victim_);
}

TEST_F(AutoFailover, OffWhenTheTimeComesNothingIsCaughtUpLater) {
  cluster_.tablet(victim_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kOffline", absl::Seconds(15)));
  ASSERT_EQ(cluster_.SetAutoFailover(false), code::kOk);
  cluster_.RunFor(absl::Seconds(65));
  ASSERT_EQ(cluster_.SetAutoFailover(true), code::kOk);
  cluster_.RunFor(absl::Seconds(120));
  EXPECT_TRUE(cluster_.Ops().empty());
  EXPECT_EQ(cluster_.LeaderOf("t", 0), victim_);
}

TEST_F(AutoFailover, OffForAWhileWithinTheMinuteChangesNothing) {
  cluster_.tablet(victim_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kOffline", absl::Seconds(15)));
  ASSERT_EQ(cluster_.SetAutoFailover(false), code::kOk);
  cluster_.RunFor(absl::Seconds(30));
  ASSERT_EQ(cluster_.SetAutoFailover(true), code::kOk);
  cluster_.RunFor(absl::Seconds(35));
  EXPECT_FALSE(cluster_.Ops().empty());
}

TEST_F(AutoFailover, ATabletBackWhileItIsOffStaysEmptyForEver) {
  ASSERT_EQ(cluster_.SetAutoFailover(false), code::kOk);
  cluster_.RestartTablet(victim_);
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kHealthy", absl::Seconds(1)));
  ASSERT_EQ(cluster_.SetAutoFailover(true), code::kOk);
  cluster_.RunFor(absl::Seconds(120));
  EXPECT_TRUE(cluster_.Ops().empty());
  EXPECT_FALSE(cluster_.TermPair(victim_, "t", 0).has_table());
  EXPECT_TRUE(cluster_.Meta("t", 0, victim_).is_alive());
}

TEST_F(AutoFailover, AStandbyThatSawTheDeathCarriesItThrough) {
  cluster_.tablet(victim_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kOffline", absl::Seconds(15)));
  cluster_.ns(0).Kill();
  ASSERT_TRUE(cluster_.AwaitLeader(absl::Seconds(20)));
  cluster_.RunFor(absl::Seconds(62));
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(60)));
  EXPECT_NE(cluster_.LeaderOf("t", 0), victim_);
  EXPECT_NE(cluster_.LeaderOf("t", 0), "");
}

TEST_F(AutoFailover, NameserversRestartedWhileATabletIsDownNeverRecoverIt) {
  cluster_.tablet(victim_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kOffline", absl::Seconds(15)));
  ASSERT_TRUE(cluster_.StartNameServer(0).ok());
  ASSERT_TRUE(cluster_.StartNameServer(1).ok());
  ASSERT_TRUE(cluster_.AwaitLeader());
  EXPECT_EQ(cluster_.TabletState(victim_), "");
  ASSERT_TRUE(cluster_.tablet(victim_).Start().ok());
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kHealthy", absl::Seconds(1)));
  cluster_.RunFor(absl::Seconds(100));
  ASSERT_TRUE(cluster_.AwaitLeader());
  EXPECT_TRUE(cluster_.Ops().empty());
  EXPECT_FALSE(cluster_.TermPair(victim_, "t", 0).has_table());
}

TEST_F(AutoFailover, APartitionsLastReplicaStaysAliveInTheBooks) {
  for (int i = 0; i < 3; ++i) {
    cluster_.tablet(i).Kill();
    cluster_.RunFor(absl::Seconds(100));
  }
  for (uint32_t pid = 0; pid < 4; ++pid) {
    EXPECT_FALSE(cluster_.Meta("t", pid, "t0").is_alive());
    EXPECT_FALSE(cluster_.Meta("t", pid, "t1").is_alive());
    EXPECT_TRUE(cluster_.Meta("t", pid, "t2").is_alive());
  }
}

TEST_F(AutoFailover, AllTabletsDownTogetherAreNotRecoveredByItself) {
  for (int i = 0; i < 3; ++i) cluster_.tablet(i).Kill();
  cluster_.RunFor(absl::Seconds(12));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(cluster_.tablet(i).Start().ok());
    cluster_.RunFor(absl::Seconds(1));
  }
  cluster_.RunFor(absl::Seconds(300));
  EXPECT_TRUE(cluster_.UnfinishedOps().empty());
  int served = 0;
  for (uint32_t pid = 0; pid < 4; ++pid) {
    const std::string leader = cluster_.LeaderOf("t", pid);
    if (!leader.empty() && cluster_.TermPair(leader, "t", pid).has_table()) ++served;
  }
  EXPECT_EQ(served, 0);
}

TEST_F(AutoFailover, OfThirtyThreePartitionsOnlySingleReplicasAreServedAfterAllWereDown) {
  // M4: 3 of 33 after 75 s, and never more. The tablets start together, so that one is missed (H6).
  ASSERT_EQ(cluster_.CreateTable("wide", 20, 3), code::kOk);
  ASSERT_EQ(cluster_.CreateTable("single", 4, 1), code::kOk);
  for (int i = 0; i < 3; ++i) cluster_.tablet(i).Kill();
  cluster_.RunFor(absl::Seconds(12));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cluster_.tablet(i).Start().ok());
  auto served = [&] {
    std::map<std::string, int> by_table;
    for (const char* name : {"t", "wide", "single"}) {
      const nameserver::TableInfo table = cluster_.Table(name);
      for (const auto& partition : table.table_partition()) {
        const std::string leader = cluster_.LeaderOf(name, partition.pid());
        if (leader.empty() || cluster_.TabletState(leader) != "kHealthy") continue;
        if (cluster_.TermPair(leader, name, partition.pid()).has_table()) ++by_table[name];
      }
    }
    return by_table;
  };
  for (int seconds : {75, 300}) {
    cluster_.RunFor(absl::Seconds(seconds));
    std::map<std::string, int> now = served();
    EXPECT_EQ(now["t"], 0);
    EXPECT_EQ(now["wide"], 0);
    EXPECT_GT(now["single"], 0);
    EXPECT_TRUE(cluster_.UnfinishedOps().empty());
  }
  const std::vector<nameserver::OPStatus> ops = cluster_.Ops();
  const auto failed = std::count_if(ops.begin(), ops.end(), [](const nameserver::OPStatus& op) {
    return op.op_type() == "kRecoverTableOP" && op.status() == "kFailed";
  });
  EXPECT_GT(failed, 5);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(cluster_.tablet(i).disk().List("recycle")->empty());
}

TEST_F(AutoFailover, OnlyWhatWasNotReplicatedIsLostWithARestartedLeader) {
  // M4: 33 rows, the last 0.57 s; the writer's gap ends when the tablet is back.
  auto& network = cluster_.world().network;
  TableWriter writer(cluster_, "t", 0, "", absl::Milliseconds(8));
  cluster_.RunFor(absl::Seconds(2));
  for (int i = 0; i < 3; ++i) {
    network.Cut(cluster_.tablet(victim_).address(), cluster_.tablet(i).address());
  }
  cluster_.RunFor(absl::Milliseconds(500));
  const uint64_t last = cluster_.Status(victim_, "t", 0).offset();
  cluster_.RestartTablet(victim_);
  ASSERT_TRUE(cluster_.RunUntil([&] { return cluster_.Partition("t", 0).term_offset_size() == 2; },
                                absl::Seconds(20)));
  const uint64_t first = cluster_.Partition("t", 0).term_offset(1).offset();
  writer.Stop();
  cluster_.RunFor(absl::Seconds(1));
  const size_t lost = writer.Lost(cluster_.Keys(cluster_.LeaderOf("t", 0), "t", 0)).size();
  EXPECT_GT(lost, 20u);
  EXPECT_LE(last + 1 - first, lost);
  EXPECT_LE(lost, last + 10 - first);
}

TEST_F(AutoFailover, BackWhileItsFailoverRunsSomeOpsFailForNothing) {
  // M4: a second batch of ops; ChangeLeader finds a leader by then, and fails.
  ASSERT_EQ(cluster_.CreateTable("wide", 16, 3), code::kOk);
  cluster_.tablet(victim_).Kill();
  ASSERT_TRUE(cluster_.RunUntilState(victim_, "kOffline", absl::Seconds(15)));
  ASSERT_TRUE(cluster_.RunUntil([&] { return !cluster_.Ops().empty(); }, absl::Seconds(70)));
  ASSERT_TRUE(cluster_.tablet(victim_).Start().ok());
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(400)));
  int failed = 0;
  for (const nameserver::OPStatus& op : cluster_.Ops()) {
    if (op.status() != "kFailed") continue;
    EXPECT_EQ(op.op_type(), "kChangeLeaderOP");
    EXPECT_EQ(op.task_type(), "kSelectLeader");
    ++failed;
  }
  EXPECT_GT(failed, 0);
  EXPECT_TRUE(AllAliveAndLoaded());
}

}  // namespace
}  // namespace omdb::simulator
