#include <set>

#include "tests/unit/controllers/mend_fixture.h"

// Replicas that a rollout has out of their place on purpose are its own matter, in those steps.
namespace omdb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Steps = std::set<std::string>;

class ReplicaInHand : public Mending {
 protected:
  // The steps in which nothing is done.
  Steps LeftAlone() {
    Steps steps;
    for (int i = 0; i <= static_cast<int>(TabletStep::kTurnFailoverBack); ++i) {
      ledger.tablet->step = static_cast<TabletStep>(i);
      if (Mend().empty()) steps.insert(ToString(ledger.tablet->step));
    }
    return steps;
  }
};

TEST_F(ReplicaInHand, IsAFollowerOfTheTabletFromTheHandOverUntilItIsAlive) {
  TakeInHand(TabletStep::kDetach);
  Meta("c-tablet-0", 1).is_alive = false;
  EXPECT_EQ(LeftAlone(),
            Steps({"HandOverLeaders", "Detach", "Restart", "Load", "Attach", "MarkAlive"}));
}

TEST_F(ReplicaInHand, IsNotLoadedOnPurposeOnceTheTabletIsDrained) {
  TakeInHand(TabletStep::kDetach);
  Meta("c-tablet-0", 1).is_alive = false;
  Unload("c-tablet-0", 1);
  EXPECT_EQ(LeftAlone(), Steps({"Detach", "Restart", "Load", "Attach", "MarkAlive"}))
      << "before that its tablet has crashed";
}

TEST_F(ReplicaInHand, IsTheFormerLeaderOfTheTabletToo) {
  TakeInHand(TabletStep::kDetach);
  cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
  EXPECT_EQ(LeftAlone(),
            Steps({"HandOverLeaders", "Detach", "Restart", "Load", "Attach", "MarkAlive"}));
}

TEST_F(ReplicaInHand, IsTheLeaderOfMeanwhileUntilItFollowsAgain) {
  TakeInHand(TabletStep::kReturnLeaders);
  Meta("c-tablet-1") = {"c-tablet-1", true, false, true, 100};
  EXPECT_EQ(LeftAlone(), Steps({"ReturnLeaders", "ReattachFormerLeaders"}));
  Unload("c-tablet-1");
  EXPECT_EQ(LeftAlone(), Steps()) << "its tablet has crashed";
}

TEST_F(ReplicaInHand, IsAnExtraOneThatIsBeingRemoved) {
  TakeInHand(TabletStep::kRemoveExtraReplicas);
  ledger.tablet->partitions[0].extra_replica = "c-tablet-1";
  ledger.tablet->partitions[0].moved_to = "c-tablet-1";
  Meta("c-tablet-1").is_alive = false;
  Unload("c-tablet-1");
  EXPECT_EQ(LeftAlone(), Steps({"RemoveExtraReplicas"}));
  Meta("c-tablet-1").is_leader = true;
  EXPECT_EQ(LeftAlone(), Steps()) << "the nameserver removes no leader, and be it a former one";
}

TEST_F(ReplicaInHand, IsNoneThatAcceptsWrites) {
  TakeInHand(TabletStep::kDetach);
  cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
  Status("c-tablet-0").mode = TableMode::kLeader;
  EXPECT_EQ(LeftAlone(), Steps());
}

TEST_F(ReplicaInHand, IsNoneThatSomebodyElseMadeAliveWithoutItsLeader) {
  TakeInHand(TabletStep::kHandOverLeaders);
  cluster.seen.database->closely.emplace().followers[ToString(cluster.Id("t", 1))] = {"c-tablet-2"};
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 not alive for db.t/1 (tid 1)"));
}

TEST_F(ReplicaInHand, IsNoneOfAnotherTablet) {
  TakeInHand(TabletStep::kDetach);
  Meta("c-tablet-2", 1).is_alive = false;
  EXPECT_EQ(LeftAlone(), Steps());
}

TEST_F(ReplicaInHand, IsNoneOfAPartitionThatIsNotHeld) {
  TakeInHand(TabletStep::kDetach);
  ledger.tablet->partitions.resize(1);
  Meta("c-tablet-0", 1).is_alive = false;
  EXPECT_EQ(LeftAlone(), Steps());
}

TEST_F(ReplicaInHand, HoldsUpNoOther) {
  TakeInHand(TabletStep::kDetach);
  Meta("c-tablet-0", 1).is_alive = false;
  Meta("c-tablet-2", 1).is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-2 rejoin db.t/1 (tid 1)"));
}

class FailoverTurnedOn : public Mending {
 protected:
  FailoverTurnedOn() {
    cluster.seen.database->auto_failover = true;
    ledger.wanted_auto_failover = false;
  }
};

TEST_F(FailoverTurnedOn, IsTurnedOffWhileATabletIsBeingReplaced) {
  TakeInHand(TabletStep::kRestart);
  EXPECT_THAT(Mend(), ElementsAre("set auto_failover false"));
  EXPECT_FALSE(done);
  EXPECT_EQ(ledger.wanted_auto_failover, true) << "somebody wants it";
  ASSERT_EQ(decision.notes.size(), 1u);
  EXPECT_EQ(decision.notes[0].reason, "AutoFailoverTurnedOn");
}

TEST_F(FailoverTurnedOn, IsOnRightlyBeforeAndAfter) {
  for (const TabletStep step : {TabletStep::kTurnFailoverOff, TabletStep::kTurnFailoverBack}) {
    TakeInHand(step);
    EXPECT_THAT(Mend(), IsEmpty()) << ToString(step);
    EXPECT_EQ(ledger.wanted_auto_failover, false);
  }
}

}  // namespace
}  // namespace omdb
