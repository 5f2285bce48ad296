#include "controllers/replica_repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/fake_openmldb.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST(BeyondItsTerm, AreThoseThatTheNextTermBeganBefore) {
  const std::vector<TermOffset> terms = {{3, 1}, {5, 101}, {9, 201}};
  struct Case {
    TermPair own;
    uint64_t beyond;
  };
  for (const auto& [own, beyond] :
       {Case{{3, 99}, 0}, Case{{3, 100}, 0}, Case{{3, 101}, 1}, Case{{3, 110}, 10},
        Case{{3, 250}, 150}, Case{{5, 200}, 0}, Case{{5, 203}, 3}, Case{{9, 1000}, 0},
        Case{{11, 1000}, 0}, Case{{4, 101}, 1}, Case{{0, 0}, 0}, Case{{0, 1}, 1}}) {
    EXPECT_EQ(BeyondItsTerm(terms, own).count, beyond) << own.term << " " << own.offset;
  }
  EXPECT_EQ(BeyondItsTerm({}, {3, 100}), LostRows());
  EXPECT_EQ(BeyondItsTerm(terms, {3, 250}).term, 5u);
}

// The metadata has a as the leader of b and c, but on its tablet it follows.
class LeadAgainTest : public testing::Test {
 protected:
  LeadAgainTest() {
    openmldb.With(0, {"a", "b", "c"});
    openmldb.Replica("a").mode = TableMode::kFollower;
    openmldb.Replica("a").followers.clear();
  }
  absl::Status LeadAgain() {
    return omdb::LeadAgain(openmldb, openmldb.Meta(), StorageMode::kMemory, "a");
  }

  FakeClock clock;
  FakeOpenMldb openmldb{clock};
};

class Recovery : public testing::Test {
 protected:
  // b is not alive, and a has a position for it.
  Recovery() {
    openmldb.With(0, {"a", "b"});
    openmldb.Meta().replicas[1].is_alive = false;
  }
  absl::StatusOr<LostRows> Prepare(const std::string& tablet, uint64_t followed_in_term = 0) {
    return PrepareRecovery(openmldb, FakeOpenMldb::Id(0), StorageMode::kMemory, tablet,
                           followed_in_term);
  }

  FakeClock clock;
  FakeOpenMldb openmldb{clock};
};

TEST_F(Recovery, BeginsWhenTheLeaderHasForgottenTheReplica) {
  openmldb.On("Release db.t/0 (tid 1)", Refused(kAway));
  EXPECT_EQ(Prepare("b").status(), kAway);
  openmldb.On("GetPartition", Refused(kAway));
  EXPECT_EQ(Prepare("b").status(), kAway);
  EXPECT_TRUE(Prepare("b").ok());
  EXPECT_THAT(openmldb.Replica("a").followers, testing::IsEmpty());
}

TEST_F(Recovery, IsTheNameserversAndDoneForOneThatIsAlive) {
  openmldb.On("RecoverTable", Refused(kAway));
  EXPECT_EQ(RecoverFromLeader(openmldb, FakeOpenMldb::Id(0), "b"), kAway);
  EXPECT_TRUE(RecoverFromLeader(openmldb, FakeOpenMldb::Id(0), "b").ok());
  openmldb.On("RecoverTable", RefusedWith(OpenMldbCode::kPartitionAlive));
  EXPECT_TRUE(RecoverFromLeader(openmldb, FakeOpenMldb::Id(0), "b").ok());
}

TEST_F(Recovery, CountsWhatOnlyTheReplicaHas) {
  openmldb.Meta().term_offsets.push_back({9, 98});
  EXPECT_EQ(*Prepare("b"), (LostRows{3, 9}));
  openmldb.Replica("b").term = 0;
  EXPECT_EQ(*Prepare("b", 7), (LostRows{3, 9})) << "a restarted tablet does not know its term";
  EXPECT_EQ(*Prepare("b"), LostRows()) << "nobody can tell";
  openmldb.loaded["b"].clear();
  EXPECT_EQ(*Prepare("b", 7), LostRows());
  openmldb.On("GetTermPair b", Refused(kAway));
  EXPECT_EQ(Prepare("b").status(), kAway);
}

TEST_F(Recovery, LetsNoLeaderForgetItself) {
  openmldb.On("Release db.t/0 (tid 1)", Refused(kAway));
  EXPECT_NE(Prepare("a").status(), kAway);
}

TEST_F(Recovery, LeavesAnAliveFollowerAttached) {
  openmldb.Meta().replicas[1].is_alive = true;
  (void)Prepare("b");
  EXPECT_THAT(openmldb.Replica("a").followers, ElementsAre("b"));
}

TEST_F(Recovery, IsLeftToTheNameserverWhereThereIsNoLeaderOrNoReplica) {
  openmldb.Meta().replicas[0].is_alive = false;
  (void)Prepare("b");
  EXPECT_THAT(openmldb.Replica("a").followers, ElementsAre("b"));
  openmldb.Meta().replicas[0].is_alive = true;
  openmldb.Meta().replicas.pop_back();
  (void)Prepare("b");
  EXPECT_THAT(openmldb.Replica("a").followers, ElementsAre("b"));
}

TEST_F(LeadAgainTest, ReplicatesToWhoIsAlive) {
  openmldb.Meta().replicas[2].is_alive = false;
  ASSERT_TRUE(LeadAgain().ok());
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_THAT(openmldb.Replica("a").followers, ElementsAre("b"));
  EXPECT_EQ(openmldb.Replica("a").term, 7u);
}

// What it has is compared before it follows.
TEST_F(LeadAgainTest, LeavesOutWhoWasRestarted) {
  openmldb.Replica("b").term = 0;
  openmldb.Replica("c").term = 0;
  openmldb.On("UpdateTableAliveStatus", {}).On("UpdateTableAliveStatus", Refused(kAway));
  ASSERT_TRUE(LeadAgain().ok());
  EXPECT_FALSE(openmldb.Meta().Find("b")->is_alive);
  EXPECT_TRUE(openmldb.Meta().Find("c")->is_alive);
  EXPECT_THAT(openmldb.Replica("a").followers, ElementsAre("c"))
      << "whoever the nameserver counts on";
}

TEST_F(LeadAgainTest, HasATermThatNoFollowerRefuses) {
  openmldb.Replica("c").term = 9;
  ASSERT_TRUE(LeadAgain().ok());
  EXPECT_EQ(openmldb.Replica("a").term, 9u);
}

TEST_F(LeadAgainTest, HasTheLastTermOfTheNameserverAtLeast) {
  openmldb.Meta().term_offsets.push_back({11, 101});
  ASSERT_TRUE(LeadAgain().ok());
  EXPECT_EQ(openmldb.Replica("a").term, 11u);
}

TEST_F(LeadAgainTest, HasItsTermWhereTheNameserverHasNone) {
  openmldb.Meta().term_offsets.clear();
  ASSERT_TRUE(LeadAgain().ok());
  EXPECT_EQ(openmldb.Replica("a").term, 7u);
}

TEST_F(LeadAgainTest, ForgoesTermsThatItCannotLearn) {
  openmldb.On("GetTermPair b", Refused(kAway));
  openmldb.loaded["c"].clear();
  ASSERT_TRUE(LeadAgain().ok());
  EXPECT_EQ(openmldb.Replica("a").term, 7u);
}

TEST_F(LeadAgainTest, RefusesWhileAnotherLeads) {
  openmldb.Replica("c").mode = TableMode::kLeader;
  const absl::Status status = LeadAgain();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("c leads db.t/0"));
  EXPECT_FALSE(openmldb.Serves("a"));
}

TEST_F(LeadAgainTest, StepsDownFirstToTakeAnotherTerm) {
  openmldb.Replica("a").mode = TableMode::kLeader;
  openmldb.Replica("b").term = 9;
  ASSERT_TRUE(LeadAgain().ok());
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_EQ(openmldb.Replica("a").term, 9u) << "a leader keeps its own";
  EXPECT_THAT(openmldb.Replica("a").followers, UnorderedElementsAre("b", "c"));
}

TEST_F(LeadAgainTest, LeadsOnWhenItDoesNotStepDown) {
  openmldb.Replica("a").mode = TableMode::kLeader;
  openmldb.On("Demote a", Refused(kAway));
  EXPECT_EQ(LeadAgain(), kAway);
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(LeadAgainTest, IsDoneWhereItLeadsAfterAll) {
  openmldb.On("Lead a", RefusedWith(OpenMldbCode::kIsLeader));
  EXPECT_TRUE(LeadAgain().ok());
}

TEST_F(LeadAgainTest, SaysWhatFailed) {
  openmldb.On("Lead a", Refused(kAway));
  EXPECT_EQ(LeadAgain(), kAway);
  openmldb.On("Lead a", RefusedWith(OpenMldbCode::kTableNotExist));
  EXPECT_EQ(CodeOf(LeadAgain()), 100);
}

}  // namespace
}  // namespace omdb
