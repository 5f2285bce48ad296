#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/replica_repair.h"
#include "tests/unit/controllers/fake_openmldb.h"

namespace omdb {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A partition that a leads with row 100 as its last. Its replica on b is not alive, and a does not
// replicate to it.
class Rejoins : public testing::Test {
 protected:
  Rejoins() {
    openmldb.With(0, {"a", "b"});
    openmldb.Meta().replicas[1].is_alive = false;
    openmldb.Replica("a").followers.clear();
  }
  absl::StatusOr<Rejoined> Rejoin(uint64_t followed_in_term = 0) {
    followed = followed_in_term;
    return omdb::Rejoin(openmldb, clock, openmldb.tables[0], openmldb.Meta(), "b", followed);
  }
  bool Alive() { return openmldb.Meta().Find("b")->is_alive; }
  // It follows from its own last row on.
  bool RejoinedInPlace(uint64_t followed_in_term = 0) {
    const auto result = Rejoin(followed_in_term);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() && *result == Rejoined::kYes;
  }
  bool MustBeCopied(uint64_t followed_in_term = 0) {
    const auto result = Rejoin(followed_in_term);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(openmldb.Replica("a").followers, Not(Contains("b")));
    EXPECT_FALSE(Alive());
    return result.ok() && *result == Rejoined::kMustBeCopied;
  }
  void Restarted() { openmldb.Replica("b").term = 0; }
  void RestartedWithRecords(uint64_t own, uint64_t leaders) {
    Restarted();
    openmldb.Replica("a").record_count = leaders;
    openmldb.Replica("b").record_count = own;
  }

  FakeClock clock;
  FakeOpenMldb openmldb{clock};
  uint64_t followed = 0;  // in which term, as far as is known
};

TEST_F(Rejoins, FromItsOwnLastRowOn) {
  openmldb.Replica("b").offset = 80;
  EXPECT_TRUE(RejoinedInPlace());
  EXPECT_TRUE(Alive());
  EXPECT_EQ(openmldb.Replica("b").offset, 100u);
  EXPECT_THAT(openmldb.Replica("a").followers, ElementsAre("b"));
}

TEST_F(Rejoins, IsCopiedWhenItLacksRecordsThoughItHasTheLastOne) {
  RestartedWithRecords(89, 90);
  EXPECT_TRUE(MustBeCopied(7));
  EXPECT_EQ(openmldb.Replica("b").term, 0u) << "else nothing would be copied";
}

TEST_F(Rejoins, WithFewerRecordsWhereItHasRunOn) {
  openmldb.Replica("a").record_count = 90;
  EXPECT_TRUE(RejoinedInPlace()) << "more have outlived their time there";
}

TEST_F(Rejoins, WithWhatItLacksAMomentOnlyWhileRowsComeIn) {
  RestartedWithRecords(89, 90);
  for (int look = 0; look < 3; ++look) openmldb.On("GetReplicaStatus a", {});
  openmldb.On("GetReplicaStatus a", Then([this] { openmldb.Replica("b").record_count = 90; }));
  EXPECT_TRUE(RejoinedInPlace(7));
}

TEST_F(Rejoins, CountsWhatIsStillToCome) {
  RestartedWithRecords(80, 90);
  openmldb.Replica("b").offset = 91;
  openmldb.lagging = {"b"};
  EXPECT_TRUE(MustBeCopied(7)) << "nine of ten";
  openmldb.Replica("b").offset = 90;
  openmldb.lagging.clear();
  EXPECT_TRUE(RejoinedInPlace(7));
}

TEST_F(Rejoins, AsksAgainWhenNobodyTellsTheRecords) {
  for (const char* tablet : {"a", "b"}) {
    Restarted();
    openmldb.On(absl::StrCat("GetReplicaStatus ", tablet), Refused(kAway));
    EXPECT_EQ(Rejoin(7).status(), kAway);
    EXPECT_FALSE(Alive());
  }
}

TEST_F(Rejoins, AsAFollowerWhereItLedBefore) {
  openmldb.Meta().replicas[1].is_leader = true;
  EXPECT_TRUE(RejoinedInPlace());
  EXPECT_FALSE(openmldb.Meta().Find("b")->is_leader);
}

TEST_F(Rejoins, OnlyOnceItsLeaderHasForgottenWhereItWas) {
  openmldb.Replica("a").followers = {"b"};
  bool forgotten = false;
  openmldb.On("Attach db.t/0 (tid 1)", Then([&] { forgotten = true; }));
  openmldb.On("Release db.t/0 (tid 1)", Then([&] { EXPECT_FALSE(forgotten); }));
  EXPECT_TRUE(RejoinedInPlace());
  EXPECT_TRUE(forgotten);
}

TEST_F(Rejoins, OnceItHasWhatItsLeaderHadThen) {
  openmldb.Replica("b").offset = 80;
  openmldb.lagging = {"b"};
  const absl::Time begin = clock.Now();
  const auto result = Rejoin();
  EXPECT_TRUE(absl::IsUnavailable(result.status()));
  EXPECT_THAT(result.status().message(), HasSubstr("b has not caught up with a for db.t/0"));
  EXPECT_FALSE(Alive());
  EXPECT_GE(clock.Now() - begin, absl::Seconds(2));
  EXPECT_LT(clock.Now() - begin, absl::Seconds(3));
  EXPECT_TRUE(NothingArrives(result.status()));
}

TEST_F(Rejoins, NotYetWhileWhatItsLeaderSendsArrives) {
  openmldb.Replica("b").offset = 80;
  openmldb.lagging = {"b"};
  for (int look = 0; look < 3; ++look) {
    openmldb.On("GetReplicaStatus b", Then([this] { ++openmldb.Replica("b").offset; }));
  }
  const auto result = Rejoin();
  EXPECT_TRUE(absl::IsUnavailable(result.status()));
  EXPECT_FALSE(NothingArrives(result.status()));
}

TEST_F(Rejoins, NotBehindALeaderThatIsNone) {
  openmldb.Meta().replicas[0].is_alive = false;
  EXPECT_TRUE(absl::IsFailedPrecondition(Rejoin().status()));
}

TEST_F(Rejoins, NotWhenACallFails) {
  for (const std::string call :
       {"GetTermPair a", "GetTermPair b", "Release db.t/0 (tid 1)", "GetReplicaStatus a",
        "Attach db.t/0 (tid 1)", "GetReplicaStatus b", "SetReplicaMeta"}) {
    openmldb.On(call, Refused(kAway));
    EXPECT_EQ(Rejoin().status(), kAway) << call;
    EXPECT_FALSE(Alive()) << call;
  }
  EXPECT_TRUE(RejoinedInPlace()) << "it may be repeated";
}

TEST_F(Rejoins, NotWithRowsOfATermThatEndedWithoutIt) {
  openmldb.Replica("b").offset = 110;
  openmldb.Replica("a").offset = 150;
  openmldb.Meta().term_offsets.push_back({9, 101});
  openmldb.Replica("a").term = 9;
  EXPECT_TRUE(MustBeCopied());
}

TEST_F(Rejoins, NotWithMoreRowsThanItsLeader) {
  openmldb.Replica("b").offset = 101;
  EXPECT_TRUE(MustBeCopied());
}

TEST_F(Rejoins, NotWhileItLeadsOnItsTablet) {
  openmldb.Replica("b").mode = TableMode::kLeader;
  EXPECT_TRUE(MustBeCopied());
}

TEST_F(Rejoins, NotWithATermThatRefusesItsLeader) {
  openmldb.Replica("b").term = 9;
  EXPECT_TRUE(MustBeCopied());
}

TEST_F(Rejoins, NotWhenNobodyKnowsItsTerm) {
  Restarted();
  EXPECT_TRUE(MustBeCopied());
}

TEST_F(Rejoins, AfterARestartWhenItFollowedInTheLastTerm) {
  Restarted();
  EXPECT_TRUE(RejoinedInPlace(7));
}

TEST_F(Rejoins, NotAfterARestartWhenItFollowedInATermBefore) {
  Restarted();
  openmldb.Meta().term_offsets.push_back({9, 100});
  EXPECT_TRUE(MustBeCopied(7));
  EXPECT_EQ(followed, 7u) << "until it has been recovered";
}

TEST_F(Rejoins, AfterARestartWithNothingBeyondTheTermThatItFollowedIn) {
  Restarted();
  openmldb.Meta().term_offsets.push_back({9, 101});
  openmldb.Meta().term_offsets.push_back({11, 101});
  EXPECT_TRUE(RejoinedInPlace(7));
  EXPECT_EQ(followed, 11u);
}

TEST_F(Rejoins, InThePresentTermOnceItsLeaderMaySendIt) {
  Restarted();
  openmldb.Replica("b").offset = 80;
  openmldb.lagging = {"b"};
  openmldb.Meta().term_offsets.push_back({9, 101});
  EXPECT_TRUE(absl::IsUnavailable(Rejoin(7).status()));
  EXPECT_EQ(followed, 9u);
}

TEST_F(Rejoins, AfterARestartWithNothingOfTheLastTerm) {
  Restarted();
  openmldb.Meta().term_offsets.push_back({9, 101});
  EXPECT_TRUE(RejoinedInPlace());
}

TEST_F(Rejoins, WhereThereAreNoTerms) {
  openmldb.Meta().term_offsets.clear();
  EXPECT_TRUE(RejoinedInPlace());
}

class RejoinsNotLoaded : public Rejoins {
 protected:
  RejoinsNotLoaded() { openmldb.loaded["b"].clear(); }
  bool Loaded() { return openmldb.loaded["b"].size() == 1; }
};

TEST_F(RejoinsNotLoaded, IsLoadedAsAFollowerFirst) {
  openmldb.Meta().term_offsets.push_back({9, 101});
  const auto result = Rejoin();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, Rejoined::kLoads);
  ASSERT_TRUE(Loaded());
  EXPECT_EQ(openmldb.Replica("b").mode, TableMode::kFollower);
  EXPECT_EQ(openmldb.Replica("b").term, 9u);
  EXPECT_FALSE(Alive());
}

// What its volume lost with the power of its node would be a hole.
TEST_F(RejoinsNotLoaded, IsLoadedOnceItsLeaderHasForgottenWhereItWas) {
  openmldb.Replica("a").followers = {"b"};
  openmldb.On("Release db.t/0 (tid 1)", Refused(kAway));
  EXPECT_EQ(Rejoin().status(), kAway);
  EXPECT_FALSE(Loaded());
  ASSERT_TRUE(Rejoin().ok());
  EXPECT_TRUE(Loaded());
  EXPECT_THAT(openmldb.Replica("a").followers, testing::IsEmpty());
}

TEST_F(RejoinsNotLoaded, IsLoadedWithoutATermWhereThereIsNone) {
  openmldb.Meta().term_offsets.clear();
  EXPECT_TRUE(Rejoin().ok());
  EXPECT_EQ(openmldb.Replica("b").term, 0u);
}

TEST_F(RejoinsNotLoaded, IsAwaitedWhenItLoadsAlready) {
  for (const OpenMldbCode code : {OpenMldbCode::kTableExists, OpenMldbCode::kLoading}) {
    openmldb.On("Load db.t/0 (tid 1)", RefusedWith(code));
    EXPECT_TRUE(Rejoin().ok());
    EXPECT_FALSE(Alive());
  }
}

TEST_F(RejoinsNotLoaded, IsRecoveredWhenItCannotBeLoaded) {
  openmldb.On("Load db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_TRUE(MustBeCopied());
}

TEST_F(RejoinsNotLoaded, IsAskedAgainWhenItsTabletDidNotAnswer) {
  openmldb.On("Load db.t/0 (tid 1)", Refused(kAway));
  EXPECT_EQ(Rejoin().status(), kAway);
  EXPECT_FALSE(Alive());
}

}  // namespace
}  // namespace omdb
