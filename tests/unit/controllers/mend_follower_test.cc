#include "tests/unit/controllers/mend_fixture.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// c-tablet-1 follows c-tablet-0 in partition 0.
class MendFollower : public Mending {
 protected:
  const std::string kKey = FollowerKey(cluster.Id("t", 0), "c-tablet-1");
};

TEST_F(MendFollower, ThatIsNotAliveRejoins) {
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-1 rejoin db.t/0 (tid 1)"));
}

TEST_F(MendFollower, ThatIsNeitherAliveNorLoadedRejoins) {
  Meta("c-tablet-1").is_alive = false;
  Unload("c-tablet-1");
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-1 rejoin db.t/0 (tid 1)"));
  EXPECT_THAT(ledger.followed_in_term, IsEmpty()) << "nobody knows what it followed";
}

TEST_F(MendFollower, ThatIsNotLoadedFollowedInThePresentTermAndIsNotAlive) {
  cluster.PartitionOf("t", 0).term_offsets = {{7, 1}, {9, 50}};
  Unload("c-tablet-1");
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 not alive for db.t/0 (tid 1)"));
  EXPECT_THAT(ledger.followed_in_term, UnorderedElementsAre(Pair(kKey, 9u)));
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-1 rejoin db.t/0 (tid 1)"));
  EXPECT_THAT(ledger.followed_in_term, UnorderedElementsAre(Pair(kKey, 9u)));
}

TEST_F(MendFollower, FollowedInNoTermWhenThereIsNone) {
  cluster.PartitionOf("t", 0).term_offsets.clear();
  Unload("c-tablet-1");
  EXPECT_THAT(Mend(), SizeIs(1));
  EXPECT_THAT(ledger.followed_in_term, IsEmpty());
}

TEST_F(MendFollower, IsForgottenOnceItIsWell) {
  ledger.followed_in_term = {{kKey, 7}, {"another", 7}};
  EXPECT_THAT(Mend(), IsEmpty());
  EXPECT_THAT(ledger.followed_in_term, UnorderedElementsAre(Pair("another", 7u)));
}

TEST_F(MendFollower, ThatLeadsOnItsTabletWithRowsOfItsOwnIsDemotedFirst) {
  Status("c-tablet-1").mode = TableMode::kLeader;
  Status("c-tablet-1").offset = 101;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 not alive for db.t/0 (tid 1)"));
  EXPECT_THAT(ledger.followed_in_term, IsEmpty());
  Meta("c-tablet-1").is_alive = false;
  EXPECT_THAT(Mend(), ElementsAre("demote c-tablet-1 for db.t/0 (tid 1)"));
}

TEST_F(MendFollower, ThatLedBeforeAndAcceptsWritesIsDemotedAtOnce) {
  cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
  Status("c-tablet-0").mode = TableMode::kLeader;
  EXPECT_THAT(Mend(), ElementsAre("demote c-tablet-0 for db.t/0 (tid 1)"));
  Status("c-tablet-0").mode = TableMode::kFollower;
  EXPECT_THAT(Mend(), ElementsAre("let c-tablet-0 rejoin db.t/0 (tid 1)"));
}

TEST_F(MendFollower, ThatItsLeaderDoesNotListIsNotAlive) {
  cluster.LookClosely().followers[ToString(cluster.Id("t", 0))] = {"c-tablet-2"};
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 not alive for db.t/0 (tid 1)"));
  EXPECT_THAT(ledger.followed_in_term, IsEmpty()) << "it may have followed in another term";
}

TEST_F(MendFollower, ThatItsLeaderSendsToWhereItWasIsNotAlive) {
  cluster.LookClosely().terms[ToString(cluster.Id("t", 0))]["c-tablet-1"] = 0;
  EXPECT_THAT(Mend(), ElementsAre("mark c-tablet-1 not alive for db.t/0 (tid 1)"));
}

TEST_F(MendFollower, IsWellWhenNobodyTellsItsTerm) {
  auto& terms = cluster.LookClosely().terms;
  terms[ToString(cluster.Id("t", 0))].erase("c-tablet-1");
  terms.erase(ToString(cluster.Id("t", 1)));
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendFollower, IsWellWhenItsLeaderDoesNotSayWhomItLists) {
  cluster.LookClosely().followers.clear();
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendFollower, ThatLoadsIsWaitedFor) {
  Meta("c-tablet-1").is_alive = false;
  for (const TableState state : {TableState::kLoading, TableState::kUndefined}) {
    Status("c-tablet-1").state = state;
    EXPECT_THAT(Mend(), IsEmpty());
  }
}

TEST_F(MendFollower, OfATabletThatDoesNotServeWaitsForIt) {
  Meta("c-tablet-1").is_alive = false;
  cluster.MutableTablet("c-tablet-1") = {"c-tablet-1", false, absl::Seconds(1)};
  EXPECT_THAT(Mend(), IsEmpty());
  cluster.MutableTablet("c-tablet-1").healthy = true;
  cluster.seen.database->loaded.erase("c-tablet-1");
  EXPECT_THAT(Mend(), IsEmpty());
  std::erase_if(cluster.seen.database->tablets,
                [](const Tablet& tablet) { return tablet.endpoint == "c-tablet-1"; });
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendFollower, WaitsForAnOpOnItsPartition) {
  Meta("c-tablet-1").is_alive = false;
  RunOp(0);
  EXPECT_THAT(Mend(), IsEmpty());
  cluster.seen.database->ops.clear();
  RunOp(1);
  EXPECT_THAT(Mend(), SizeIs(1));
}

TEST_F(MendFollower, WaitsForALeader) {
  Meta("c-tablet-1").is_alive = false;
  Meta("c-tablet-0").is_leader = false;
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendFollower, WaitsForALeaderThatAnswers) {
  Meta("c-tablet-1").is_alive = false;
  cluster.seen.database->loaded.erase("c-tablet-0");
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendFollower, WaitsForALeaderThatLoads) {
  Meta("c-tablet-1").is_alive = false;
  Status("c-tablet-0").mode = TableMode::kFollower;
  Status("c-tablet-0").state = TableState::kLoading;
  EXPECT_THAT(Mend(), IsEmpty());
}

TEST_F(MendFollower, RejoinsWithFewOthersAtATime) {
  cluster.WithTable("u", 10, 2);
  for (Partition& partition : cluster.seen.database->tables[1].partitions)
    partition.replicas[1].is_alive = false;
  EXPECT_THAT(Mend(), SizeIs(8));
}

}  // namespace
}  // namespace omdb
