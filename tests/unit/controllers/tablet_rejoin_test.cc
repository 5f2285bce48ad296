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
using testing::Not;

TEST_F(Drained, LoadsWhatItHasOnDisk) {
  Restarted();
  EXPECT_THAT(Actions(Next()), ElementsAre("load 3 partitions on c-tablet-0"));
}

TEST_F(Drained, LoadsOnceNoLeaderCountsOnIt) {
  Restarted();
  cluster.Meta("t", 1, "c-tablet-0").is_alive = true;
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 from c-tablet-1 for db.t/1 (tid 1)"));
}

TEST_F(Drained, LeavesAReplicaThatDiffersToRecoverTable) {
  Loaded();
  cluster.Status("t", 0, "c-tablet-0").offset = 103;
  const Decision decision = Next();
  EXPECT_TRUE(ledger.tablet->partitions[0].recover);
  EXPECT_EQ(decision.notes.front().reason, "ReplicaDiffers");
  EXPECT_THAT(Actions(decision), ElementsAre("attach c-tablet-0 for 2 partitions"));
}

TEST_F(Drained, LeavesFewerRecordsAtTheSameOffsetToRecoverTable) {
  Loaded();
  cluster.Status("t", 0, "c-tablet-0").record_count = 50;
  cluster.Status("t", 2, "c-tablet-0").record_count = 101;
  const Decision decision = Next();
  EXPECT_TRUE(ledger.tablet->partitions[0].recover);
  EXPECT_THAT(decision.notes.front().message, HasSubstr("with 50 records of 100"));
  EXPECT_FALSE(ledger.tablet->partitions[2].recover) << "what has outlived its time came back";
}

TEST_F(Drained, LeavesRowsThatItsNextLeaderLacksToRecoverTable) {
  Loaded();
  cluster.PartitionOf("t", 1).term_offsets.push_back({9, 96});
  cluster.Status("t", 1, "c-tablet-1").offset = 150;
  const Decision decision = Next();
  EXPECT_TRUE(ledger.tablet->partitions[1].recover) << "four of them, it was failed over to";
  EXPECT_THAT(Actions(decision), ElementsAre("attach c-tablet-0 for 2 partitions"));
}

TEST_F(Drained, GoesOnInALaterTermFromRowsThatItsLeaderHas) {
  Loaded();
  cluster.PartitionOf("t", 1).term_offsets.push_back({9, 101});
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 3 partitions"));
}

TEST_F(Drained, LeavesWhatFollowedInNoKnownTermToRecoverTable) {
  Loaded();
  ledger.followed_in_term.erase(FollowerKey(cluster.Id("t", 2), "c-tablet-0"));
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 2 partitions"));
  EXPECT_TRUE(ledger.tablet->partitions[2].recover);
}

TEST_F(Drained, LoadsAgainAfterItRestartedOnceMore) {
  Loaded();
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 3 partitions"));
  cluster.seen.database->loaded["c-tablet-0"].clear();
  EXPECT_THAT(Actions(Next()), ElementsAre("load 3 partitions on c-tablet-0"));
}

TEST_F(Drained, IsAttachedAnewToALeaderThatSomebodyElseChose) {
  Loaded();
  Next();
  Attached();
  cluster.MoveLeader("t", 2, "c-tablet-2", "c-tablet-1");
  cluster.Follows("t", 2, "c-tablet-2");
  EXPECT_THAT(Actions(Next()), Contains("attach c-tablet-0 for 1 partitions"));
}

TEST_F(Drained, IsNotAttachedToWhatItCameToLead) {
  Loaded();
  cluster.MoveLeader("t", 2, "c-tablet-2", "c-tablet-0");
  cluster.Follows("t", 2, "c-tablet-2");
  cluster.Meta("t", 2, "c-tablet-0").is_alive = true;
  cluster.Status("t", 2, "c-tablet-0").mode = TableMode::kLeader;
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 2 partitions"));
}

TEST_F(Drained, IsNotAttachedWhereItIsAlive) {
  Loaded();
  Next();
  Attached();
  ledger.tablet->partitions[1].attached_to.clear();
  ledger.followed_in_term.erase(FollowerKey(cluster.Id("t", 1), "c-tablet-0"));
  cluster.Meta("t", 1, "c-tablet-0").is_alive = true;
  EXPECT_THAT(Actions(Next()), Not(Contains(HasSubstr("db.t/1")))) << "RecoverTable refuses it";
}

TEST_F(Drained, TakesItsPlaceOnceItHasCaughtUp) {
  Loaded();
  cluster.Status("t", 1, "c-tablet-1").offset = 150;
  Next();
  Attached();
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "one replica is 50 rows behind";
  cluster.Status("t", 1, "c-tablet-0").offset = 150;
  EXPECT_THAT(Actions(Next()), ElementsAre("mark c-tablet-0 alive for 3 partitions of db.t"));
}

class Recovered : public Drained {
 protected:
  // Somebody has partition 1 recovered.
  void Recover() {
    cluster.seen.database->ops = {
        {20, "kReAddReplicaOP", OpState::kDoing, "kLoadTable", "db", "t", 1}};
  }
};

TEST_F(Recovered, IsNotLoaded) {
  Restarted();
  Recover();
  EXPECT_THAT(Actions(Next()), ElementsAre("load 2 partitions on c-tablet-0"));
  EXPECT_TRUE(ledger.tablet->partitions[1].recover);
}

TEST_F(Recovered, IsDetachedFromALeaderThatWouldGoOnFromWhereItWas) {
  Loaded();
  Next();
  Attached();
  Recover();
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 from c-tablet-1 for db.t/1 (tid 1)"));
  EXPECT_TRUE(ledger.tablet->partitions[1].recover);
  EXPECT_THAT(Actions(Next()), Not(Contains(HasSubstr("db.t/1"))));
}

TEST_F(Recovered, IsLeftAloneWhereNothingIsAttached) {
  Loaded();
  Recover();
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 2 partitions"));
  EXPECT_TRUE(ledger.tablet->partitions[1].recover);
}

TEST_F(Recovered, IsNotMarkedAlive) {
  Loaded();
  Next();
  Attached();
  GoTo(TabletStep::kMarkAlive);
  Recover();
  EXPECT_THAT(Actions(Next()), ElementsAre("detach c-tablet-0 from c-tablet-1 for db.t/1 (tid 1)"));
}

TEST_F(Recovered, IsDetachedFromALeaderThatItHadBeforeItWasLoaded) {
  Restarted();
  Attached();
  Recover();
  EXPECT_THAT(Actions(Next()), Contains("detach c-tablet-0 from c-tablet-1 for db.t/1 (tid 1)"));
}

TEST_F(Drained, IsLeftAttachedWhileSomebodyMayBeMakingItTheLeader) {
  Loaded();
  Next();
  Attached();
  cluster.seen.database->ops = {
      {20, "kChangeLeaderOP", OpState::kDoing, "kUpdateLeaderInfo", "db", "t", 1}};
  EXPECT_THAT(Actions(Next()), ElementsAre("mark c-tablet-0 alive for 2 partitions of db.t"));
  EXPECT_FALSE(ledger.tablet->partitions[1].recover);
  for (uint32_t pid : {0u, 2u}) {
    cluster.Meta("t", pid, "c-tablet-0").is_alive = true;
    cluster.Meta("t", pid, "c-tablet-0").is_leader = false;
  }
  EXPECT_THAT(Actions(Next()), IsEmpty());
  EXPECT_EQ(ledger.tablet->step, TabletStep::kMarkAlive);
}

TEST_F(Drained, HasTheTermsOfItsLeaderWhereNoneIsKnown) {
  Loaded();
  cluster.PartitionOf("t", 2).term_offsets.clear();
  ledger.followed_in_term.erase(FollowerKey(cluster.Id("t", 2), "c-tablet-0"));
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 3 partitions"));
}

TEST_F(Drained, IsAttachedAnewWhenItDoesNotCatchUp) {
  Loaded();
  cluster.Status("t", 1, "c-tablet-1").offset = 150;
  Next();
  Attached();
  cluster.seen.now += absl::Seconds(14);
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.seen.now += absl::Seconds(1);
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 1 partitions",
                                           "renew the ZooKeeper session of 10.0.2.1:10921"));
}

TEST_F(Drained, WaitsWhileItLoads) {
  Loaded();
  cluster.Status("t", 1, "c-tablet-0").state = TableState::kLoading;
  cluster.Status("t", 2, "c-tablet-0").state = TableState::kUndefined;
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_THAT(decision.progress, HasSubstr("1/3"));
}

TEST_F(Drained, MayHaveGotWhatWasOnItsWayToAFollower) {
  Loaded();
  cluster.Status("t", 1, "c-tablet-0").offset = 103;
  cluster.Status("t", 1, "c-tablet-1").offset = 103;
  Next();
  EXPECT_FALSE(ledger.tablet->partitions[1].recover);
}

TEST_F(Drained, HasNoRowsThatItsLeaderLacks) {
  Loaded();
  cluster.Status("t", 1, "c-tablet-0").offset = 103;
  cluster.Status("t", 2, "c-tablet-0").offset = 99;
  Next();
  EXPECT_TRUE(ledger.tablet->partitions[1].recover) << "more than its leader";
  EXPECT_TRUE(ledger.tablet->partitions[2].recover) << "less than when it stopped";
}

TEST_F(Drained, WaitsForALeaderThatDoesNotAnswer) {
  Loaded();
  cluster.seen.database->loaded.erase("c-tablet-1");
  EXPECT_EQ(Next().reason, "NoLeader");
  GoTo(TabletStep::kAttach);
  EXPECT_EQ(Next().reason, "NoLeader");
  cluster.Meta("t", 0, "c-tablet-1").is_alive = false;
  EXPECT_EQ(Next().reason, "NoLeader");
}

TEST_F(Drained, ForgetsTablesThatWereDropped) {
  Loaded();
  cluster.seen.database->tables.clear();
  cluster.seen.database->loaded["c-tablet-0"].clear();
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

TEST_F(Drained, LoadsWithTheLastTermAndAsItsTableIs) {
  Restarted();
  Table& table = cluster.seen.database->tables[0];
  table.storage_mode = StorageMode::kSsd;
  table.seg_cnt = 4;
  table.partitions[0].term_offsets.push_back({9, 101});
  table.partitions[1].term_offsets.clear();
  const Decision decision = Next();
  const auto& load = std::get<action::Load>(decision.actions.front());
  EXPECT_EQ(load.requests[0].term, 9u);
  EXPECT_EQ(load.requests[1].term, 0u);
  for (const LoadRequest& request : load.requests) {
    EXPECT_EQ(request.mode, TableMode::kFollower);
    EXPECT_EQ(request.storage_mode, StorageMode::kSsd);
    EXPECT_EQ(request.seg_cnt, 4u);
  }
}

// A single replica whose downtime was accepted accepts writes until it is stopped.
class SingleReplica : public Drained {
 protected:
  SingleReplica() {
    Restarted();
    ledger.tablet->partitions.resize(1);
    ledger.tablet->partitions[0].moved_to.clear();
    cluster.seen.database->tables[0].partitions.resize(1);
    cluster.PartitionOf("t", 0).replicas = {{"c-tablet-0", true, true, true, 100}};
    for (const char* tablet : {"c-tablet-1", "c-tablet-2"})
      cluster.seen.database->loaded[tablet].clear();
  }
  void LoadedAt(uint64_t offset) {
    cluster.seen.database->loaded["c-tablet-0"][{1, 0}] = {
        1, 0, offset, TableMode::kLeader, TableState::kNormal, offset};
    GoTo(TabletStep::kLoad);
  }
};

TEST_F(SingleReplica, IsLoadedAsTheLeader) {
  const Decision decision = Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kLoad);
  EXPECT_EQ(std::get<action::Load>(decision.actions.at(0)).requests.at(0).mode, TableMode::kLeader);
}

TEST_F(SingleReplica, ThatIsNotLoadedYetIsLoadedAndLeadsAgain) {
  GoTo(TabletStep::kLoad);
  EXPECT_THAT(Actions(Next()), ElementsAre("load 1 partitions on c-tablet-0"));
  LoadedAt(100);
  cluster.Status("t", 0, "c-tablet-0").mode = TableMode::kFollower;
  EXPECT_THAT(Actions(Next()), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"));
}

TEST_F(SingleReplica, MayHaveMoreRowsThanWhenItWasSeenLast) {
  LoadedAt(105);
  cluster.LookClosely();
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), ElementsAre("set auto_failover true"));
  for (const Note& note : decision.notes) EXPECT_NE(note.reason, "ReplicaDiffers");
}

TEST_F(SingleReplica, HasLostRowsWhenItHasLess) {
  LoadedAt(95);
  const Note note = Next().notes.at(0);
  EXPECT_EQ(note.reason, "ReplicaDiffers");
  EXPECT_THAT(note.message, HasSubstr("there is no other replica"));
  EXPECT_EQ(ledger.tablet->report.rows_lost, 5u);
  EXPECT_THAT(ledger.rollout->rows_lost,
              ElementsAre(testing::Pair("db.t/0 (tid 1) on its only replica", 5u)));
  ledger.rollout.reset();
  ledger.tablet->partitions[0].recover = false;
  Plan plan(cluster.seen, ledger);
  EXPECT_TRUE(Load(plan));
  EXPECT_EQ(plan.ledger().tablet->report.rows_lost, 10u);
}

TEST_F(SingleReplica, HasLostRowsWhenItLacksSomeInTheMiddle) {
  LoadedAt(100);
  cluster.Status("t", 0, "c-tablet-0").record_count = 60;
  EXPECT_THAT(Next().notes.at(0).message, HasSubstr("with 60 records of 100"));
  EXPECT_EQ(ledger.tablet->report.rows_lost, 0u) << "nobody knows which";
}

TEST_F(Drained, RecoversWhatDiffersUntilItIsAlive) {
  Loaded();
  ledger.tablet->partitions[1].recover = true;
  cluster.Follows("t", 0, "c-tablet-0");
  cluster.Follows("t", 2, "c-tablet-0");
  GoTo(TabletStep::kMarkAlive);
  EXPECT_THAT(Actions(Next()), ElementsAre("recover db.t/1 (tid 1) on c-tablet-0"));
  cluster.seen.database->ops = {{9, "kRecoverTable", OpState::kDoing, "-", "db", "t", 1}};
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.seen.database->ops.front().state = OpState::kFailed;
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("recover"))) << "it fails for no reason";
  cluster.Follows("t", 1, "c-tablet-0");
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("hand over")));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kReturnLeaders);
}

class FormerLeader : public Drained {
 protected:
  // The tablet leads again what c-tablet-1 led for it.
  FormerLeader() {
    Loaded();
    for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
    ledger.followed_in_term[kKey] = cluster.PartitionOf("t", 0).Term().term;
    cluster.MoveLeader("t", 0, "c-tablet-1", "c-tablet-0");
    GoTo(TabletStep::kReattachFormerLeaders);
  }
  const std::string kKey = FollowerKey(cluster.Id("t", 0), "c-tablet-1");
};

TEST_F(FormerLeader, FollowsInThePresentTermOnceItIsAttached) {
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-1 for 1 partitions"));
  EXPECT_EQ(ledger.followed_in_term.at(kKey), cluster.PartitionOf("t", 0).Term().term);
}

// Something interfered with the hand-over: its leader would not go on from there.
TEST_F(FormerLeader, ThatHasRowsOfItsOwnIsRecovered) {
  ++cluster.Status("t", 0, "c-tablet-1").offset;
  EXPECT_THAT(Actions(Next()), ElementsAre("recover db.t/0 (tid 1) on c-tablet-1"));
}

TEST_F(FormerLeader, IsLeftAloneWhileSomebodyRecoversIt) {
  cluster.seen.database->ops = {
      {20, "kReAddReplicaOP", OpState::kDoing, "kLoadTable", "db", "t", 0}};
  EXPECT_THAT(Actions(Next()), IsEmpty());
  ledger.tablet->partitions[0].attached_to = "c-tablet-0";
  ledger.tablet->partitions[0].attached_at = cluster.seen.now;
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST_F(FormerLeader, FollowsAgainAndIsAliveOnceItHasCaughtUp) {
  cluster.Status("t", 0, "c-tablet-0").offset = 120;
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-1 for 1 partitions"));
  ledger.tablet->partitions[0].attached_to = "c-tablet-0";
  ledger.tablet->partitions[0].attached_at = cluster.seen.now;
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.Status("t", 0, "c-tablet-1").offset = 120;
  EXPECT_THAT(Actions(Next()), ElementsAre("mark c-tablet-1 alive for db.t/0 (tid 1)"));
  cluster.Meta("t", 0, "c-tablet-1").is_alive = true;
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

TEST_F(FormerLeader, WaitsForALeaderThatDoesNotAnswer) {
  cluster.seen.database->loaded.erase("c-tablet-0");
  EXPECT_EQ(Next().reason, "NoLeader");
}

TEST_F(FormerLeader, IsNotAttachedBeforeItsTabletHasLoadedIt) {
  cluster.seen.database->loaded["c-tablet-1"].erase({1, 0});
  EXPECT_THAT(Actions(Next()), testing::Not(Contains(HasSubstr("attach"))));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kReattachFormerLeaders);
}

TEST_F(FormerLeader, IsAttachedAnewThoughItsPodIsNotSeen) {
  cluster.Status("t", 0, "c-tablet-0").offset = 120;
  Next();
  ledger.tablet->partitions[0].attached_to = "c-tablet-0";
  std::erase_if(cluster.seen.pods, [](const Pod& pod) { return pod.name == "c-tablet-1"; });
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-1 for 1 partitions"));
}

TEST_F(FormerLeader, HasNotCaughtUpWhileItsTabletDoesNotAnswer) {
  ledger.tablet->partitions[0].attached_to = "c-tablet-0";
  ledger.tablet->partitions[0].attached_at = cluster.seen.now;
  cluster.seen.database->loaded.erase("c-tablet-1");
  EXPECT_THAT(Actions(Next()), IsEmpty());
  EXPECT_EQ(ledger.tablet->step, TabletStep::kReattachFormerLeaders);
}

TEST_F(FormerLeader, OfATableThatWasDroppedIsNotMissed) {
  cluster.seen.database->tables.clear();
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

TEST_F(FormerLeader, OfAnExtraReplicaThatIsGoneIsNotMissed) {
  std::erase_if(cluster.seen.database->tables[0].partitions[0].replicas,
                [](const ReplicaMeta& meta) { return meta.endpoint == "c-tablet-1"; });
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
}

}  // namespace
}  // namespace omdb
