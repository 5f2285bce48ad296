#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Drained, AutoFailoverIsAsBeforeAndTheReportIsKept) {
  Loaded();
  for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  cluster.MoveLeader("t", 0, "c-tablet-1", "c-tablet-0");
  cluster.Follows("t", 0, "c-tablet-1");
  cluster.LookClosely();
  GoTo(TabletStep::kVerify);
  EXPECT_THAT(Actions(Next()), ElementsAre("set auto_failover true"));
  cluster.seen.database->auto_failover = true;
  cluster.seen.database->closely.reset();
  const Decision decision = Next();
  EXPECT_FALSE(ledger.tablet.has_value());
  EXPECT_FALSE(ledger.wanted_auto_failover.has_value());
  ASSERT_EQ(ledger.rollout->tablets.size(), 1u);
  EXPECT_EQ(decision.notes.front().reason, "TabletUpgraded");
}

TEST_F(Drained, AutoFailoverStaysOffUntilItWasLookedAtClosely) {
  for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  GoTo(TabletStep::kVerify);
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_THAT(decision.progress, HasSubstr("looking closely"));
  cluster.LookClosely().followers[ToString(cluster.Id("t", 2))] = {"c-tablet-1"};
  EXPECT_THAT(Actions(Next()), ElementsAre("mark c-tablet-0 not alive for db.t/2 (tid 1)"));
}

TEST_F(Drained, AutoFailoverStaysOffWhileATabletIsAway) {
  for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  cluster.LookClosely();
  GoTo(TabletStep::kVerify);
  cluster.Stop("c-tablet-2");
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "TabletDown");
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

TEST_F(Drained, IsVerifiedAnewWhereAutoFailoverCouldNotBeTurnedBack) {
  for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  GoTo(TabletStep::kTurnFailoverBack);
  EXPECT_THAT(Next().progress, HasSubstr("looking closely"));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
  cluster.LookClosely();
  EXPECT_THAT(Actions(Next()), ElementsAre("set auto_failover true"));
}

TEST_F(Drained, AutoFailoverIsNotTouchedWhereNobodyRemembersHowItWas) {
  for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  cluster.LookClosely();
  ledger.wanted_auto_failover.reset();
  GoTo(TabletStep::kVerify);
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST_F(TabletInTurn, WaitsForTheNewPodsBeforeTheNextOne) {
  cluster.Replace("c-tablet-0");
  cluster.MutablePod("c-tablet-0").reported_version.clear();
  const Decision decision = Next();
  EXPECT_FALSE(ledger.tablet.has_value());
  EXPECT_THAT(decision.progress, HasSubstr("waiting for c-tablet-0")) << "it is ready, and silent";
}

TEST(UpgradeTablets, BeginsWithThemWhereOnlyTheirPartOfTheSpecChanged) {
  WholeCluster cluster;
  cluster.WithTable("t", 3, 3);
  cluster.seen.cluster.spec.tablet.flags["gc_interval"] = "30";
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(Actions(decision), ElementsAre("apply StatefulSet c-tablet"));
  EXPECT_TRUE(decision.ledger.rollout.has_value());
}

TEST(UpgradeTablets, BeginsWithPodsOfAFormerTemplate) {
  WholeCluster cluster;
  cluster.WithTable("t", 3, 3);
  cluster.MutablePod("c-tablet-1").spec_hash = "before";
  EXPECT_EQ(Decide(cluster.seen, {}).ledger.tablet->name, "c-tablet-1");
}

TEST_F(Drained, ANewOperatorLiftsFencesBeforeItGoesOn) {
  cluster.seen.first_look = true;
  EXPECT_THAT(Actions(Next()), testing::Each(HasSubstr("lift the fence")));
}

TEST_F(Drained, AutoFailoverStaysOffWhereItWasOff) {
  for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  cluster.LookClosely();
  ledger.wanted_auto_failover = false;
  GoTo(TabletStep::kVerify);
  EXPECT_THAT(Actions(Next()), IsEmpty());
  EXPECT_FALSE(ledger.tablet.has_value()) << "it is back";
  EXPECT_FALSE(ledger.wanted_auto_failover.has_value());
}

class Back : public TabletInTurn {
 protected:
  Back() {
    TakeInHand();
    cluster.Replace("c-tablet-0");
    cluster.seen.database->auto_failover = false;
    ledger.wanted_auto_failover = false;
    cluster.LookClosely();
    GoTo(TabletStep::kVerify);
  }
};

TEST_F(Back, IsNotFinishedBeforeTheClusterIsWhole) {
  cluster.seen.database->ops = {{7, "kAddReplicaOP", OpState::kInited, "-", "db", "t", 0}};
  const Decision decision = Next();
  EXPECT_EQ(decision.reason, "OpRunning");
  EXPECT_TRUE(ledger.tablet.has_value());
}

TEST_F(Back, IsNotFinishedBeforeItWasLookedAtClosely) {
  cluster.seen.database->closely.reset();
  const Decision decision = Next();
  EXPECT_THAT(decision.progress, HasSubstr("looking closely"));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

TEST_F(Back, TellsOfOpsThatFailedMeanwhile) {
  ledger.tablet->last_op_id = 5;
  cluster.seen.database->ops = {{4, "kAddReplicaOP", OpState::kFailed, "-", "db", "t", 0},
                                {6, "kRecoverTableOP", OpState::kFailed, "-", "db", "t", 1},
                                {7, "kRecoverTableOP", OpState::kDone, "-", "db", "t", 1}};
  const Decision decision = Next();
  ASSERT_EQ(decision.notes.size(), 2u);
  EXPECT_EQ(decision.notes[0].reason, "OpFailed");
  EXPECT_THAT(decision.notes[0].message, HasSubstr("op 6"));
  EXPECT_EQ(decision.notes[1].reason, "TabletUpgraded");
}

TEST_F(Back, IsFinishedWithoutARolloutToo) {
  ledger.rollout.reset();
  Next();
  EXPECT_FALSE(ledger.tablet.has_value());
}

TEST_F(Back, IsFollowedByTheNextTablet) {
  Next();
  cluster.KeepSupportingObjects(false);
  cluster.seen.database->auto_failover = true;
  EXPECT_THAT(Actions(Next()), ElementsAre("set auto_failover false"));
  EXPECT_EQ(ledger.tablet->name, "c-tablet-1");
}

TEST_F(Drained, FencesOfATabletAreLiftedBeforeServicesAreApplied) {
  cluster.seen.first_look = true;
  cluster.seen.object_hashes.clear();
  EXPECT_THAT(Actions(Next()), testing::Each(HasSubstr("lift the fence")));
}

TEST_F(Drained, ANewOperatorWaitsForADatabaseThatDoesNotAnswer) {
  cluster.seen.first_look = true;
  cluster.seen.database.reset();
  cluster.seen.database_status = absl::UnavailableError("no ZooKeeper");
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "OpenMLDBUnreachable");
}

}  // namespace
}  // namespace omdb
