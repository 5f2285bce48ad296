// The tablet's life: ZooKeeper, names and addresses, death at any point (F1.3, F1.6, F2).
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/simulator/model/tablet_codes.h"
#include "tests/simulator/model/tablet_testing.h"

namespace omdb::simulator {
namespace {

const char kNode[] = "/openmldb/nodes/tablet-A";

TEST(TabletSession, RegistersItsNameItsAddressAndThatItStarted) {
  TabletCluster cluster("A");
  EXPECT_EQ(cluster.world().zookeeper.Value(kNode), "startup_tablet-A");
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/map/names/tablet-A"), "10.0.0.1:10921");
}

TEST(TabletSession, RestartWithinTheSessionFails) {
  TabletCluster cluster("A");
  absl::Status again = cluster.process('A').Start();
  EXPECT_TRUE(absl::IsAlreadyExists(again));
  EXPECT_NE(again.ToString().find("fail to register tablet with endpoint tablet-A"),
            std::string::npos);
  EXPECT_TRUE(absl::IsAlreadyExists(cluster.RestartElsewhere('A')));  // a duplicate by its address
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/map/names/tablet-A"), "10.0.0.1:10921");
  cluster.RunFor(absl::Seconds(12));
  EXPECT_FALSE(cluster.world().zookeeper.Exists(kNode));
  EXPECT_TRUE(cluster.RestartElsewhere('A').ok());
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/map/names/tablet-A"), "10.0.1.2:10921");
}

TEST(TabletSession, DisConnectZkEndsItAtOnceAndItComesBackByItself) {
  TabletCluster cluster("A");
  cluster.Call<api::GeneralResponse>('A', "DisConnectZK", api::DisConnectZKRequest());
  EXPECT_FALSE(cluster.world().zookeeper.Exists(kNode));
  cluster.RunFor(absl::Seconds(16));
  EXPECT_EQ(cluster.world().zookeeper.Value(kNode), "tablet-A");
  cluster.Call<api::GeneralResponse>('A', "DisConnectZK", api::DisConnectZKRequest());
  cluster.Call<api::GeneralResponse>('A', "ConnectZK", api::ConnectZKRequest());
  EXPECT_EQ(cluster.world().zookeeper.Value(kNode), "tablet-A");
  cluster.Call<api::GeneralResponse>('A', "DisConnectZK", api::DisConnectZKRequest());
  EXPECT_TRUE(cluster.process('A').Start().ok());
  EXPECT_EQ(cluster.world().zookeeper.Value(kNode), "startup_tablet-A");
}

TEST(TabletSession, CatalogFollowsNotifyUntilTheSessionWasLostOnce) {
  TabletCluster cluster("A");
  World& world = cluster.world();
  ProcessExecutor executor(world.executor);
  auto nameserver = world.zookeeper.NewClient("nameserver", executor);
  ASSERT_TRUE(nameserver->Connect().ok());
  auto version = [&] {
    return cluster.Call<api::GetCatalogResponse>('A', "GetCatalog", api::GetCatalogRequest())
        .catalog()
        .version();
  };
  const std::string path = "/openmldb/table/notify";
  ASSERT_TRUE(nameserver->Create(path, "5", NodeMode::kPersistent).ok());
  cluster.RunFor(absl::Milliseconds(50));
  EXPECT_EQ(version(), 5);
  ASSERT_TRUE(nameserver->Set(path, "6").ok());
  ASSERT_TRUE(nameserver->Set(path, "7").ok());
  cluster.RunFor(absl::Milliseconds(50));
  EXPECT_EQ(version(), 7);
  world.zookeeper.ExpireSession("tablet-A");
  cluster.RunFor(absl::Seconds(16));
  EXPECT_EQ(world.zookeeper.Value(kNode), "tablet-A");
  ASSERT_TRUE(nameserver->Set(path, "8").ok());
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(version(), 7);
}

TEST(TabletSession, HungTabletIsFencedLateByWhatWaitedForIt) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC", 0, 381);
  cluster.process('C').Pause();
  api::AppendEntriesRequest fence;
  fence.set_tid(TabletCluster::kTid);
  fence.set_pid(0);
  fence.set_term(386);
  Caller caller(cluster.world());
  auto answer = caller.Call<api::AppendEntriesResponse>(
      cluster.AddressOf('C'), "openmldb.api.TabletServer/AppendEntries", fence);
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status()));  // after 20 s
  EXPECT_FALSE(cluster.world().zookeeper.Exists("/openmldb/nodes/tablet-C"));
  cluster.process('C').Resume();
  cluster.RunFor(absl::Seconds(14));
  EXPECT_FALSE(cluster.world().zookeeper.Exists("/openmldb/nodes/tablet-C"))
      << "it has just looked";
  cluster.RunFor(absl::Seconds(2));
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/nodes/tablet-C"), "tablet-C");
  EXPECT_EQ(cluster.TermPair('C').term(), 386);
  cluster.PutRows('A', "r", 3);
  cluster.RunFor(absl::Seconds(5));
  EXPECT_EQ(cluster.Offset('B'), 3);
  EXPECT_EQ(cluster.Offset('C'), 0);  // behind for ever
}

TEST(TabletSession, DemotionWithAHungFollowerStallsTheWholeTablet) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("AB", 0);
  cluster.CreatePartition("A", 1);
  cluster.RunFor(absl::Seconds(1));
  cluster.process('B').Pause();
  ASSERT_EQ(cluster.Put('A', "under way to B"), 0);
  cluster.RunFor(absl::Milliseconds(10));
  World& world = cluster.world();
  absl::Time begin = world.executor.Now();
  absl::Time demoted = begin;
  auto network = world.network.ClientOf("operator", world.executor);
  auto request = std::make_unique<api::ChangeRoleRequest>();
  request->set_tid(TabletCluster::kTid);
  request->set_pid(0);
  request->set_mode(api::kTableFollower);
  network->Call(cluster.AddressOf('A'), "openmldb.api.TabletServer/ChangeRole", std::move(request),
                std::make_unique<api::ChangeRoleResponse>(), absl::Seconds(60),
                [&](const auto&) { demoted = world.executor.Now(); });
  cluster.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(cluster.Put('A', "of another partition", 1), 0);
  EXPECT_NEAR(absl::ToDoubleSeconds(world.executor.Now() - begin), 20, 0.1);
  cluster.RunFor(absl::Milliseconds(1));
  EXPECT_NEAR(absl::ToDoubleSeconds(demoted - begin), 20, 0.1);
  EXPECT_EQ(cluster.Put('A', "refused"), kTableIsFollower);
}

TEST(TabletAddresses, ALeaderKeepsTheAddressItsFollowerWasAddedWith) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("AB");
  cluster.Call<api::GeneralResponse>('B', "DisConnectZK", api::DisConnectZKRequest());
  ASSERT_TRUE(cluster.RestartElsewhere('B').ok());
  cluster.PushAddresses();
  ASSERT_EQ(cluster.LoadTable('B', api::kTableFollower, 1), 0);
  cluster.PutRows('A', "r", 5);
  EXPECT_FALSE(cluster.RunUntilEqual("AB", absl::Seconds(10)));
  ASSERT_EQ(cluster.DelReplica('A', 'B'), 0);
  ASSERT_EQ(cluster.AddReplica('A', 'B'), 0);
  EXPECT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(1)));
}

TEST(TabletAddresses, NamesAbsentFromTheMapAreRefused) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("A");
  api::ReplicaRequest request;
  request.set_tid(TabletCluster::kTid);
  request.set_pid(0);
  request.set_endpoint("nobody");
  EXPECT_EQ(cluster.Call<api::AddReplicaResponse>('A', "AddReplica", request).code(),
            kServerNameNotFound);
  request.set_endpoint(TabletCluster::NameOf('B'));
  EXPECT_EQ(cluster.Call<api::GeneralResponse>('A', "DelReplica", request).code(), 0);
}

TEST(TabletRoles, AnswerTheServersCodes) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("AB");
  EXPECT_EQ(cluster.ChangeRole('A', api::kTableLeader, 3, "B"), kTableIsLeader);
  EXPECT_EQ(cluster.ChangeRole('B', api::kTableFollower), 0);
  EXPECT_EQ(cluster.ChangeRole('B', api::kTableFollower), 0);
  EXPECT_EQ(cluster.ChangeRole('A', api::kTableLeader, 3, "", 9), kTableIsNotExist);
  EXPECT_EQ(cluster.Fence('A', 9).code(), kTableIsLeader);
  EXPECT_EQ(cluster.AddReplica('B', 'A'), kTableIsFollower);
  api::GetTableFollowerRequest request;
  request.set_tid(TabletCluster::kTid);
  request.set_pid(0);
  auto followers = [&](char name) {
    return cluster.Call<api::GetTableFollowerResponse>(name, "GetTableFollower", request);
  };
  cluster.PutRows('A', "r", 4);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(2)));
  cluster.RunFor(absl::Milliseconds(10));
  EXPECT_EQ(followers('B').code(), kTableIsFollower);
  ASSERT_EQ(followers('A').follower_info_size(), 1);
  EXPECT_EQ(followers('A').follower_info(0).endpoint(), "tablet-B");
  EXPECT_EQ(followers('A').follower_info(0).offset(), 4);
  EXPECT_EQ(cluster.DelReplica('A', 'B'), 0);
  EXPECT_EQ(followers('A').code(), kNoFollower);
  EXPECT_EQ(followers('A').offset(), 4);
}

TEST(TabletReplication, LagIsRegularlyAboutASecondOfWrites) {
  // M7: eight partitions with 100 to 150 rows a second each.
  std::vector<uint64_t> lags;
  for (int rate = 100; rate <= 150; rate += 25) {
    TabletCluster cluster("ABC", rate);
    cluster.CreatePartition("ABC");
    Writer writer(cluster, 'A', absl::Seconds(1) / rate, "w");
    for (int i = 0; i < 6000; ++i) {
      cluster.RunFor(absl::Milliseconds(20));
      const uint64_t offset = cluster.Offset('B');  // first: it only grows
      lags.push_back(cluster.Offset('A') - offset);
    }
  }
  std::sort(lags.begin(), lags.end());
  auto percentile = [&](size_t percent) { return lags[lags.size() * percent / 100]; };
  EXPECT_LE(percentile(50), 1u);
  EXPECT_GE(percentile(90), 43u);
  EXPECT_LE(percentile(90), 80u);
  EXPECT_GE(percentile(99), 100u);
  EXPECT_LE(percentile(99), 135u);
  EXPECT_LE(lags.back(), 165u);
  const auto above_twenty = lags.end() - std::upper_bound(lags.begin(), lags.end(), 20u);
  EXPECT_GT(above_twenty, static_cast<ptrdiff_t>(lags.size() * 14 / 100));
  EXPECT_LT(above_twenty, static_cast<ptrdiff_t>(lags.size() * 33 / 100));
}

TEST(TabletReplication, FewRowsASecondArePausedHardlyEver) {
  // M11: 500 rows a second over 24 partitions, and no moment without lag had to be waited for.
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC");
  Writer writer(cluster, 'A', absl::Milliseconds(48), "w");
  int behind = 0;
  for (int i = 0; i < 5000; ++i) {
    cluster.RunFor(absl::Milliseconds(20));
    const uint64_t offset = cluster.Offset('B');
    if (cluster.Offset('A') > offset) ++behind;
  }
  EXPECT_LT(behind, 200);
}

TEST(TabletReplication, AnIdleClusterCostsNothing) {
  TabletCluster cluster("ABC");
  for (uint32_t pid = 0; pid < 64; ++pid) cluster.CreatePartition("ABC", pid);
  cluster.RunFor(absl::Seconds(5));
  uint64_t before = cluster.world().executor.executed();
  cluster.RunFor(absl::Seconds(60));
  // One look of each tablet at its session each 15 s.
  EXPECT_LT(cluster.world().executor.executed() - before, 30u);
}

TEST(TabletDeath, AtAnyPointLeavesNothingRunning) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    TabletCluster cluster("ABC", seed);
    cluster.CreatePartition("ABC");
    Writer writer(cluster, 'A', absl::Microseconds(700), "w");
    cluster.RunFor(absl::Milliseconds(200) + absl::Microseconds(37 * seed));
    cluster.process('A').Kill();
    cluster.RunFor(absl::Microseconds(61 * seed));
    cluster.process('B').Kill();
    writer.Stop();
    cluster.RunFor(absl::Seconds(12));
    ASSERT_TRUE(cluster.process('A').Start().ok());
    ASSERT_EQ(cluster.LoadTable('A', api::kTableLeader, 1, "BC"), kCreateTableFailed);
    cluster.PushAddresses();  // a new process knows no address before (F1.3)
    ASSERT_EQ(cluster.LoadTable('A', api::kTableLeader, 1, "BC"), 0);
    cluster.RunFor(absl::Microseconds(11 * seed));
    cluster.process('A').Kill();  // also while it loads
    cluster.RunFor(absl::Seconds(12));
    ASSERT_TRUE(cluster.process('A').Start().ok());
    cluster.PushAddresses();
    ASSERT_EQ(cluster.LoadTable('A', api::kTableLeader, 1, "C"), 0);
    ASSERT_TRUE(cluster.RunUntilLoaded('A', absl::Seconds(1)));
    ASSERT_TRUE(cluster.RunUntilEqual("AC", absl::Seconds(3)));
    EXPECT_TRUE(Missing(writer.acknowledged(), cluster.Keys('A')).empty());
    EXPECT_EQ(cluster.Keys('C'), cluster.Keys('A'));
  }
}

}  // namespace
}  // namespace omdb::simulator
