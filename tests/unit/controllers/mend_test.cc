#include <functional>

#include "tests/unit/controllers/mend_fixture.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Mending, FindsNothingInAClusterThatIsWhole) {
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_TRUE(done);
}

TEST_F(Mending, LeavesAClusterAtRestToOpenMldb) {
  Meta("c-tablet-1").is_alive = false;
  ledger.rollout.reset();
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_TRUE(done);
}

TEST_F(Mending, GoesOnForATabletInHandAfterItsRollout) {
  Meta("c-tablet-1").is_alive = false;
  TakeInHand(TabletStep::kDetach);
  ledger.rollout.reset();
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-1 rejoin db.t/0 (tid 1)"));
}

TEST_F(Mending, LeavesADatabaseThatDoesNotAnswerToTheGuards) {
  cluster.seen.database.reset();
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_TRUE(done);
}

TEST_F(Mending, SaysThatItActs) {
  Meta("c-tablet-1").is_alive = false;
  Mend();
  EXPECT_FALSE(done);
  EXPECT_THAT(decision.progress, HasSubstr("mending: bringing replicas back"));
}

class MissedTablet : public Mending {
 protected:
  MissedTablet() {
    cluster.MutableTablet("c-tablet-2").healthy = false;
    TakeInHand(TabletStep::kDetach);
  }
};

TEST_F(MissedTablet, IsMadeKnownWhoeverDoesTheFailover) {
  for (const bool failover : {false, true}) {
    cluster.seen.database->auto_failover = failover;
    EXPECT_THAT(Mend(), ElementsAre("renew the ZooKeeper session of 10.0.2.3:10921"));
    EXPECT_FALSE(done);
  }
}

TEST_F(MissedTablet, IsMadeKnownAtRestToo) {
  ledger = Ledger();
  EXPECT_THAT(Mend(), Not(IsEmpty()));
}

TEST_F(MissedTablet, IsMadeKnownBeforeReplicasAreBroughtBack) {
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre(HasSubstr("renew")));
}

TEST_F(MissedTablet, IsOneThatWasRestartedUnseen) {
  Tablet& tablet = cluster.MutableTablet("c-tablet-2");
  tablet.healthy = true;
  cluster.MutablePod("c-tablet-2").started = cluster.seen.now - absl::Minutes(1);
  tablet.state_age = absl::Milliseconds(59800);
  EXPECT_THAT(Mend(), Not(Contains(HasSubstr("renew"))));
  tablet.state_age = absl::Milliseconds(59900);
  EXPECT_THAT(Mend(), ElementsAre("renew the ZooKeeper session of 10.0.2.3:10921"));
}

struct NotMissed {
  std::string name;
  std::function<void(WholeCluster&)> is;
};
class TabletAway : public MissedTablet, public testing::WithParamInterface<NotMissed> {};

TEST_P(TabletAway, IsNotMissed) {
  GetParam().is(cluster);
  EXPECT_THAT(Mend(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Each, TabletAway,
    testing::Values(NotMissed{"SinceAMoment",
                              [](WholeCluster& c) {
                                c.MutableTablet("c-tablet-2").state_age = absl::Milliseconds(1900);
                              }},
                    NotMissed{"WithAPodOfAMoment",
                              [](WholeCluster& c) {
                                c.MutablePod("c-tablet-2").started = c.seen.now - absl::Seconds(3);
                              }},
                    NotMissed{"WithAPodThatGoes",
                              [](WholeCluster& c) { c.MutablePod("c-tablet-2").deleting = true; }},
                    NotMissed{"WithoutAPod",
                              [](WholeCluster& c) {
                                std::erase_if(c.seen.pods, [](const Pod& pod) {
                                  return pod.name == "c-tablet-2";
                                });
                              }},
                    NotMissed{
                        "WithoutASession",
                        [](WholeCluster& c) { c.seen.database->registered_tablets.pop_back(); }}),
    [](const testing::TestParamInfo<NotMissed>& info) { return info.param.name; });

class StuckOp : public Mending {
 protected:
  StuckOp() {
    cluster.seen.database->ops = {{9, "kChangeLeaderOP", OpState::kDoing, "kChangeLeader", "db",
                                   "t", 1, cluster.seen.now - absl::Seconds(20)}};
  }
  Op& op() { return cluster.seen.database->ops.front(); }
};

TEST_F(StuckOp, IsCancelledAndTold) {
  for (const std::string task : {"kChangeLeader", "kDelTableInfo", "kRecoverSnapshot"}) {
    op().task = task;
    EXPECT_THAT(Mend(), ElementsAre("end op 9")) << task;
    ASSERT_EQ(decision.notes.size(), 1u);
    EXPECT_EQ(decision.notes[0].reason, "OpStuck");
    EXPECT_THAT(decision.notes[0].message, HasSubstr("db.t/1"));
  }
}

TEST_F(StuckOp, IsCancelledBeforeReplicasAreBroughtBack) {
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("end op 9"));
}

TEST_F(StuckOp, IsDeletedWhenItChangedALeaderAndFailed) {
  TakeInHand(TabletStep::kLoad);
  ledger.tablet->last_op_id = 8;
  op().state = OpState::kFailed;
  EXPECT_THAT(Mend(), ElementsAre("end op 9"));
  EXPECT_EQ(decision.notes.at(0).reason, "OpFailed");
  ledger.tablet->last_op_id = 9;
  EXPECT_THAT(Mend(), IsEmpty()) << "it was there before";
  ledger.tablet->last_op_id = 8;
  op().type = "kRecoverTableOP";
  EXPECT_THAT(Mend(), IsEmpty()) << "to do that again does no harm";
}

TEST_F(StuckOp, IsNoneThatHasJustBegun) {
  op().in_task_since += absl::Seconds(1);
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(StuckOp, IsNoneThatWaits) {
  op().state = OpState::kInited;
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(StuckOp, IsNoneOfATaskThatTakesItsTime) {
  op().task = "kSendSnapshot";
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(StuckOp, IsOneWhoseTabletWasRestarted) {
  op().task = "kLoadTable";
  Tablet& tablet = cluster.MutableTablet("c-tablet-1");
  tablet.state_age = absl::Seconds(21);
  EXPECT_THAT(Mend(), IsEmpty()) << "before it began";
  tablet.state_age = absl::Seconds(19);
  EXPECT_THAT(Mend(), ElementsAre("end op 9"));
  tablet.healthy = false;
  cluster.seen.database->registered_tablets = {"c-tablet-0", "c-tablet-2"};
  EXPECT_THAT(Mend(), IsEmpty()) << "it is waited for";
}

TEST_F(StuckOp, IsOneWhoseTabletWasRestartedBeforeThisOperatorWasThere) {
  op().task = "kLoadTable";
  op().started = cluster.seen.now - absl::Minutes(3);
  for (const Tablet& tablet : cluster.seen.database->tablets)
    cluster.MutableTablet(tablet.endpoint).state_age = absl::Minutes(5);
  op().in_task_since = cluster.seen.now - absl::Minutes(1);
  EXPECT_THAT(Mend(), IsEmpty()) << "no tablet was";
  cluster.MutableTablet("c-tablet-1").state_age = absl::Minutes(2);
  EXPECT_THAT(Mend(), ElementsAre("end op 9"));
  op().in_task_since += absl::Seconds(1);
  EXPECT_THAT(Mend(), IsEmpty()) << "it may be done at any moment";
}

}  // namespace
}  // namespace omdb
