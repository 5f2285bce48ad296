// Who leads, from when, and who else believes to (F2, M6, M14).
#include <gtest/gtest.h>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

TEST(NameServerElection, FirstOnAFreshClusterLeadsAfterASecondAndMakesTheSystemTables) {
  Cluster cluster;
  cluster.StartTablets();
  ASSERT_TRUE(cluster.StartNameServer(0).ok());
  const absl::Time start = cluster.Now();
  ASSERT_TRUE(cluster.AwaitLeader());
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster.Now() - start), 1.05, 0.05);
  EXPECT_FALSE(cluster.ns(0).server().listening());
  cluster.RunFor(absl::Seconds(1));
  EXPECT_TRUE(cluster.ns(0).server().listening());
  for (const char* name : {"USER", "JOB_INFO", "PRE_AGG_META_INFO"}) {
    EXPECT_EQ(cluster.Table(name, "__INTERNAL_DB").table_partition(0).partition_meta_size(), 2);
  }
  EXPECT_EQ(cluster.Table("GLOBAL_VARIABLES", "INFORMATION_SCHEMA").partition_num(), 1u);
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/map/names/ns0"), "10.0.1.1:7527");
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/config/auto_failover"), "false");
}

TEST(NameServerElection, AStandbyOfAFreshClusterRefusesAndDoesNotListenUntilItLeads) {
  Cluster cluster;
  cluster.StartTablets();
  ASSERT_TRUE(cluster.StartNameServer(0).ok());
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  cluster.RunFor(absl::Seconds(60));
  const int leader = cluster.Leader();
  ASSERT_GE(leader, 0);
  const int standby = 1 - leader;
  EXPECT_EQ(cluster.CodeOf(standby), code::kNotLeader);
  EXPECT_FALSE(cluster.ns(standby).server().listening());
  // Its tables are read when it starts: it listens at once then.
  ASSERT_TRUE(cluster.StartNameServer(standby).ok());
  cluster.RunFor(absl::Milliseconds(200));
  EXPECT_TRUE(cluster.ns(standby).server().listening());
}

TEST(NameServerElection, AStandbyThatCannotReadWhatItIsToLeadExits) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("before", 1, 2), code::kOk);
  const uint32_t tid = cluster.Table("before").tid();
  cluster.ns(0).Kill();
  FakeZooKeeper& zookeeper = cluster.world().zookeeper;
  while (zookeeper.Children("/openmldb/leader").size() == 2) cluster.RunFor(absl::Milliseconds(1));
  cluster.RunFor(absl::Milliseconds(10));  // it takes 30 to take over
  zookeeper.SetUp(false);
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(cluster.exits().size(), 1u);
  zookeeper.SetUp(true);
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  ASSERT_TRUE(cluster.AwaitLeader(absl::Seconds(20)));
  ASSERT_EQ(cluster.CreateTable("after", 1, 2), code::kOk);
  EXPECT_EQ(cluster.Table("after").tid(), tid + 1);
}

// What it heard of the queue just before an outage did not get through.
TEST(NameServerElection, AStandbyWatchesTheQueueAgainAfterAnOutage) {
  Cluster cluster;
  cluster.StartTablets();
  ASSERT_TRUE(cluster.StartNameServer(0).ok());
  ASSERT_TRUE(cluster.AwaitLeader());
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  FakeZooKeeper& zookeeper = cluster.world().zookeeper;
  while (zookeeper.Children("/openmldb/leader").size() < 2) cluster.RunFor(absl::Microseconds(100));
  zookeeper.SetUp(false);
  cluster.RunFor(absl::Seconds(1));
  zookeeper.SetUp(true);
  cluster.ns(0).Kill();
  cluster.RunFor(absl::Seconds(20));
  EXPECT_EQ(cluster.Leader(), 1);
}

TEST(NameServerElection, StandbyServesWhenTheDeadLeadersSessionEnds) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.Leader(), 0);
  cluster.ns(0).Kill();
  const absl::Time killed = cluster.Now();
  ASSERT_TRUE(cluster.AwaitLeader(absl::Seconds(20)));
  EXPECT_EQ(cluster.Leader(), 1);
  EXPECT_GT(absl::ToDoubleSeconds(cluster.Now() - killed), 8.8);
  EXPECT_LT(absl::ToDoubleSeconds(cluster.Now() - killed), 11.7);
  EXPECT_EQ(cluster.TabletState("t1"), "kHealthy");
}

TEST(NameServerElection, DisConnectZkHandsOverInATenthOfASecond) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.Leader(), 0);
  const absl::Time asked = cluster.Now();
  EXPECT_EQ(cluster.Ask("DisConnectZK", nameserver::DisConnectZKRequest()).code(), code::kOk);
  EXPECT_EQ(cluster.CodeOf(0), code::kNotLeader);
  ASSERT_TRUE(cluster.AwaitLeader());
  EXPECT_EQ(cluster.Leader(), 1);
  EXPECT_LT(absl::ToDoubleSeconds(cluster.Now() - asked), 0.12);
  // It comes back by itself, as a standby, at its next look at the session.
  cluster.RunFor(absl::Seconds(17));
  EXPECT_EQ(cluster.CodeOf(0), code::kNotLeader);
  EXPECT_EQ(cluster.world().zookeeper.Children("/openmldb/leader").size(), 2u);
}

TEST(NameServerElection, RestartedLeaderReclaimsThroughItsOldNodeAndLosesWhenThatExpires) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.Leader(), 0);
  ASSERT_TRUE(cluster.StartNameServer(0).ok());
  const absl::Time restarted = cluster.Now();
  ASSERT_TRUE(cluster.AwaitLeader());
  EXPECT_EQ(cluster.Leader(), 0);
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster.Now() - restarted), 1.05, 0.05);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.CodeOf(1) == code::kOk; }, absl::Seconds(20),
                               absl::Milliseconds(10)));
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster.Now() - restarted), 10.1, 1.3);
  EXPECT_EQ(cluster.CodeOf(0), code::kNotLeader);
  cluster.RunFor(absl::Seconds(60));
  EXPECT_EQ(cluster.CodeOf(1), code::kOk);
}

TEST(NameServerElection, BothRestartedTheOldLeaderStaysWithoutAFlip) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.Leader(), 0);
  // The standby's old node goes before the leader's.
  cluster.ns(1).Kill();
  cluster.RunFor(absl::Seconds(3));
  ASSERT_TRUE(cluster.StartNameServer(0).ok());
  cluster.RunFor(absl::Milliseconds(100));
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  ASSERT_TRUE(cluster.AwaitLeader());
  EXPECT_EQ(cluster.Leader(), 0);
  for (int i = 0; i < 300; ++i) {
    cluster.RunFor(absl::Milliseconds(100));
    ASSERT_EQ(cluster.CodeOf(0), code::kOk);
    ASSERT_EQ(cluster.CodeOf(1), code::kNotLeader);
  }
}

TEST(NameServerElection, HungLeaderAnswersBesideTheNewOneUntilItLooksAtItsSession) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.Leader(), 0);
  cluster.ns(0).Pause();
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.CodeOf(1) == code::kOk; }, absl::Seconds(15),
                               absl::Milliseconds(10)));
  // One of its looks fell due meanwhile: it is made before anybody has told that the session is
  // gone.
  cluster.RunFor(absl::Seconds(15));
  cluster.ns(0).Resume();
  cluster.RunFor(absl::Seconds(14));
  EXPECT_EQ(cluster.CodeOf(0), code::kOk);
  EXPECT_EQ(cluster.CodeOf(1), code::kOk);
  // What it changes it cannot write any more.
  nameserver::ConfSetRequest request;
  request.mutable_conf()->set_key("auto_failover");
  request.mutable_conf()->set_value("true");
  auto set = cluster.CallNs<nameserver::GeneralResponse>(0, "ConfSet", request);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->code(), code::kSetZkFailed);
  cluster.RunFor(absl::Seconds(2));
  EXPECT_EQ(cluster.CodeOf(0), code::kNotLeader);
}

TEST(NameServerElection, LeaderWithTooFewTabletsExits) {
  Cluster cluster(Cluster::Quiet(), 1, 2, 1);
  cluster.StartTablets();
  ASSERT_TRUE(cluster.StartNameServer(0).ok());
  cluster.RunFor(absl::Seconds(2));
  ASSERT_EQ(cluster.exits().size(), 1u);
  EXPECT_FALSE(cluster.ns(0).running());
}

TEST(NameServerElection, TheValueInZooKeeperWinsOverTheFlag) {
  Options options = Cluster::Quiet();
  options.auto_failover = true;
  Cluster cluster(options);
  cluster.Start();
  ASSERT_EQ(cluster.SetAutoFailover(false), code::kOk);
  cluster.ns(0).Kill();
  ASSERT_TRUE(cluster.AwaitLeader(absl::Seconds(20)));
  auto conf = cluster.Ask<nameserver::ConfGetResponse>("ConfGet", nameserver::ConfGetRequest());
  EXPECT_EQ(conf.conf(0).value(), "false");
}

TEST(NameServerElection, ANameThatAnotherAddressHasIsRefused) {
  Cluster cluster;
  cluster.Start();
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  cluster.RunFor(absl::Seconds(20));
  ASSERT_TRUE(cluster.ns(1).server().listening());
  // The pod is back at another address before its old session ended (F1.6).
  cluster.ns(1).Kill();
  cluster.ns(1).options().real_endpoint = "10.0.9.9:7527";
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(cluster.exits().size(), 1u);
  cluster.RunFor(absl::Seconds(11));
  ASSERT_TRUE(cluster.StartNameServer(1).ok());
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(cluster.exits().size(), 1u);
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/map/names/ns1"), "10.0.9.9:7527");
}

}  // namespace
}  // namespace omdb::simulator
