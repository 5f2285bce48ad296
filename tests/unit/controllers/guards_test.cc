#include "controllers/guards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::IsEmpty;

struct Guard {
  std::string name;
  std::string reason;
  std::function<void(WholeCluster&)> spoil;
};

class Guards : public Upgrading, public testing::WithParamInterface<Guard> {};

TEST_P(Guards, KeepEveryServerInPlace) {
  for (const bool nameservers_done : {false, true}) {
    if (nameservers_done) NameserversDone();
    WholeCluster spoilt = cluster;
    GetParam().spoil(spoilt);
    const Decision decision = Decide(spoilt.seen, ledger);
    EXPECT_THAT(Actions(decision), IsEmpty());
    EXPECT_EQ(decision.reason, GetParam().reason);
    EXPECT_EQ(decision.phase, "Waiting");
    EXPECT_FALSE(decision.message.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Each, Guards,
    testing::Values(
        Guard{"Unreachable", "OpenMLDBUnreachable",
              [](WholeCluster& c) {
                c.seen.database.reset();
                c.seen.database_status = absl::UnavailableError("no ZooKeeper");
              }},
        Guard{"TabletNotRegistered", "TabletDown",
              [](WholeCluster& c) { c.seen.database->registered_tablets.pop_back(); }},
        Guard{"TabletMissedByTheNameserver", "TabletOffline",
              [](WholeCluster& c) {
                c.seen.database->tablets.back().healthy = false;
                c.seen.database->tablets.back().state_age = absl::Seconds(1);
              }},
        Guard{"TabletSilent", "TabletDown",
              [](WholeCluster& c) { c.seen.database->loaded.erase("c-tablet-2"); }},
        Guard{"OpQueued", "OpRunning",
              [](WholeCluster& c) {
                c.seen.database->ops.push_back(
                    {5, "kAddReplicaOP", OpState::kInited, "-", "db", "t", 0});
              }},
        Guard{"FormerLeader", "FormerLeaderNotDemoted",
              [](WholeCluster& c) {
                c.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
                c.Status("t", 0, "c-tablet-0").mode = TableMode::kLeader;
              }},
        Guard{"NoLeader", "NoLeader",
              [](WholeCluster& c) {
                c.Meta("t", 0, "c-tablet-0").is_alive = false;
                c.Status("t", 0, "c-tablet-0").mode = TableMode::kFollower;
              }},
        Guard{"ReplicaDead", "ReplicaNotAlive",
              [](WholeCluster& c) { c.Meta("t", 0, "c-tablet-1").is_alive = false; }},
        Guard{"ReplicaNotLoaded", "ReplicaNotLoaded",
              [](WholeCluster& c) {
                c.seen.database->loaded["c-tablet-1"].erase({1, 0});
              }},
        Guard{"ReplicaLoading", "ReplicaLoading",
              [](WholeCluster& c) { c.Status("t", 0, "c-tablet-1").state = TableState::kLoading; }},
        Guard{"RoleMismatch", "ReplicaRoleMismatch",
              [](WholeCluster& c) { c.Status("t", 0, "c-tablet-1").mode = TableMode::kLeader; }}),
    [](const testing::TestParamInfo<Guard>& info) { return info.param.name; });

TEST(TabletMissing, NamesATabletThatTheNameserverDoesNotKnow) {
  WholeCluster cluster;
  cluster.seen.database->tablets.pop_back();
  const auto problem = TabletMissing(cluster.seen);
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->reason, "TabletOffline");
  EXPECT_THAT(problem->message, testing::HasSubstr("c-tablet-2"));
}

TEST(OpUnderWay, IsOneThatIsQueuedOrRuns) {
  for (const auto& [state, under_way] : std::map<OpState, bool>{{OpState::kInited, true},
                                                                {OpState::kDoing, true},
                                                                {OpState::kDone, false},
                                                                {OpState::kFailed, false}}) {
    Database database;
    database.ops = {{5, "kAddReplicaOP", state, "-", "db", "t", 1}};
    EXPECT_EQ(OpUnderWay(database).has_value(), under_way);
    EXPECT_EQ(OpUnderWayOn(database, {"db", "t", 1, 1}), under_way);
  }
}

TEST(OpUnderWay, IsOneThatWasCancelledAndIsInItsLane) {
  Database database;
  database.ops = {{5, "kAddReplicaOP", OpState::kCanceled, "-", "db", "t", 1}};
  ASSERT_TRUE(OpUnderWay(database).has_value());
  EXPECT_THAT(OpUnderWay(database)->message,
              testing::HasSubstr("op 5 (kAddReplicaOP of db.t/1) was cancelled"));
  database.ops[0].ended = absl::UnixEpoch();
  EXPECT_FALSE(OpUnderWay(database).has_value());
}

TEST(OpUnderWay, IsOneOfThatPartition) {
  Database database;
  database.ops = {{5, "kAddReplicaOP", OpState::kDoing, "-", "db", "t", 1}};
  EXPECT_FALSE(OpUnderWayOn(database, {"other", "t", 1, 1}));
  EXPECT_FALSE(OpUnderWayOn(database, {"db", "u", 1, 1}));
  EXPECT_FALSE(OpUnderWayOn(database, {"db", "t", 1, 2}));
}

class Partitions : public testing::Test {
 protected:
  Partitions() { cluster.WithTable("t", 1, 2); }
  std::string Problem() {
    const auto problem = PartitionUnwell(cluster.seen);
    return problem ? problem->reason : "";
  }

  WholeCluster cluster;
};

TEST_F(Partitions, AreWellWhenEveryReplicaPlaysItsPart) {
  EXPECT_EQ(Problem(), "");
  EXPECT_FALSE(NotWhole(cluster.seen).has_value());
}

TEST_F(Partitions, AreUnwellWithAFormerLeaderThatAcceptsWrites) {
  cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
  EXPECT_EQ(Problem(), "ReplicaNotAlive");
  cluster.Status("t", 0, "c-tablet-0").mode = TableMode::kLeader;
  EXPECT_EQ(Problem(), "FormerLeaderNotDemoted");
  cluster.seen.database->loaded["c-tablet-0"].clear();
  EXPECT_EQ(Problem(), "ReplicaNotAlive");
}

TEST_F(Partitions, HaveNoFormerLeaderToFearOnATabletThatIsAway) {
  cluster.Meta("t", 0, "c-tablet-0").is_alive = false;
  EXPECT_TRUE(FormerLeaderNotDemoted(*cluster.seen.database).has_value());
  cluster.seen.database->loaded.erase("c-tablet-0");
  EXPECT_FALSE(FormerLeaderNotDemoted(*cluster.seen.database).has_value());
}

TEST_F(Partitions, AreUnwellWhileAReplicaHasNoState) {
  cluster.Status("t", 0, "c-tablet-1").state = TableState::kUndefined;
  EXPECT_EQ(Problem(), "ReplicaLoading");
}

TEST_F(Partitions, AreUnwellWhenTheLeaderIsAFollowerOnItsTablet) {
  cluster.Status("t", 0, "c-tablet-0").mode = TableMode::kFollower;
  EXPECT_EQ(Problem(), "ReplicaRoleMismatch");
}

TEST_F(Partitions, AreWellWhileASnapshotIsMade) {
  cluster.Status("t", 0, "c-tablet-1").state = TableState::kMakingSnapshot;
  EXPECT_EQ(Problem(), "");
}

TEST(PodTrouble, IsAPodThatDoesNotRunOrRunsAnotherVersion) {
  WholeCluster cluster;
  EXPECT_FALSE(PodTrouble(cluster.seen, Component::kTablet).has_value());
  cluster.MutablePod("c-tablet-1").reported_version = "0.9.0";
  EXPECT_EQ(PodTrouble(cluster.seen, Component::kTablet)->reason, "VersionMismatch");
  cluster.MutablePod("c-tablet-1").trouble = "ErrImagePull: none";
  EXPECT_EQ(PodTrouble(cluster.seen, Component::kTablet)->reason, "PodNotRunning");
  EXPECT_FALSE(PodTrouble(cluster.seen, Component::kNameserver).has_value());
}

}  // namespace
}  // namespace omdb
