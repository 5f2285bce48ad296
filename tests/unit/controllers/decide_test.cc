#include "controllers/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Decide, DoesNothingForAClusterAtRest) {
  WholeCluster cluster;
  cluster.WithTable("t", 4, 3);
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_TRUE(decision.complete);
  EXPECT_EQ(decision.phase, "Ready");
}

TEST(Decide, IsNotReadyWhileAPartitionHasNoLeader) {
  WholeCluster cluster;
  cluster.WithTable("t", 1, 2);
  cluster.Meta("t", 0, "c-tablet-0").is_alive = false;
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_FALSE(decision.complete);
  EXPECT_EQ(decision.reason, "NoLeader");
  EXPECT_EQ(decision.phase, "Degraded");
}

TEST_F(TabletsDone, EndsOnlyWhenEveryReplicaIsWell) {
  cluster.Upgraded(Component::kTaskManager).Upgraded(Component::kApiServer);
  cluster.Meta("t", 0, "c-tablet-1").is_alive = false;
  EXPECT_EQ(Next().reason, "ReplicaNotAlive");
  EXPECT_TRUE(ledger.rollout.has_value());
}

TEST_F(TabletsDone, EndsOnlyWhenEveryLeaderHasWhatItHadBefore) {
  cluster.Upgraded(Component::kTaskManager).Upgraded(Component::kApiServer);
  WholeCluster behind = cluster;
  behind.Status("t", 0, "c-tablet-0").offset = 99;
  const Decision stalled = Decide(behind.seen, ledger);
  EXPECT_TRUE(stalled.stalled);
  EXPECT_EQ(stalled.reason, "OffsetBehind");
  const Decision done = Next();
  EXPECT_FALSE(ledger.rollout.has_value());
  EXPECT_EQ(done.notes.front().reason, "UpgradeComplete");
  EXPECT_TRUE(Next().complete);
}

TEST_F(TabletsDone, EndsWithoutExtraReplicasThatWereMadeLate) {
  cluster.Upgraded(Component::kTaskManager).Upgraded(Component::kApiServer);
  ledger.rollout->extra_replicas = {{ToString(cluster.Id("t", 0)), "c-tablet-1"},
                                    {ToString(cluster.Id("t", 1)), "c-tablet-1"},
                                    {ToString(cluster.Id("one", 0)), "c-tablet-2"}};
  EXPECT_THAT(Actions(Next()), ElementsAre("delete replica of db.t/0 (tid 1) on c-tablet-1"))
      << "it leads the second, and the third is gone";
  EXPECT_TRUE(ledger.rollout.has_value());
}

TEST(Decide, IsNotReadyWhileTheDatabaseDoesNotAnswer) {
  WholeCluster cluster;
  cluster.seen.database.reset();
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_EQ(decision.reason, "OpenMLDBUnreachable");
  EXPECT_EQ(decision.phase, "Degraded");
}

TEST(Decide, IsNotReadyWhileATabletIsDown) {
  WholeCluster cluster;
  cluster.seen.database->registered_tablets.pop_back();
  EXPECT_EQ(Decide(cluster.seen, {}).reason, "TabletDown");
}

TEST_F(TabletsDone, CountsOnlyTablesThatWereThereWhenItBegan) {
  cluster.Upgraded(Component::kTaskManager).Upgraded(Component::kApiServer);
  cluster.WithTable("new", 1, 2);
  cluster.Status("new", 0, "c-tablet-0").offset = 0;
  Next();
  EXPECT_FALSE(ledger.rollout.has_value());
}

TEST_F(TabletsDone, DoesNotEndWhileALeaderDoesNotAnswer) {
  cluster.Upgraded(Component::kTaskManager).Upgraded(Component::kApiServer);
  WholeCluster silent = cluster;
  silent.seen.database->loaded.erase("c-tablet-0");
  EXPECT_NE(Decide(silent.seen, ledger).reason, "");
  silent = cluster;
  silent.Meta("t", 0, "c-tablet-0").is_alive = false;
  EXPECT_NE(Decide(silent.seen, ledger).reason, "");
}

}  // namespace
}  // namespace omdb
