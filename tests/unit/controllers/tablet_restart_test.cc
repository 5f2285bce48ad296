#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/tablet_steps.h"
#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Drained, DetachesFollowersBeforeItStops) {
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 for 2 partitions of db.t"));
}

TEST_F(Drained, DetachesWhatSomebodyElseMarked) {
  cluster.Meta("t", 1, "c-tablet-0").is_alive = false;
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 for 2 partitions of db.t"));
  ledger.tablet->partitions[1].attached_to.clear();
  EXPECT_THAT(Actions(Next()), testing::Not(testing::Contains(HasSubstr("from c-tablet-1"))));
}

TEST_F(Drained, RemembersItsOffsetsAndRestarts) {
  Detached();
  EXPECT_THAT(Actions(Next()),
              ElementsAre("end the ZooKeeper session of 10.0.2.1:10921", "delete pod c-tablet-0"));
  for (const HeldPartition& held : ledger.tablet->partitions) EXPECT_EQ(held.offset, 100u);
}

TEST_F(Drained, IsDetachedOnceMoreWhenSomebodyRecoveredIt) {
  Detached();
  cluster.Meta("t", 1, "c-tablet-0").is_alive = true;
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 from c-tablet-1 for db.t/1 (tid 1)"));
  Detached();
  cluster.Status("t", 1, "c-tablet-0").offset = 105;
  Next();
  EXPECT_EQ(ledger.tablet->partitions[1].offset, 105u);
}

TEST_F(Drained, IsNotDetachedWhileSomebodyMayBeMakingItTheLeader) {
  cluster.seen.database->ops = {
      {20, "kChangeLeaderOP", OpState::kDoing, "kUpdateLeaderInfo", "db", "t", 1}};
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 from c-tablet-2 for db.t/2 (tid 1)"));
  cluster.Meta("t", 2, "c-tablet-0").is_alive = false;
  ledger.tablet->partitions[2].attached_to.clear();
  EXPECT_THAT(Actions(Next()), IsEmpty());
  EXPECT_EQ(ledger.tablet->step, TabletStep::kDetach);
}

TEST_F(Drained, IsDetachedOnceMoreRightBeforeItStops) {
  Detached();
  GoTo(TabletStep::kRestart);
  cluster.Meta("t", 1, "c-tablet-0").is_alive = true;
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 from c-tablet-1 for db.t/1 (tid 1)"));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kDetach);
}

TEST_F(Drained, IsMadeKnownAgainWhenTheNameserverMissedIt) {
  Restarted();
  cluster.seen.database->tablets.front().healthy = false;
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("renew the ZooKeeper session")));
}

TEST_F(Drained, DetachesNothingThatIsNotThere) {
  cluster.Meta("t", 1, "c-tablet-1").is_alive = false;
  std::erase_if(cluster.seen.database->tables[0].partitions[2].replicas,
                [](const ReplicaMeta& meta) { return meta.endpoint == "c-tablet-0"; });
  ledger.tablet->partitions.push_back({{"db", "dropped", 9, 0}});
  EXPECT_THAT(Actions(Next()), testing::Not(testing::Contains(HasSubstr("detach"))));
}

TEST_F(Drained, DetachesNothingFromNobody) {
  cluster.Meta("t", 1, "c-tablet-1").is_leader = false;
  std::erase_if(cluster.seen.database->tables[0].partitions[2].replicas,
                [](const ReplicaMeta& meta) { return meta.endpoint == "c-tablet-0"; });
  Plan plan(cluster.seen, ledger);
  EXPECT_TRUE(DetachFromLeaders(plan));
}

TEST_F(Drained, RemembersThatAReplicaWasNotLoaded) {
  Detached();
  cluster.seen.database->loaded["c-tablet-0"].erase({1, 2});
  Next();
  EXPECT_FALSE(ledger.tablet->partitions[1].recover);
  EXPECT_TRUE(ledger.tablet->partitions[2].recover);
}

TEST_F(Drained, RemembersNothingOfATabletThatDoesNotAnswer) {
  Detached();
  cluster.seen.database->loaded.erase("c-tablet-0");
  EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-tablet-0"));
  for (const HeldPartition& held : ledger.tablet->partitions) EXPECT_FALSE(held.recover);
}

TEST_F(Drained, IsNotStoppedWhileAnOpIsUnderWay) {
  Detached();
  cluster.seen.database->ops = {{9, "kAddReplicaOP", OpState::kDoing, "-", "db", "t", 0}};
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "OpRunning");
}

class Restarting : public Drained {
 protected:
  Restarting() {
    Restarted();
    GoTo(TabletStep::kRestart);
  }
  Pod& NewPod() { return cluster.MutablePod("c-tablet-0"); }
};

TEST_F(Restarting, IsWaitedForUntilItServes) {
  NewPod().ready = false;
  EXPECT_THAT(Actions(Next()), IsEmpty());
  NewPod().ready = true;
  NewPod().reported_version.clear();
  EXPECT_THAT(Actions(Next()), IsEmpty());
  NewPod().deleting = true;
  EXPECT_THAT(Actions(Next()), IsEmpty());
  std::erase_if(cluster.seen.pods, [](const Pod& pod) { return pod.name == "c-tablet-0"; });
  EXPECT_THAT(Actions(Next()), IsEmpty());
  EXPECT_EQ(ledger.tablet->step, TabletStep::kRestart);
}

TEST_F(Restarting, SaysWhyTheNewPodDoesNotRun) {
  NewPod().trouble = "CrashLoopBackOff: back-off";
  EXPECT_EQ(Next().reason, "PodNotRunning");
  NewPod().trouble.clear();
  NewPod().reported_version = "0.9.1";
  const Decision decision = Next();
  EXPECT_EQ(decision.reason, "VersionMismatch");
  EXPECT_THAT(Actions(decision), IsEmpty());
}

TEST_F(Restarting, IsReplacedAgainWhenItDoesNotRunAndAnotherVersionIsAskedFor) {
  NewPod().trouble = "ErrImagePull: none";
  cluster.Asked("0.9.3");
  EXPECT_THAT(Actions(Next()),
              ElementsAre("apply StatefulSet c-tablet", HasSubstr("end the ZooKeeper session"),
                          "delete pod c-tablet-0"));
  cluster.TemplateUpgraded(Component::kTablet);
  EXPECT_THAT(Actions(Next()),
              ElementsAre(HasSubstr("end the ZooKeeper session"), "delete pod c-tablet-0"))
      << "made from the template before";
}

TEST_F(Restarting, IsReplacedAgainWhateverKeptItFromServingWhenTheSpecIsCorrected) {
  const auto replaced_with = [&](auto trouble) {
    const WholeCluster before = cluster;
    trouble();
    EXPECT_THAT(Actions(Next()), testing::Not(testing::Contains("delete pod c-tablet-0")));
    cluster.seen.cluster.spec.tablet.flags["thread_pool_size"] = "8";
    EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-tablet-0"));
    cluster = before;
  };
  replaced_with([&] {  // unschedulable
    NewPod().ready = false;
    NewPod().ip.clear();
  });
  replaced_with([&] { NewPod().ready = false; });
  replaced_with([&] { NewPod().reported_version.clear(); });
  replaced_with([&] { cluster.seen.database->loaded.erase("c-tablet-0"); });
  replaced_with([&] { cluster.MutableTablet("c-tablet-0").real_endpoint = "10.9.9.9:10921"; });
}

// A quota does not let it be made, say.
TEST_F(Restarting, IsMadeFromTheCorrectedTemplateWhereThereIsNoPod) {
  std::erase_if(cluster.seen.pods, [](const Pod& pod) { return pod.name == "c-tablet-0"; });
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.seen.cluster.spec.tablet.flags["thread_pool_size"] = "8";
  EXPECT_THAT(Actions(Next()), ElementsAre("apply StatefulSet c-tablet"));
  cluster.seen.now += cluster.seen.cluster.spec.upgrade.pod_timeout;
  const Decision decision = Next();
  EXPECT_EQ(decision.reason, "PodNotCreated");
  EXPECT_THAT(decision.message, HasSubstr("describe statefulset c-tablet"));
}

TEST_F(Restarting, EndsNoSessionOfAPodThatNeverRan) {
  NewPod().ready = false;
  NewPod().ip.clear();
  cluster.seen.cluster.spec.tablet.flags["thread_pool_size"] = "8";
  EXPECT_THAT(Actions(Next()), ElementsAre("apply StatefulSet c-tablet", "delete pod c-tablet-0"));
}

// It is short of memory, say.
TEST_F(Restarting, IsReplacedAgainWhenItDiesWhileItLoadsAndTheSpecIsCorrected) {
  GoTo(TabletStep::kLoad);
  NewPod().ready = false;
  cluster.seen.cluster.spec.tablet.flags["thread_pool_size"] = "8";
  EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-tablet-0"));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kRestart);
}

TEST_F(Restarting, IsNotReplacedAgainOnceItLeads) {
  GoTo(TabletStep::kReturnLeaders);
  NewPod().ready = false;
  cluster.seen.cluster.spec.tablet.flags["thread_pool_size"] = "8";
  EXPECT_THAT(Actions(Next()), testing::Not(testing::Contains("delete pod c-tablet-0")));
}

TEST_F(Restarting, IsFinishedAsItIsWhenItRunsAndAnotherVersionIsAskedFor) {
  cluster.Asked("0.9.3");
  EXPECT_THAT(Actions(Next()), ElementsAre("load 3 partitions on c-tablet-0"));
}

TEST_F(Restarting, IsWaitedForUntilTheNameserverKnowsItsAddress) {
  NewPod().ip = "10.0.2.99";
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.seen.database->tablets.front().real_endpoint = "10.0.2.99:10921";
  EXPECT_THAT(Actions(Next()), ElementsAre("load 3 partitions on c-tablet-0"));
}

TEST_F(Restarting, IsWaitedForUntilItAnswers) {
  cluster.seen.database->loaded.erase("c-tablet-0");
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.seen.database->tablets.erase(cluster.seen.database->tablets.begin());
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST_F(Restarting, IsNotTakenForMissedTooSoon) {
  Tablet& tablet = cluster.seen.database->tablets.front();
  tablet.healthy = false;
  tablet.state_age = absl::Seconds(1);
  EXPECT_THAT(Actions(Next()), IsEmpty());
  tablet.state_age = absl::Seconds(30);
  NewPod().started = cluster.seen.now - absl::Seconds(3);
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "a state from before it was stopped";
  NewPod().started = cluster.seen.now - absl::Seconds(5);
  cluster.seen.database->registered_tablets = {"c-tablet-1", "c-tablet-2"};
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "it has no session yet";
}

}  // namespace
}  // namespace omdb
