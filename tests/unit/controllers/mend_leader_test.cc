#include <map>

#include "tests/unit/controllers/mend_fixture.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// c-tablet-0 leads partition 0.
class MendLeader : public Mending {
 protected:
  std::map<std::string, uint64_t>& Terms() {
    return cluster.LookClosely().terms[ToString(cluster.Id("t", 0))];
  }
  void Away(const std::string& tablet, absl::Duration since) {
    cluster.MutableTablet(tablet) = {tablet, false, since};
    std::erase(cluster.seen.database->registered_tablets, tablet);
  }
};

TEST_F(MendLeader, ThatIsNotLoadedIsLoadedWithTheLastTermAndAsItsTableIs) {
  Unload("c-tablet-0");
  Table& table = cluster.seen.database->tables[0];
  table.seg_cnt = 4;
  table.storage_mode = StorageMode::kSsd;
  table.partitions[0].term_offsets = {{7, 1}, {9, 50}};
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-0"));
  const LoadRequest& request = std::get<action::Load>(decision.actions[0]).requests.at(0);
  EXPECT_EQ(request.partition, cluster.Id("t", 0));
  EXPECT_EQ(request.mode, TableMode::kFollower) << "it leads once everybody's term is known";
  EXPECT_EQ(request.term, 9u);
  EXPECT_EQ(request.seg_cnt, 4u);
  EXPECT_EQ(request.storage_mode, StorageMode::kSsd);
}

TEST_F(MendLeader, IsLoadedWithTheOthersOfItsTablet) {
  cluster.WithTable("u", 4, 2);
  cluster.PartitionOf("u", 0).term_offsets.clear();
  for (const char* tablet : {"c-tablet-0", "c-tablet-1", "c-tablet-2"})
    cluster.seen.database->loaded[tablet].clear();
  EXPECT_THAT(Mend(),
              ElementsAre("load 3 partitions on c-tablet-0", "load 2 partitions on c-tablet-1",
                          "load 2 partitions on c-tablet-2"));
}

TEST_F(MendLeader, ThatIsBeingStoppedIsLeftAlone) {
  Unload("c-tablet-0");
  TakeInHand(TabletStep::kRestart);
  EXPECT_THAT(Mend(), IsEmpty());
  ledger.tablet->name = "c-tablet-1";
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-0"));
}

TEST_F(MendLeader, ThatLoadsIsWaitedFor) {
  Status("c-tablet-0").mode = TableMode::kFollower;
  for (const TableState state : {TableState::kLoading, TableState::kUndefined}) {
    Status("c-tablet-0").state = state;
    EXPECT_THAT(Mend(), IsEmpty());
  }
}

TEST_F(MendLeader, OfATabletThatDoesNotServeWaitsForIt) {
  Status("c-tablet-0").mode = TableMode::kFollower;
  cluster.MutableTablet("c-tablet-0") = {"c-tablet-0", false, absl::Seconds(1)};
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendLeader, OfAPartitionWithoutOneIsWhoLedLast) {
  Meta("c-tablet-0").is_alive = false;
  Unload("c-tablet-0");
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-0"));
  const ReplicaStatus loaded = Status("c-tablet-1");
  cluster.seen.database->loaded["c-tablet-0"][{1, 0}] = loaded;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"));
  EXPECT_FALSE(CanBeUndone(decision.actions[0]));
  Status("c-tablet-0").state = TableState::kLoading;
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendLeader, OfAPartitionWithoutOneIsNobodyThatTakesRowsWithFewer) {
  Meta("c-tablet-0").is_alive = false;
  Status("c-tablet-1").offset = Status("c-tablet-0").offset + 1;
  EXPECT_THAT(Mend(), IsEmpty());
  Status("c-tablet-0").mode = TableMode::kFollower;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"))
      << "it gives way then";
  Status("c-tablet-0").mode = TableMode::kLeader;
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"));
}

class SeveralLedBefore : public MendLeader {
 protected:
  // Both tablets 0 and 1 did.
  SeveralLedBefore() {
    Meta("c-tablet-0").is_alive = Meta("c-tablet-1").is_alive = false;
    Meta("c-tablet-1").is_leader = true;
    Status("c-tablet-0").mode = TableMode::kFollower;
  }
  void Terms(uint64_t of_0, uint64_t of_1) {
    auto& terms = cluster.LookClosely().terms[ToString(cluster.Id("t", 0))];
    terms["c-tablet-0"] = of_0;
    terms["c-tablet-1"] = of_1;
  }
};

TEST_F(SeveralLedBefore, NobodyLeadsWhileNobodyCanTellWhoWasLast) {
  EXPECT_THAT(Mend(), IsEmpty());
  Terms(7, 7);
  EXPECT_THAT(Mend(), IsEmpty());
  Terms(7, 0);
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(SeveralLedBefore, TheOneOfTheHighestTermLeads) {
  Terms(7, 9);
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 alive for db.t/0 (tid 1) as its leader"));
  Terms(9, 7);
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"));
}

TEST_F(SeveralLedBefore, AnyLeadsWhenNothingWasWrittenInTheLastTerm) {
  cluster.PartitionOf("t", 0).term_offsets.push_back({9, 101});
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"));
  TakeInHand(TabletStep::kLoad);
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 alive for db.t/0 (tid 1) as its leader"))
      << "the other one is in hand";
  Status("c-tablet-1").offset = 99;
  EXPECT_THAT(Mend(), ElementsAre(HasSubstr("mark c-tablet-1 alive"))) << "and gives way";
  Status("c-tablet-2").offset = 99;
  EXPECT_THAT(Mend(), IsEmpty()) << "it lacks a row that the one in hand has";
}

TEST_F(SeveralLedBefore, TheOnlyOneThatWroteInTheLastTermLeads) {
  cluster.PartitionOf("t", 0).term_offsets.push_back({9, 101});
  Status("c-tablet-1").offset = 101;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 alive for db.t/0 (tid 1) as its leader"));
  Status("c-tablet-0").offset = 102;
  EXPECT_THAT(Mend(), IsEmpty()) << "both may have: one of them in the term before";
  Status("c-tablet-1").offset = 100;
  TakeInHand(TabletStep::kLoad);
  EXPECT_THAT(Mend(), IsEmpty()) << "its turn comes";
}

TEST_F(SeveralLedBefore, TheOneOfTheHighestTermMayBeInHand) {
  Terms(9, 7);
  TakeInHand(TabletStep::kLoad);
  EXPECT_THAT(Mend(), IsEmpty());
  Meta("c-tablet-1").is_leader = false;
  cluster.PartitionOf("t", 0).term_offsets.push_back({9, 101});
  EXPECT_THAT(Mend(), IsEmpty()) << "and the only one";
  Unload("c-tablet-0");
  EXPECT_THAT(Mend(), IsEmpty()) << "its turn comes";
}

TEST_F(SeveralLedBefore, TheOneThatIsToBeCopiedAnewDoesNotLead) {
  Terms(9, 7);
  TakeInHand(TabletStep::kMarkAlive);
  ledger.tablet->partitions[0].recover = true;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 alive for db.t/0 (tid 1) as its leader"));
  Meta("c-tablet-1").is_leader = false;
  EXPECT_THAT(Mend(), IsEmpty()) << "nobody else led";
  Meta("c-tablet-1").is_leader = true;
  Unload("c-tablet-0");
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 alive for db.t/0 (tid 1) as its leader"))
      << "what is to be copied is not loaded before";
}

TEST_F(SeveralLedBefore, TheOneThatWasCopiedMayLead) {
  Terms(9, 7);
  TakeInHand(TabletStep::kReturnLeaders);
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"));
  ledger.tablet->partitions[0].recover = true;
  ledger.tablet->partitions.erase(ledger.tablet->partitions.begin());
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"))
      << "it was created meanwhile";
}

TEST_F(SeveralLedBefore, EachIsWaitedForWhileItLoads) {
  Terms(9, 7);
  for (const TableState state : {TableState::kLoading, TableState::kUndefined}) {
    Status("c-tablet-1").state = state;
    EXPECT_THAT(Mend(), IsEmpty());
  }
}

TEST_F(SeveralLedBefore, NobodyLeadsBeforeItsFollowersAreSeen) {
  Terms(9, 7);
  Unload("c-tablet-2");
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-2"));
  Away("c-tablet-2", absl::Seconds(59));
  EXPECT_THAT(Mend(), IsEmpty());
  Away("c-tablet-2", absl::Seconds(60));
  EXPECT_THAT(Mend(), ElementsAre(HasSubstr("mark c-tablet-0 alive"))) << "it is given up";
}

TEST_F(SeveralLedBefore, AnyLeadsThatGivesWayToAFollowerWhereAllLostRows) {
  cluster.PartitionOf("t", 0).term_offsets.push_back({9, 102});
  EXPECT_THAT(Mend(), IsEmpty());
  Status("c-tablet-2").offset = 101;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1) as its leader"));
}

TEST_F(SeveralLedBefore, TheOneWithFewerRowsThanAFollowerLeadsAndGivesWay) {
  Status("c-tablet-1").offset = 99;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 alive for db.t/0 (tid 1) as its leader"));
  Status("c-tablet-0").offset = 101;
  EXPECT_THAT(Mend(), IsEmpty()) << "it may be the only one that has them";
}

TEST_F(SeveralLedBefore, EachIsLoadedFirst) {
  cluster.PartitionOf("t", 0).term_offsets.push_back({9, 101});
  Unload("c-tablet-1");
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-1"));
  cluster.MutableTablet("c-tablet-1") = {"c-tablet-1", false, absl::Seconds(1)};
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendLeader, OfAPartitionWithoutOneIsNobodyWhoIsAway) {
  Meta("c-tablet-0").is_alive = false;
  cluster.MutableTablet("c-tablet-0") = {"c-tablet-0", false, absl::Seconds(1)};
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendLeader, WhoseSnapshotsArePausedMakesThemAgain) {
  Status("c-tablet-0").state = TableState::kSnapshotPaused;
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-0 make snapshots of db.t/0 (tid 1) again"));
  RunOp(0);
  EXPECT_THAT(Mend(), IsEmpty()) << "an op has paused them";
}

TEST_F(MendLeader, ThatFollowsOnItsTabletLeadsAgain) {
  Status("c-tablet-0").mode = TableMode::kFollower;
  Meta("c-tablet-2").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"))
      << "its followers come later";
}

TEST_F(MendLeader, ThatHasFewerRowsThanAFollowerIsLeftToAPerson) {
  Status("c-tablet-0").mode = TableMode::kFollower;
  Status("c-tablet-2").offset = 103;
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_FALSE(done);
  EXPECT_EQ(decision.reason, "LeaderBehind");
  EXPECT_THAT(decision.message,
              testing::AllOf(HasSubstr("c-tablet-0 leads db.t/0"), HasSubstr("offset 100"),
                             HasSubstr("c-tablet-2"), HasSubstr("103"), HasSubstr("changeleader")));
}

// A nameserver that hung in a change of leader: rows were written in a term that it did not record.
TEST_F(MendLeader, GivesWayToOneThatTookRowsInALaterTerm) {
  Status("c-tablet-0").mode = TableMode::kFollower;
  Status("c-tablet-2").offset = 103;
  Status("c-tablet-2").mode = TableMode::kLeader;
  auto& terms = cluster.LookClosely().terms[ToString(cluster.Id("t", 0))];
  terms["c-tablet-0"] = 7;
  terms["c-tablet-2"] = 9;
  EXPECT_THAT(Mend(), ElementsAre("demote c-tablet-2 for db.t/0 (tid 1)"));
  Status("c-tablet-2").mode = TableMode::kFollower;
  EXPECT_THAT(Mend(), ElementsAre("hand over db.t/0 (tid 1) to c-tablet-2 from c-tablet-0"));
  terms["c-tablet-2"] = 7;
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_EQ(decision.reason, "LeaderBehind") << "of one term one of them may have other rows";
}

class Restarted : public MendLeader {
 protected:
  Restarted() {
    Status("c-tablet-0").mode = TableMode::kFollower;
    Terms() = {{"c-tablet-0", 0}, {"c-tablet-1", 7}, {"c-tablet-2", 7}};
  }
};

// Its node may have lost power, and with it the rows of the last seconds (F1.6).
TEST_F(Restarted, LeaderLeadsAgainOnceAllFollowersAreSeen) {
  Unload("c-tablet-2");
  Meta("c-tablet-0", 1).is_alive = false;
  EXPECT_THAT(Mend(), testing::Contains("load 1 partitions on c-tablet-2"));
  EXPECT_EQ(ledger.FollowedInTerm(cluster.Id("t", 0), "c-tablet-2"), 7u);
  cluster.seen.database->loaded["c-tablet-2"][{1, 0}] = Status("c-tablet-1");
  Status("c-tablet-2").state = TableState::kLoading;
  EXPECT_THAT(Mend(), IsEmpty()) << "and nothing keeps the lanes meanwhile";
  Status("c-tablet-2").state = TableState::kNormal;
  EXPECT_THAT(Mend(), testing::Contains("make c-tablet-0 lead db.t/0 (tid 1) again"));
}

TEST_F(Restarted, LeaderAwaitsAFollowerThatIsAway) {
  Unload("c-tablet-2");
  Away("c-tablet-2", absl::Seconds(59));
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_EQ(decision.reason, "FollowerAwaited");
  EXPECT_THAT(decision.message, testing::AllOf(HasSubstr("db.t/0"), HasSubstr("c-tablet-2 has")));
  Away("c-tablet-2", absl::Seconds(60));
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"));
  Away("c-tablet-2", absl::Seconds(5));
  Terms()["c-tablet-0"] = 7;
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"))
      << "it was demoted, and has all that it took";
}

TEST_F(Restarted, LeaderDoesNotAwaitWhatTheNameserverDoesNotKnow) {
  Unload("c-tablet-2");
  std::erase_if(cluster.seen.database->tablets,
                [](const Tablet& tablet) { return tablet.endpoint == "c-tablet-2"; });
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"));
}

TEST_F(Restarted, FollowerIsLookedAtBeforeItFollowsAnother) {
  Status("c-tablet-2").offset = 103;
  Terms() = {{"c-tablet-0", 0}, {"c-tablet-1", 0}, {"c-tablet-2", 7}};
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 not alive for db.t/0 (tid 1)",
                                  "hand over db.t/0 (tid 1) to c-tablet-2 from c-tablet-0"));
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("hand over db.t/0 (tid 1) to c-tablet-2 from c-tablet-0"));
}

TEST_F(Restarted, LeaderGivesWayToTheFollowerThatHasMost) {
  Status("c-tablet-1").offset = 101;
  Status("c-tablet-2").offset = 103;
  RunOp(1);
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_EQ(decision.reason, "OpRunning") << "which may keep its lane";
  cluster.seen.database->ops.clear();
  EXPECT_THAT(Mend(), ElementsAre("hand over db.t/0 (tid 1) to c-tablet-2 from c-tablet-0"));
  EXPECT_EQ(ledger.FollowedInTerm(cluster.Id("t", 0), "c-tablet-0"), 7u);
}

// A hand-over to it had just ended: who led before is not alive, and has all rows of before.
class LeaderOfATermThatItLacks : public Restarted {
 protected:
  LeaderOfATermThatItLacks() {
    cluster.PartitionOf("t", 0).term_offsets.push_back({9, 104});
    Meta("c-tablet-2").is_alive = false;
    Meta("c-tablet-2").is_leader = true;
    Status("c-tablet-2").offset = 103;
  }
};

TEST_F(LeaderOfATermThatItLacks, IsNotWhoLeads) {
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-2 alive for db.t/0 (tid 1)"));
  EXPECT_EQ(decision.reason, "");
  Terms()["c-tablet-2"] = 0;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-2 alive for db.t/0 (tid 1)")) << "restarted too";
  ledger.followed_in_term[FollowerKey(cluster.Id("t", 0), "c-tablet-2")] = 7;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-2 alive for db.t/0 (tid 1)"));
}

TEST_F(LeaderOfATermThatItLacks, WaitsForWhoMayHaveIt) {
  Unload("c-tablet-2");
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-2"));
  Away("c-tablet-2", absl::Seconds(59));
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_EQ(decision.reason, "LeaderBehind");
  EXPECT_THAT(decision.message, HasSubstr("lacks the rows from offset 101 on"));
  Away("c-tablet-2", absl::Seconds(60));
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"));
}

TEST_F(LeaderOfATermThatItLacks, DoesNotWaitForWhatCannotBeLoaded) {
  Unload("c-tablet-2");
  TakeInHand(TabletStep::kLoad);
  ledger.tablet->name = "c-tablet-1";
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-2"));
  ledger.tablet->name = "c-tablet-2";
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-2"));
  ledger.tablet->partitions[1].recover = true;
  EXPECT_THAT(Mend(), ElementsAre("load 1 partitions on c-tablet-2"));
  ledger.tablet->partitions[0].recover = true;
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"));
}

TEST_F(LeaderOfATermThatItLacks, WaitsUntilItIsLoadedAndLookedAt) {
  Status("c-tablet-2").state = TableState::kLoading;
  EXPECT_THAT(Mend(), IsEmpty());
  Status("c-tablet-2").state = TableState::kNormal;
  cluster.seen.database->closely.reset();
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(LeaderOfATermThatItLacks, IsWhoeverLeadsWhereNobodyHasThem) {
  const auto leads_again = ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again");
  Status("c-tablet-2").offset = 100;
  EXPECT_THAT(Mend(), leads_again) << "no more than it";
  Status("c-tablet-2").offset = 104;
  EXPECT_THAT(Mend(), leads_again) << "others, of a term that was over";
  Status("c-tablet-2").offset = 103;
  Status("c-tablet-2").mode = TableMode::kLeader;
  EXPECT_THAT(Mend(), leads_again) << "it may have taken rows that nobody has";
}

TEST_F(MendLeader, ThatIsLeftToAPersonHoldsUpNoOther) {
  Status("c-tablet-0").mode = TableMode::kFollower;
  Status("c-tablet-2").offset = 103;
  Meta("c-tablet-0", 1).is_alive = false;
  EXPECT_THAT(Mend(), IsEmpty()) << "without a closer look nobody knows";
  Terms() = {{"c-tablet-0", 7}, {"c-tablet-2", 7}};
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-0 rejoin db.t/1 (tid 1)"));
  EXPECT_EQ(decision.reason, "");
}

TEST_F(MendLeader, LeadsAgainWhateverAReplicaHasThatIsNotAlive) {
  Status("c-tablet-0").mode = TableMode::kFollower;
  Status("c-tablet-2").offset = 103;
  Meta("c-tablet-2").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"));
}

TEST_F(MendLeader, IsTheOnlyOneOfItsPartition) {
  Status("c-tablet-1").mode = TableMode::kLeader;
  EXPECT_THAT(Mend(), ElementsAre("demote c-tablet-1 for db.t/0 (tid 1)"));
  Status("c-tablet-0").mode = TableMode::kFollower;
  EXPECT_THAT(Mend(), ElementsAre("demote c-tablet-1 for db.t/0 (tid 1)"))
      << "before it leads itself";
}

TEST_F(MendLeader, GetsATermThatNoFollowerRefuses) {
  Terms()["c-tablet-1"] = 9;
  EXPECT_THAT(Mend(), ElementsAre("make c-tablet-0 lead db.t/0 (tid 1) again"));
}

TEST_F(MendLeader, KeepsATermThatOnlyAReplicaRefusesThatIsNotAlive) {
  Terms()["c-tablet-1"] = 9;
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-1 rejoin db.t/0 (tid 1)"));
}

TEST_F(MendLeader, KeepsATermThatNobodyKnows) {
  Terms() = {{"c-tablet-1", 9}};
  EXPECT_THAT(Mend(), IsEmpty());
  cluster.LookClosely().terms.clear();
  EXPECT_THAT(Mend(), IsEmpty());
}

}  // namespace
}  // namespace omdb
