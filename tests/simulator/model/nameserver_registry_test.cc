// What the nameserver knows of tablets, and when (F3.3, F5.2.4, H6).
#include <gtest/gtest.h>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

TEST(NameServerRegistry, ADeadTabletIsOfflineWhenItsSessionEnds) {
  Cluster cluster;
  cluster.Start();
  cluster.tablet(1).Kill();
  const absl::Time killed = cluster.Now();
  ASSERT_TRUE(cluster.RunUntilState("t1", "kOffline", absl::Seconds(15)));
  EXPECT_GT(cluster.Now() - killed, absl::Seconds(8.7));
  EXPECT_LT(cluster.Now() - killed, absl::Seconds(11.2));
  cluster.RunFor(absl::Seconds(5));
  auto shown =
      cluster.Ask<nameserver::ShowTabletResponse>("ShowTablet", nameserver::ShowTabletRequest());
  ASSERT_EQ(shown.tablets_size(), 3);
  EXPECT_NEAR(shown.tablets(1).age(), 5000, 50);
  EXPECT_EQ(shown.tablets(1).real_endpoint(), "10.0.2.2:10921");
}

TEST(NameServerRegistry, AFenceIsLiftedWhenAnotherTabletGoes) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  const std::string leader = cluster.LeaderOf("t", 0);
  ASSERT_EQ(cluster.SetMode(leader, true), 0);
  EXPECT_EQ(cluster.Put(leader, "t", 0, "refused"), 453);
  const std::string other = leader == "t2" ? "t1" : "t2";
  ASSERT_EQ(cluster.AskTablet(other, "DisConnectZK", api::DisConnectZKRequest()).code(), 0);
  cluster.RunFor(absl::Milliseconds(50));
  EXPECT_EQ(cluster.TabletState(other), "kOffline");
  EXPECT_EQ(cluster.Put(leader, "t", 0, "accepted"), 0);
}

TEST(NameServerRegistry, AFenceIsLiftedByANewLeader) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  const std::string leader = cluster.LeaderOf("t", 0);
  ASSERT_EQ(cluster.SetMode(leader, true), 0);
  ASSERT_EQ(cluster.Ask("DisConnectZK", nameserver::DisConnectZKRequest()).code(), code::kOk);
  ASSERT_TRUE(cluster.AwaitLeader());
  cluster.RunFor(absl::Milliseconds(20));
  EXPECT_EQ(cluster.Put(leader, "t", 0, "accepted"), 0);
}

TEST(NameServerRegistry, ATabletThatRegistersDuringACallbackIsMissedUntilTheNextChange) {
  Cluster cluster;
  cluster.Start();
  for (int i : {0, 1}) {
    ASSERT_EQ(
        cluster.AskTablet(cluster.tablet(i).name(), "DisConnectZK", api::DisConnectZKRequest())
            .code(),
        0);
    cluster.tablet(i).Kill();
    cluster.RunFor(absl::Seconds(1));
    ASSERT_EQ(cluster.TabletState(cluster.tablet(i).name()), "kOffline");
  }
  // H6: the second registers while the first one's callbacks run.
  ASSERT_TRUE(cluster.tablet(0).Start().ok());
  cluster.RunFor(absl::Milliseconds(20));
  ASSERT_TRUE(cluster.tablet(1).Start().ok());
  cluster.RunFor(absl::Seconds(60));
  EXPECT_EQ(cluster.TabletState("t0"), "kHealthy");
  EXPECT_EQ(cluster.TabletState("t1"), "kOffline");
  EXPECT_TRUE(cluster.world().zookeeper.Exists("/openmldb/nodes/t1"));
  // The cure.
  ASSERT_EQ(cluster.AskTablet("t1", "DisConnectZK", api::DisConnectZKRequest()).code(), 0);
  ASSERT_EQ(cluster.AskTablet("t1", "ConnectZK", api::ConnectZKRequest()).code(), 0);
  cluster.RunFor(absl::Milliseconds(100));
  EXPECT_EQ(cluster.TabletState("t1"), "kHealthy");
}

// With its next session, if need be at a later look than that which connected it.
TEST(NameServerRegistry, ANameserverThatLostItsSessionWatchesAgain) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.Ask("DisConnectZK", nameserver::DisConnectZKRequest()).code(), code::kOk);
  ASSERT_TRUE(cluster.AwaitLeader());
  cluster.RunFor(absl::Seconds(17));
  ASSERT_EQ(cluster.Ask("DisConnectZK", nameserver::DisConnectZKRequest()).code(), code::kOk);
  ASSERT_TRUE(cluster.AwaitLeader());
  ASSERT_EQ(cluster.Leader(), 0);
  cluster.tablet(1).Kill();
  EXPECT_TRUE(cluster.RunUntilState("t1", "kOffline", absl::Seconds(15)));
}

TEST(NameServerRegistry, AReturnAtAnotherAddressIsLearned) {
  Cluster cluster;
  cluster.Start();
  cluster.RestartTabletElsewhere("t1");
  ASSERT_TRUE(cluster.RunUntilState("t1", "kHealthy", absl::Seconds(1)));
  auto shown =
      cluster.Ask<nameserver::ShowTabletResponse>("ShowTablet", nameserver::ShowTabletRequest());
  EXPECT_EQ(shown.tablets(1).real_endpoint(), cluster.tablet(1).address());
  // Requests go there, and the other tablets know it too.
  EXPECT_EQ(cluster.CreateTable("t", 3, 3), code::kOk);
  for (uint32_t pid = 0; pid < 3; ++pid) {
    cluster.PutRows(cluster.LeaderOf("t", pid), "t", pid, "k", 5);
    EXPECT_TRUE(cluster.RunUntilEqual("t", pid, {"t0", "t1", "t2"}, absl::Seconds(2)));
  }
}

TEST(NameServerRegistry, AStandbyKeepsTheAgeOfADeadTabletButARestartedNameserverForgetsIt) {
  Cluster cluster;
  cluster.Start();
  cluster.tablet(1).Kill();
  ASSERT_TRUE(cluster.RunUntilState("t1", "kOffline", absl::Seconds(15)));
  cluster.ns(0).Kill();
  ASSERT_TRUE(cluster.AwaitLeader(absl::Seconds(20)));
  auto shown =
      cluster.Ask<nameserver::ShowTabletResponse>("ShowTablet", nameserver::ShowTabletRequest());
  ASSERT_EQ(shown.tablets_size(), 3);
  EXPECT_EQ(shown.tablets(1).state(), "kOffline");
  EXPECT_GT(shown.tablets(1).age(), 8000u);
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  ASSERT_TRUE(cluster.AwaitLeader());
  EXPECT_EQ(cluster.TabletState("t1"), "");
}

TEST(NameServerRegistry, HasPartitionTurnsFalseWithinFourSecondsWhileMetasStayAlive) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 3), code::kOk);
  cluster.RunFor(absl::Seconds(3));
  cluster.tablet(1).Kill();
  cluster.RunFor(absl::Seconds(4));
  EXPECT_FALSE(cluster.Meta("t", 0, "t1").tablet_has_partition());
  cluster.RunFor(absl::Seconds(100));
  EXPECT_TRUE(cluster.Meta("t", 0, "t1").is_alive());
  EXPECT_TRUE(cluster.Ops().empty());
}

}  // namespace
}  // namespace omdb::simulator
