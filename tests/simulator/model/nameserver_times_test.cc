// How long ops take, how old what the nameserver shows is, and how often an op fails for no reason
// (M4, M6, M7, M9, M14).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

// Runs until no op is left: how long, in seconds, since `start`.
double SecondsUntilDone(Cluster& cluster, absl::Time start) {
  EXPECT_TRUE(cluster.RunUntilOpsDone(absl::Seconds(60)));
  return absl::ToDoubleSeconds(cluster.Now() - start);
}

int MakeSnapshot(Cluster& cluster, const std::string& table, uint64_t offset) {
  nameserver::MakeSnapshotNSRequest request;
  request.set_db(kDb);
  request.set_name(table);
  request.set_pid(0);
  if (offset > 0) request.set_offset(offset);
  return cluster.Ask("MakeSnapshotNS", request).code();
}

uint64_t SnapshotOffset(Cluster& cluster, const std::string& tablet, const std::string& table) {
  api::GetManifestRequest request;
  request.set_tid(cluster.Table(table).tid());
  request.set_pid(0);
  return cluster.AskTablet<api::GetManifestResponse>(tablet, "GetManifest", request)
      .manifest()
      .offset();
}

TEST(OpTimes, AreThoseOfTheTable) {
  std::map<std::string, std::vector<double>> times;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Cluster cluster(Cluster::Quiet(), seed);
    cluster.Start();
    ASSERT_EQ(cluster.CreateTable("t", 1, 3), code::kOk);
    const std::string leader = cluster.LeaderOf("t", 0);
    const std::string follower = cluster.FollowersOf("t", 0).at(0);
    const std::string other = cluster.FollowersOf("t", 0).at(1);
    cluster.PutRows(leader, "t", 0, "k", 20);
    ASSERT_TRUE(cluster.RunUntilEqual("t", 0, kTablets, absl::Seconds(2)));
    cluster.RunFor(absl::Milliseconds(331 * seed));  // somewhere between two polls

    auto timed = [&](int code) {
      EXPECT_EQ(code, code::kOk);
      const absl::Time start = cluster.Now();
      const double seconds = SecondsUntilDone(cluster, start);
      const nameserver::OPStatus op = cluster.LastOp();
      EXPECT_EQ(op.status(), "kDone");
      times[op.op_type()].push_back(seconds);
    };
    auto restart = [&](const std::string& tablet) {
      ASSERT_EQ(cluster.OfflineEndpoint(tablet), code::kOk);
      SecondsUntilDone(cluster, cluster.Now());
      cluster.RestartTablet(tablet);
      ASSERT_TRUE(cluster.RunUntilState(tablet, "kHealthy", absl::Seconds(2)));
    };
    timed(cluster.ChangeLeader("t", 0, follower));
    timed(cluster.RecoverTable("t", 0, leader));  // Simplify
    restart(other);
    timed(cluster.RecoverTable("t", 0, other));  // ReAddReplica
    ASSERT_EQ(MakeSnapshot(cluster, "t", 20), code::kOk);
    cluster.RunFor(absl::Seconds(1.5));
    for (const std::string& tablet : kTablets) EXPECT_EQ(SnapshotOffset(cluster, tablet, "t"), 20u);
    restart(other);
    timed(cluster.RecoverTable("t", 0, other));  // NoSend
    timed(cluster.ChangeLeader("t", 0, leader));
    EXPECT_EQ(cluster.Put(follower, "t", 0, "of its own"), 0);
    timed(cluster.RecoverTable("t", 0, follower));  // WithDrop
    ASSERT_EQ(cluster.CreateTable("single", 1, 1), code::kOk);
    const std::string home = cluster.LeaderOf("single", 0);
    const std::string guest = home == "t0" ? "t1" : "t0";
    timed(cluster.AddReplica("single", 0, guest));
    timed(cluster.DelReplica("single", 0, guest));
    ASSERT_EQ(MakeSnapshot(cluster, "single", 0), code::kOk);
    SecondsUntilDone(cluster, cluster.Now());
    EXPECT_EQ(SnapshotOffset(cluster, home, "single"), 0u) << "below the threshold";
    restart(home);
    timed(cluster.RecoverTable("single", 0, home));  // ReLoad
  }
  const std::map<std::string, std::pair<double, double>> table = {
      {"kChangeLeaderOP", {0.03, 0.15}},
      {"kReAddReplicaSimplifyOP", {0.05, 2.9}},
      {"kReAddReplicaNoSendOP", {4, 10.2}},
      {"kReAddReplicaOP", {8, 14.1}},
      {"kReAddReplicaWithDropOP", {8, 14.1}},
      {"kAddReplicaOP", {7.9, 12.1}},
      {"kDelReplicaOP", {2, 4.1}},
      {"kReLoadTableOP", {0.05, 3.5}},
  };
  for (const auto& [type, range] : table) {
    ASSERT_FALSE(times[type].empty()) << type;
    const auto [least, most] = std::minmax_element(times[type].begin(), times[type].end());
    EXPECT_GT(*least, range.first) << type;
    EXPECT_LT(*most, range.second) << type;
  }
}

TEST(Times, OfCreateTableAreTheMeasuredOnes) {
  Cluster cluster;
  cluster.Start();
  const absl::Time begin = cluster.Now();
  ASSERT_EQ(cluster.CreateTable("t", 8, 3), code::kOk);
  const double took = absl::ToDoubleSeconds(cluster.Now() - begin);
  EXPECT_GT(took, 0.04);
  EXPECT_LT(took, 0.13);
}

TEST(Staleness, OffsetsThatTheNameserverShowsAreUpToTwoSecondsOld) {
  // M7: at 100 to 150 rows a second behind by 85 to 88 rows in the median, by 287 at most.
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 3), code::kOk);
  const std::string leader = cluster.LeaderOf("t", 0);
  TableWriter writer(cluster, "t", 0, "", absl::Milliseconds(8));
  cluster.RunFor(absl::Seconds(5));
  std::vector<uint64_t> behind;
  absl::Time changed = cluster.Now();
  absl::Duration longest;
  uint64_t shown = 0;
  for (int i = 0; i < 1000; ++i) {
    cluster.RunFor(absl::Milliseconds(20));
    const uint64_t now_shown = cluster.Meta("t", 0, leader).offset();
    if (now_shown != shown) {
      longest = std::max(longest, cluster.Now() - changed);
      changed = cluster.Now();
    }
    shown = now_shown;
    behind.push_back(cluster.Status(leader, "t", 0).offset() - shown);
  }
  std::sort(behind.begin(), behind.end());
  EXPECT_GT(behind[500], 60u);
  EXPECT_LT(behind[500], 160u);
  EXPECT_LT(behind.back(), 290u);
  EXPECT_LT(longest, absl::Seconds(2.1));
}

TEST(Staleness, ALeaderBelievesTheLastOffsetThatAFollowerTook) {
  // M6, M7: unchanged while the follower refuses.
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 3), code::kOk);
  const std::string leader = cluster.LeaderOf("t", 0);
  const std::string follower = cluster.FollowersOf("t", 0).at(0);
  cluster.PutRows(leader, "t", 0, "k", 10);
  ASSERT_TRUE(cluster.RunUntilEqual("t", 0, kTablets, absl::Seconds(2)));
  api::AppendEntriesRequest fence;
  fence.set_tid(cluster.Table("t").tid());
  fence.set_pid(0);
  fence.set_term(9);
  ASSERT_EQ(cluster.AskTablet<api::AppendEntriesResponse>(follower, "AppendEntries", fence).code(),
            0);
  cluster.PutRows(leader, "t", 0, "more", 5);
  cluster.RunFor(absl::Seconds(5));
  api::GetTableFollowerRequest ask;
  ask.set_tid(cluster.Table("t").tid());
  ask.set_pid(0);
  auto believed = cluster.AskTablet<api::GetTableFollowerResponse>(leader, "GetTableFollower", ask);
  EXPECT_EQ(believed.offset(), 15u);
  for (const api::FollowerInfo& each : believed.follower_info()) {
    EXPECT_EQ(each.offset(), each.endpoint() == follower ? 10u : 15u);
  }
  EXPECT_EQ(cluster.Status(follower, "t", 0).offset(), 10u);
}

TEST(MetadataEdits, TakeAsLongAsTheirWritesToZooKeeper) {
  // M9.
  Cluster cluster(Cluster::Quiet());
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 2, 3), code::kOk);
  const std::string follower = cluster.FollowersOf("t", 0).at(0);
  const auto took = [&](const auto& edit) {
    const absl::Time begin = cluster.Now();
    EXPECT_EQ(edit(), code::kOk);
    return absl::ToDoubleMilliseconds(cluster.Now() - begin);
  };
  EXPECT_NEAR(took([&] { return cluster.UpdateAlive("t", 0, follower, false); }), 10, 1);
  nameserver::SetTablePartitionRequest entry;
  entry.set_db(kDb);
  entry.set_name("t");
  *entry.mutable_table_partition() = cluster.Table("t").table_partition(0);
  EXPECT_NEAR(took([&] { return cluster.Ask("SetTablePartition", entry).code(); }), 5, 1);
}

TEST(SpuriousFailures, OneOfSoManyRecoveriesOfADetachedFollowerFailsAndTheNextSucceeds) {
  // H4: 1 of about 500; more often here.
  Options options = Cluster::Quiet();
  options.lost_del_replica_probability = 0.2;
  Cluster cluster(options, 3);
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 3), code::kOk);
  const std::string follower = cluster.FollowersOf("t", 0).at(0);
  api::ReplicaRequest detach;
  detach.set_tid(cluster.Table("t").tid());
  detach.set_pid(0);
  detach.set_endpoint(follower);
  int failed = 0;
  constexpr int kTimes = 60;
  for (int i = 0; i < kTimes; ++i) {
    ASSERT_EQ(cluster.AskTablet(cluster.LeaderOf("t", 0), "DelReplica", detach).code(), 0);
    ASSERT_EQ(cluster.UpdateAlive("t", 0, follower, false), code::kOk);
    for (int attempt = 0; !cluster.Meta("t", 0, follower).is_alive(); ++attempt) {
      ASSERT_LT(attempt, 6);
      ASSERT_EQ(cluster.RecoverTable("t", 0, follower), code::kOk);
      ASSERT_TRUE(cluster.RunUntilOpsDone(absl::Seconds(20)));
      if (cluster.LastOp().status() == "kFailed") ++failed;
    }
  }
  EXPECT_GT(failed, kTimes / 20);
  EXPECT_LT(failed, kTimes / 2);
}

TEST(NameServerHandOver, TheOldLeaderStartedAgainIsAStandbyWithinFourSeconds) {
  // M14.
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.Leader(), 0);
  ASSERT_EQ(cluster.Ask("DisConnectZK", nameserver::DisConnectZKRequest()).code(), code::kOk);
  cluster.ns(0).Kill();
  ASSERT_TRUE(cluster.AwaitLeader());
  ASSERT_EQ(cluster.Leader(), 1);
  for (const std::string& tablet : kTablets) EXPECT_EQ(cluster.TabletState(tablet), "kHealthy");
  ASSERT_TRUE(cluster.StartNameServer(0).ok());
  cluster.RunFor(absl::Seconds(4));
  EXPECT_TRUE(cluster.ns(0).server().listening());
  EXPECT_EQ(cluster.CodeOf(0), code::kNotLeader);
  for (int i = 0; i < 30; ++i) {
    cluster.RunFor(absl::Seconds(1));
    ASSERT_EQ(cluster.CodeOf(1), code::kOk);
  }
}

}  // namespace
}  // namespace omdb::simulator
