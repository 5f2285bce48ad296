#include <map>

#include "tests/unit/controllers/mend_fixture.h"

namespace omdb {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

// auto_failover is on: the nameserver brings replicas back, or does not.
class LeftToTheNameserver : public Mending {
 protected:
  LeftToTheNameserver() {
    cluster.seen.database->auto_failover = true;
    Meta("c-tablet-1").is_alive = false;
  }
  void Later(absl::Duration duration) { cluster.seen.now += duration; }
};

TEST_F(LeftToTheNameserver, IsWhatItBringsBackInTime) {
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_TRUE(done);
  EXPECT_EQ(ledger.rollout->unwell_since, cluster.seen.now);
  Later(absl::Seconds(29));
  EXPECT_THAT(Mend(), IsEmpty());
  Meta("c-tablet-1").is_alive = true;
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_FALSE(ledger.rollout->unwell_since.has_value());
}

TEST_F(LeftToTheNameserver, IsTakenOverAfterHalfAMinute) {
  Mend();
  Later(absl::Seconds(30));
  EXPECT_THAT(Mend(), ElementsAre("set auto_failover false"));
  EXPECT_FALSE(done);
  EXPECT_EQ(ledger.wanted_auto_failover, true);
  ASSERT_EQ(decision.notes.size(), 1u);
  EXPECT_EQ(decision.notes[0].reason, "MendingPartitions");
  EXPECT_THAT(decision.notes[0].message, HasSubstr("db.t/0 (tid 1) on c-tablet-1 is not alive"));
}

TEST_F(LeftToTheNameserver, IsNotTakenOverWhileATabletsTurnBeginsOrEnds) {
  for (const TabletStep step : {TabletStep::kTurnFailoverOff, TabletStep::kTurnFailoverBack}) {
    TakeInHand(step);
    EXPECT_THAT(Mend(), IsEmpty());
    EXPECT_TRUE(done);
    Later(absl::Seconds(31));
    EXPECT_THAT(Mend(), IsEmpty());
  }
}

TEST_F(LeftToTheNameserver, IsWhatAnOpIsUnderWayFor) {
  Mend();
  Later(absl::Seconds(30));
  RunOp(2);
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_FALSE(ledger.rollout->unwell_since.has_value()) << "counted anew afterwards";
}

TEST_F(LeftToTheNameserver, IsNoOpThatIsStuck) {
  RunOp(2);
  Op& op = cluster.seen.database->ops.back();
  op.task = "kRecoverSnapshot";
  op.in_task_since = cluster.seen.now - absl::Seconds(20);
  Mend();
  Later(absl::Seconds(30));
  EXPECT_THAT(Mend(), ElementsAre("set auto_failover false"));
  cluster.seen.database->auto_failover = false;
  EXPECT_THAT(Mend(), ElementsAre("end op 9"));
}

TEST_F(LeftToTheNameserver, IsATabletThatIsAway) {
  Mend();
  Later(absl::Seconds(30));
  cluster.Stop("c-tablet-1");
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_FALSE(ledger.rollout->unwell_since.has_value());
}

TEST_F(LeftToTheNameserver, IsNothingOfATabletThatIsBeingReplaced) {
  TakeInHand(TabletStep::kTurnFailoverOff);
  Mend();
  Later(absl::Minutes(1));
  EXPECT_THAT(Mend(), IsEmpty());
}

// auto_failover was turned off for mending.
class TakenOver : public Mending {
 protected:
  TakenOver() {
    ledger.wanted_auto_failover = true;
    ledger.rollout->unwell_since = cluster.seen.now - absl::Minutes(1);
  }
};

TEST_F(TakenOver, FailoverIsGivenBackOnceEverythingIsWell) {
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-1 rejoin db.t/0 (tid 1)"));
  Meta("c-tablet-1").is_alive = true;
  EXPECT_THAT(Mend(), ElementsAre("set auto_failover true"));
  EXPECT_FALSE(done);
  cluster.seen.database->auto_failover = true;
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_TRUE(done);
  EXPECT_FALSE(ledger.wanted_auto_failover.has_value());
  EXPECT_FALSE(ledger.rollout->unwell_since.has_value());
}

TEST_F(TakenOver, FailoverIsNotGivenBackWhileAReplicaLoads) {
  Status("c-tablet-1").state = TableState::kLoading;
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_FALSE(done);
  EXPECT_EQ(decision.reason, "ReplicaLoading");
}

TEST_F(TakenOver, FailoverStaysOffWhereItWasOff) {
  ledger.wanted_auto_failover = false;
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_TRUE(done);
  EXPECT_FALSE(ledger.wanted_auto_failover.has_value());
}

TEST_F(TakenOver, FailoverIsGivenBackByTheTabletInHand) {
  TakeInHand(TabletStep::kDetach);
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_TRUE(done);
  EXPECT_EQ(ledger.wanted_auto_failover, true);
}

// c-tablet-1 has been away for a minute, and c-tablet-0 is in hand.
class LostTablet : public Mending {
 protected:
  LostTablet() {
    ledger.wanted_auto_failover = true;
    TakeInHand(TabletStep::kRestart);
    cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-2");
    cluster.Follows("t", 0, "c-tablet-0");
    cluster.Stop("c-tablet-1");
    cluster.MutableTablet("c-tablet-1").state_age = absl::Seconds(60);
  }
  bool FailedOver() {
    const auto actions = Mend();
    EXPECT_THAT(actions, Not(Contains(HasSubstr("rejoin"))));
    return actions == std::vector<std::string>{"take tablet c-tablet-1 offline"};
  }
};

TEST_F(LostTablet, IsFailedOverFrom) {
  EXPECT_TRUE(FailedOver());
  EXPECT_FALSE(done);
  ASSERT_EQ(decision.notes.size(), 1u);
  EXPECT_EQ(decision.notes[0].reason, "TabletLost");
  EXPECT_THAT(decision.notes[0].message, HasSubstr("away for 1m"));
}

TEST_F(LostTablet, HasWhatItsTermsSayWhenItComesBack) {
  FailedOver();
  EXPECT_THAT(ledger.followed_in_term,
              UnorderedElementsAre(Pair("db.t/0 (tid 1) on c-tablet-1", 9u),
                                   Pair("db.t/1 (tid 1) on c-tablet-1", 7u),
                                   Pair("db.t/2 (tid 1) on c-tablet-1", 7u)));
}

TEST_F(LostTablet, HasNothingOfWhatItWasNotAliveFor) {
  cluster.WithTable("elsewhere", 1, 1);
  Meta("c-tablet-1", 2).is_alive = false;
  FailedOver();
  EXPECT_EQ(ledger.followed_in_term.count("db.t/2 (tid 1) on c-tablet-1"), 0u);
  EXPECT_EQ(ledger.followed_in_term.count("db.t/1 (tid 1) on c-tablet-1"), 1u);
}

TEST_F(LostTablet, IsAwaitedForAMinute) {
  cluster.MutableTablet("c-tablet-1").state_age = absl::Seconds(59);
  EXPECT_FALSE(FailedOver());
}

TEST_F(LostTablet, IsAwaitedWhereFailoverWasOff) {
  ledger.wanted_auto_failover = false;
  EXPECT_FALSE(FailedOver());
  ledger.wanted_auto_failover.reset();
  EXPECT_FALSE(FailedOver());
}

TEST_F(LostTablet, IsAwaitedWhileAnOpIsUnderWay) {
  RunOp(1);
  EXPECT_FALSE(FailedOver());
}

TEST_F(LostTablet, IsAwaitedWhenItLeadsNothing) {
  cluster.seen.database->tables[0].partitions.erase(
      cluster.seen.database->tables[0].partitions.begin() + 1);
  EXPECT_FALSE(FailedOver());
}

TEST_F(LostTablet, IsAwaitedWhenNobodyElseCouldLead) {
  for (const char* tablet : {"c-tablet-0", "c-tablet-2"}) Meta(tablet, 1).is_alive = false;
  EXPECT_FALSE(FailedOver());
}

TEST_F(LostTablet, IsAwaitedWhenNobodyElseServes) {
  Meta("c-tablet-0", 1).is_alive = false;
  cluster.seen.database->loaded.erase("c-tablet-2");
  EXPECT_FALSE(FailedOver());
}

TEST_F(LostTablet, ChangesWhomTheTabletInHandFollows) {
  for (const auto& [at, next] : std::map<TabletStep, TabletStep>{
           {TabletStep::kAttach, TabletStep::kLoad},
           {TabletStep::kMarkAlive, TabletStep::kLoad},
           {TabletStep::kReattachFormerLeaders, TabletStep::kRemoveExtraReplicas},
           {TabletStep::kDetach, TabletStep::kDetach}}) {
    ledger.tablet->step = at;
    EXPECT_TRUE(FailedOver());
    EXPECT_EQ(ledger.tablet->step, next) << ToString(at);
  }
}

TEST_F(Mending, FailsOverFromALostTabletWithoutOneInHandToo) {
  ledger.wanted_auto_failover = true;
  cluster.Stop("c-tablet-1");
  cluster.MutableTablet("c-tablet-1").state_age = absl::Minutes(2);
  EXPECT_THAT(Mend(), ElementsAre("take tablet c-tablet-1 offline"));
}

}  // namespace
}  // namespace omdb
