#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/tablet_steps.h"
#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(TabletInTurn, AddsExtraReplicasOnePartitionOneOp) {
  TakeInHand();
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("add replica of db.one/0")));
  cluster.seen.database->ops.push_back(
      {9, "kAddReplicaOP", OpState::kDoing, "kLoadTable", "db", "one", 0});
  EXPECT_THAT(Actions(Next()), IsEmpty());
  EXPECT_EQ(ledger.tablet->step, TabletStep::kAddExtraReplicas);
}

class ExtraReplica : public TabletInTurn {
 protected:
  ExtraReplica() {
    TakeInHand();
    extra = ledger.tablet->partitions.back().extra_replica;
    GoTo(TabletStep::kAddExtraReplicas);
  }
  // db.one/0 has its extra replica.
  void Added(bool alive) {
    cluster.seen.database->tables.back().partitions[0].replicas.push_back(
        {extra, false, alive, true, 100});
    cluster.seen.database->loaded[extra][{2, 0}] = {
        2, 0, 100, TableMode::kFollower, TableState::kNormal, 100};
  }
  void DropTable() { cluster.seen.database->tables.pop_back(); }
  void RunOp() {
    cluster.seen.database->ops = {{9, "kOP", OpState::kDoing, "kTask", "db", "one", 0}};
  }

  std::string extra;
};

TEST_F(ExtraReplica, IsThereOnceItIsAliveAndLoaded) {
  Added(true);
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kHandOverLeaders);
}

TEST_F(ExtraReplica, IsNotThereBeforeItIsLoaded) {
  Added(true);
  cluster.seen.database->loaded[extra].erase({2, 0});
  EXPECT_THAT(Actions(Next()), ElementsAre("mark " + extra + " not alive for db.one/0 (tid 2)"));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kAddExtraReplicas);
}

TEST_F(ExtraReplica, RejoinsWhenItsOpFailedAtTheEnd) {
  Added(false);
  RunOp();
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "not before the op has ended";
  cluster.seen.database->ops.clear();
  EXPECT_THAT(Actions(Next()), ElementsAre("let " + extra + " rejoin db.one/0 (tid 2)"));
}

TEST_F(ExtraReplica, IsMadeAnewFromWhatAFailedOpLeft) {
  Added(false);
  cluster.PartitionOf("one", 0).replicas.pop_back();
  EXPECT_THAT(Actions(Next()), ElementsAre("drop what is left of db.one/0 (tid 2) on " + extra,
                                           "add replica of db.one/0 (tid 2) on " + extra));
}

// The step alone: mending, which comes first, has not seen it yet.
class ExtraReplicaStep : public ExtraReplica {
 protected:
  std::vector<std::string> Do(bool (*step)(Plan&)) {
    Plan plan(cluster.seen, ledger);
    done = step(plan);
    ledger = plan.ledger();
    return Actions(plan.decision);
  }
  bool done = false;
};

TEST_F(ExtraReplicaStep, WaitsForOneThatIsThereInPart) {
  Added(true);
  RunOp();
  EXPECT_THAT(Do(AddExtraReplicas), IsEmpty());
  EXPECT_FALSE(done) << "its op has not ended";
  cluster.seen.database->ops.clear();
  cluster.seen.database->loaded[extra].erase({2, 0});
  EXPECT_THAT(Do(AddExtraReplicas), IsEmpty());
  EXPECT_FALSE(done) << "it is not loaded";
  cluster.Meta("one", 0, extra).is_alive = false;
  EXPECT_THAT(Do(AddExtraReplicas), IsEmpty());
  EXPECT_FALSE(done) << "it is not alive";
}

TEST_F(ExtraReplicaStep, DoesNotRemoveWhatLeadsForATabletThatIsNotBack) {
  Added(true);
  cluster.MoveLeader("one", 0, "c-tablet-0", extra);
  GoTo(TabletStep::kRemoveExtraReplicas);
  EXPECT_THAT(Do(RemoveExtraReplicas), IsEmpty());
  EXPECT_FALSE(done) << "it is not alive";
  std::erase_if(cluster.PartitionOf("one", 0).replicas,
                [](const ReplicaMeta& meta) { return meta.endpoint == "c-tablet-0"; });
  EXPECT_THAT(Do(RemoveExtraReplicas), IsEmpty());
  EXPECT_FALSE(done) << "it has no replica any more";
}

TEST_F(ExtraReplicaStep, RemovesTheOthersFirst) {
  Added(true);
  cluster.WithTable("two", 1, 2);
  HeldPartition held = ledger.tablet->partitions.back();
  held.id = cluster.Id("two", 0);
  held.extra_replica = "c-tablet-1";
  ledger.tablet->partitions.push_back(held);
  cluster.MoveLeader("one", 0, "c-tablet-0", extra);
  cluster.Follows("one", 0, "c-tablet-0");
  GoTo(TabletStep::kRemoveExtraReplicas);
  EXPECT_THAT(Do(RemoveExtraReplicas), ElementsAre(HasSubstr("delete replica of db.two/0")));
  EXPECT_FALSE(done);
}

TEST_F(ExtraReplica, IsNotNeededForATableThatWasDropped) {
  DropTable();
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kHandOverLeaders);
}

TEST_F(ExtraReplica, IsRemovedOnceTheTabletLeadsAgain) {
  Added(true);
  GoTo(TabletStep::kRemoveExtraReplicas);
  RunOp();
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "one op for a partition at a time";
  cluster.seen.database->ops.clear();
  EXPECT_THAT(Actions(Next()), ElementsAre("delete replica of db.one/0 (tid 2) on " + extra));
}

// The tablet was failed over to it, and came back.
TEST_F(ExtraReplica, ThatLeadsHandsOverToTheTabletFirst) {
  Added(true);
  cluster.MoveLeader("one", 0, "c-tablet-0", extra);
  GoTo(TabletStep::kRemoveExtraReplicas);
  EXPECT_THAT(Actions(Next()), ElementsAre("let c-tablet-0 rejoin db.one/0 (tid 2)"));
  cluster.Follows("one", 0, "c-tablet-0");
  EXPECT_THAT(Actions(Next()), Contains("hand over db.one/0 (tid 2) to c-tablet-0 from " + extra));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kReturnLeaders);
}

TEST_F(ExtraReplica, IsNotRemovedWhileNobodyLeads) {
  Added(true);
  GoTo(TabletStep::kRemoveExtraReplicas);
  cluster.Meta("one", 0, "c-tablet-0").is_leader = false;
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST_F(ExtraReplica, IsGoneOnceTheOpHasEnded) {
  GoTo(TabletStep::kRemoveExtraReplicas);
  RunOp();
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kRemoveExtraReplicas);
  cluster.seen.database->ops.clear();
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

TEST_F(ExtraReplica, OfATableThatWasDroppedIsGone) {
  DropTable();
  GoTo(TabletStep::kRemoveExtraReplicas);
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

}  // namespace
}  // namespace omdb
