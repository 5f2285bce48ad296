#include "controllers/choose_tablet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(TabletInTurn, IsPlannedAndAutoFailoverTurnedOffFirst) {
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), ElementsAre("set auto_failover false"));
  ASSERT_TRUE(ledger.tablet.has_value());
  EXPECT_EQ(ledger.tablet->name, "c-tablet-0");
  EXPECT_EQ(ledger.wanted_auto_failover, true);
  ASSERT_EQ(ledger.tablet->partitions.size(), 4u);
  for (const HeldPartition& held : ledger.tablet->partitions) {
    EXPECT_EQ(held.was_leader, held.id.pid == 0);
    EXPECT_EQ(!held.extra_replica.empty(), held.id.table == "one")
        << "only a single replica gets another one";
  }
}

TEST_F(TabletInTurn, StallsForASingleReplicaThatHasNowhereToGo) {
  cluster.seen.cluster.spec.tablet.replicas = 1;
  cluster.seen.workloads.at(Component::kTablet).replicas = 1;
  WholeCluster alone = cluster;
  alone.seen.database->tables.erase(alone.seen.database->tables.begin());
  std::erase_if(alone.seen.pods, [](const Pod& pod) {
    return pod.name == "c-tablet-1" || pod.name == "c-tablet-2";
  });
  alone.seen.database->tablets.resize(1);
  alone.seen.database->registered_tablets.resize(1);
  const Decision decision = Decide(alone.seen, ledger);
  EXPECT_TRUE(decision.stalled);
  EXPECT_EQ(decision.reason, "SingleReplica");
  EXPECT_THAT(decision.message, HasSubstr("allowSingleReplicaDowntime"));
}

class Choosing : public testing::Test {
 protected:
  // What is held when the tablet is taken in hand.
  std::vector<HeldPartition> Take(const std::string& tablet = "c-tablet-0") {
    Plan plan(cluster.seen, {});
    taken = TakeInHand(plan, cluster.MutablePod(tablet));
    ledger = plan.ledger();
    return taken ? ledger.tablet->partitions : std::vector<HeldPartition>();
  }
  // Where the leaders go, in the order of the partitions.
  std::vector<std::string> Moves(const std::string& tablet = "c-tablet-0") {
    std::vector<std::string> moves;
    for (const HeldPartition& held : Take(tablet)) {
      if (held.was_leader) moves.push_back(held.moved_to);
    }
    return moves;
  }

  WholeCluster cluster;
  bool taken = false;
  Ledger ledger;
};

TEST_F(Choosing, GivesLeadersToTheFollowersThatLeadLeast) {
  cluster.WithTable("t", 6, 3);
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-1", "c-tablet-2"));
  cluster.MoveLeader("t", 1, "c-tablet-1", "c-tablet-2");
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-1", "c-tablet-1"))
      << "which leads two less than the other by now";
}

TEST_F(Choosing, GivesNoLeaderToAFollowerThatIsNotAlive) {
  cluster.WithTable("t", 1, 3);
  cluster.Meta("t", 0, "c-tablet-1").is_alive = false;
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-2"));
}

TEST_F(Choosing, HoldsNothingThatTheTabletDoesNotHave) {
  cluster.WithTable("t", 3, 1);
  EXPECT_EQ(Take().size(), 1u);
}

TEST_F(Choosing, HoldsAFollowerOfNobodyAsOneThatIsNotAttached) {
  cluster.WithTable("t", 3, 3);
  cluster.Meta("t", 1, "c-tablet-1").is_alive = false;
  const std::vector<HeldPartition> held = Take();
  EXPECT_EQ(held[1].attached_to, "");
  EXPECT_EQ(held[2].attached_to, "c-tablet-2");
}

TEST_F(Choosing, HoldsAFormerLeaderAsAFollower) {
  cluster.WithTable("t", 1, 2);
  cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
  EXPECT_FALSE(Take().front().was_leader);
}

class ChoosingPreAggregation : public Choosing {
 protected:
  // "long_window" is one of table "t".
  void WithBase(uint32_t replicas, uint32_t replicas_of_base = 3) {
    cluster.WithTable("long_window", 6, replicas).WithTable("t", 6, replicas_of_base);
    cluster.seen.database->tables[0].base_table_tid = cluster.Id("t", 0).tid;
  }
  std::vector<std::string> Order() {
    std::vector<std::string> order;
    for (const HeldPartition& held : Take()) {
      if (held.was_leader) order.push_back(absl::StrCat(held.id.table, "/", held.id.pid));
    }
    return order;
  }
  std::vector<Note> Notes() {
    Plan plan(cluster.seen, {});
    TakeInHand(plan, cluster.MutablePod("c-tablet-0"));
    return plan.decision.notes;
  }
};

TEST_F(ChoosingPreAggregation, MovesEachPartitionRightAfterThatOfItsBaseToTheSameTablet) {
  WithBase(3);
  EXPECT_THAT(Order(), ElementsAre("t/0", "long_window/0", "t/3", "long_window/3"));
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-1", "c-tablet-1", "c-tablet-2", "c-tablet-2"));
  EXPECT_EQ(Notes().size(), 1u);
}

TEST_F(ChoosingPreAggregation, GivesASingleReplicaItsExtraOneWhereItsBaseGoes) {
  WithBase(1);
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-1", "c-tablet-1", "c-tablet-2", "c-tablet-2"));
}

TEST_F(ChoosingPreAggregation, SaysWhenItCannotGoWhereItsBaseGoes) {
  WithBase(2);  // on tablets 0 and 1
  cluster.MutableTablet("c-tablet-1").healthy = false;
  cluster.Meta("t", 0, "c-tablet-1").is_alive = false;
  const std::vector<Note> notes = Notes();
  ASSERT_EQ(notes.front().reason, "PreAggregationApart");
  EXPECT_TRUE(notes.front().warning);
  EXPECT_THAT(notes.front().message, HasSubstr("long_window/0"));
}

TEST_F(ChoosingPreAggregation, DoesNotGoToAReplicaThatIsNotAlive) {
  WithBase(3);
  cluster.Meta("long_window", 0, "c-tablet-1").is_alive = false;
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-1", "c-tablet-2", testing::_, testing::_));
}

TEST_F(ChoosingPreAggregation, GoesAnywhereWhenItsBaseIsLedElsewhere) {
  WithBase(3);
  cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-2");
  EXPECT_THAT(Order(), ElementsAre("long_window/0", "t/3", "long_window/3"));
}

TEST_F(Choosing, SpreadsExtraReplicas) {
  cluster.WithTable("t", 4, 1);
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-1", "c-tablet-2"));
  for (const HeldPartition& held : Take()) EXPECT_EQ(held.extra_replica, held.moved_to);
}

TEST_F(Choosing, MakesNoExtraReplicaOnATabletThatIsNotHealthy) {
  cluster.WithTable("t", 3, 1);
  cluster.seen.database->tablets[1].healthy = false;
  EXPECT_THAT(Moves(), ElementsAre("c-tablet-2"));
}

TEST_F(Choosing, LeavesASingleReplicaWhereItIsWhenItsDowntimeIsAccepted) {
  cluster.WithTable("t", 1, 1);
  for (int i : {1, 2}) cluster.seen.database->tablets[i].healthy = false;
  Take();
  EXPECT_FALSE(taken);
  EXPECT_FALSE(ledger.tablet.has_value());
  cluster.seen.cluster.spec.upgrade.allow_single_replica_downtime = true;
  const HeldPartition held = Take().front();
  EXPECT_TRUE(held.was_leader);
  EXPECT_EQ(held.moved_to, "");
  EXPECT_EQ(held.extra_replica, "");
}

TEST_F(Choosing, RemembersWhatWasThereBefore) {
  cluster.seen.database->ops = {{4, "kAddReplicaOP", OpState::kDone, "-", "db", "t", 0},
                                {9, "kAddReplicaOP", OpState::kFailed, "-", "db", "t", 0},
                                {7, "kAddReplicaOP", OpState::kDone, "-", "db", "t", 0}};
  cluster.seen.database->auto_failover = false;
  Take();
  EXPECT_EQ(ledger.tablet->last_op_id, 9u);
  EXPECT_EQ(ledger.tablet->pod_uid, "uid-c-tablet-0");
  EXPECT_EQ(ledger.tablet->report.started, cluster.seen.now);
  EXPECT_EQ(ledger.wanted_auto_failover, false);
}

}  // namespace
}  // namespace omdb
