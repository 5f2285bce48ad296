// Until the old leader is demoted at a moment when its followers are equal.
#include "tests/unit/controllers/hand_over_fixture.h"

namespace omdb {
namespace {

using testing::HasSubstr;

TEST_F(HandOver, MovesTheLeaderWithEveryRow) {
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Leader(), "b");
  EXPECT_TRUE(openmldb.Serves("b"));
  EXPECT_EQ(openmldb.Replica("a").mode, TableMode::kFollower) << "no ex-leader accepts writes";
  EXPECT_TRUE(openmldb.fenced.empty());
  EXPECT_EQ(result->offset, 100u);
  EXPECT_EQ(result->term, 8u);
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_EQ(result->attempts, 1);
  EXPECT_GT(result->fenced, absl::ZeroDuration());
  EXPECT_GT(result->paused, result->fenced);
}

TEST_F(HandOver, FencesNothingBeforeTheFollowersHaveTheLeadersOffset) {
  WriteUnseen(5);
  for (int look = 0; look < 20; ++look) {
    openmldb.On("GetReplicaStatus c", Then([this] { EXPECT_TRUE(openmldb.Serves("a")); }));
  }
  openmldb.On("GetReplicaStatus c", Then([this] { openmldb.lagging.clear(); }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->offset, 105u);
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_EQ(result->attempts, 1);
}

TEST_F(HandOver, LeavesTheLeaderWhereFollowersStayBehind) {
  WriteUnseen(5);
  const absl::Time begin = clock.Now();
  const auto result = Move();
  EXPECT_TRUE(absl::IsUnavailable(result.status())) << result.status();
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_EQ(Leader(), "a");
  EXPECT_GE(clock.Now() - begin, limits.patience);
  EXPECT_LT(clock.Now() - begin, limits.patience + absl::Milliseconds(100));
}

TEST_F(HandOver, LooksLessOftenTheLongerItLooksForAMomentOfNoLag) {
  WriteUnseen(5);
  int looks = 0;
  openmldb.Always("GetReplicaStatus a", Then([&] { ++looks; }));
  (void)Move();
  EXPECT_GE(looks, limits.patience / absl::Milliseconds(25));
  EXPECT_LE(looks, limits.patience / absl::Milliseconds(15));
}

TEST_F(HandOver, FencesOneThatIsBusyAllTheTimeWhenItsFollowersKeepUp) {
  openmldb.Always("GetReplicaStatus b", Then([this] {
                    if (openmldb.Serves("a")) ++openmldb.Replica("a").offset;
                  }));
  const absl::Time begin = clock.Now();
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(clock.Now() - begin, absl::Seconds(2)) << "a moment without lag is better";
  EXPECT_EQ(result->attempts, 1);
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_EQ(openmldb.Replica("b").offset, result->offset);
}

TEST_F(HandOver, FencesNoBusyOneWhileAFollowerDoesNotKeepUp) {
  openmldb.lagging = {"c"};
  ++openmldb.Replica("a").offset;
  openmldb.Always("GetReplicaStatus b", Then([this] { ++openmldb.Replica("a").offset; }));
  openmldb.Always("Fence a", Then([] { ADD_FAILURE() << "it would be in vain"; }));
  EXPECT_TRUE(absl::IsUnavailable(Move().status()));
}

TEST_F(HandOver, FencesABusyOneNotAgainAtOnce) {
  absl::Time lifted = absl::InfinitePast();
  openmldb.Always("GetReplicaStatus b", Then([this] {
                    if (openmldb.Serves("a")) ++openmldb.Replica("a").offset;
                  }));
  openmldb.Always("Fence a", Then([&] {
                    EXPECT_GE(clock.Now() - lifted, absl::Milliseconds(250));
                    WriteUnseen(1);
                  }));
  openmldb.Always("Unfence a", Then([&] {
                    lifted = clock.Now();
                    openmldb.lagging.clear();
                  }));
  EXPECT_TRUE(absl::IsUnavailable(Move().status()));
  EXPECT_GT(lifted, absl::InfinitePast());
}

TEST_F(HandOver, SaysWhichReplicaDidNotAnswer) {
  openmldb.Always("GetReplicaStatus c", Refused(absl::UnavailableError("c is away")));
  const auto result = Move();
  EXPECT_TRUE(absl::IsUnavailable(result.status()));
  EXPECT_THAT(result.status().message(), HasSubstr("c is away"));
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, DoesNotWaitForAReplicaThatIsNotAlive) {
  openmldb.lagging = {"c"};
  openmldb.Replica("c").offset = 90;
  openmldb.Meta().replicas[2].is_alive = false;
  EXPECT_TRUE(Move().ok());
  EXPECT_EQ(Leader(), "b");
}

TEST_F(HandOver, LiftsTheFenceInTimeAndTriesAgainWhenAWriteCameJustBeforeIt) {
  openmldb.On("Fence a", Then([this] { WriteUnseen(1); }));
  openmldb.On("Unfence a", Then([this] { openmldb.lagging.clear(); }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->attempts, 2);
  EXPECT_EQ(result->offset, 101u);
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_GE(result->fenced, limits.ToBeEqual()) << "it waited for equality";
  EXPECT_LE(result->fenced, limits.fence);
}

TEST_F(HandOver, LooksAgainWhenAReplicaDoesNotAnswerInTheFence) {
  openmldb.On("Fence a", Then([this] { openmldb.On("GetReplicaStatus c", Refused(kAway)); }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->attempts, 1);
}

TEST_F(HandOver, KeepsServingWhenEachFenceComesTooEarly) {
  openmldb.Always("Fence a", Then([this] { WriteUnseen(1); }));
  openmldb.Always("Unfence a", Then([this] { openmldb.lagging.clear(); }));
  const auto result = Move();
  EXPECT_TRUE(absl::IsUnavailable(result.status())) << result.status();
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, LiftsAFenceWhoseAnswerWasLost) {
  openmldb.On("Fence a", AnswerLost());
  EXPECT_TRUE(absl::IsDeadlineExceeded(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, SaysThatWritesMayBeRefusedWhenAFenceMayHaveStayed) {
  openmldb.On("Fence a", AnswerLost());
  openmldb.Always("Unfence a", Refused(kAway));
  const auto result = Move();
  EXPECT_THAT(result.status().message(), HasSubstr("a may still refuse writes"));
}

TEST_F(HandOver, LiftsTheFenceAtTheThirdTry) {
  openmldb.On("Unfence a", Refused(kAway)).On("Unfence a", Refused(kAway));
  EXPECT_TRUE(Move().ok());
  EXPECT_TRUE(openmldb.fenced.empty());
}

TEST_F(HandOver, EndsWhereTheFenceCannotBeLifted) {
  openmldb.Always("Unfence a", Refused(kAway));
  const auto result = Move();
  EXPECT_TRUE(absl::IsUnavailable(result.status()));
  EXPECT_THAT(result.status().message(), HasSubstr("a may still refuse writes"));
  EXPECT_EQ(Leader(), "a");
}

TEST_F(HandOver, GoesOnWhereTheFenceCouldNotBeLifted) {
  for (int attempt = 0; attempt < 3; ++attempt) openmldb.On("Unfence a", Refused(kAway));
  ASSERT_FALSE(Move().ok());
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_TRUE(openmldb.fenced.empty());
  EXPECT_EQ(Leader(), "b");
}

TEST_F(HandOver, KeepsTheLeaderThatRefusesToBeDemoted) {
  openmldb.On("Demote a", Refused(kAway));
  EXPECT_EQ(Move().status(), kAway);
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, MakesTheOldLeaderLeadAgainWhenTheAnswerOfItsDemotionWasLost) {
  openmldb.On("Demote a", AnswerLost());
  EXPECT_TRUE(absl::IsDeadlineExceeded(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_THAT(openmldb.Replica("a").followers, testing::UnorderedElementsAre("b", "c"));
}

TEST_F(HandOver, SaysThatThereIsNoLeaderWhenTheOldOneCannotLeadAgain) {
  openmldb.On("Demote a", AnswerLost()).Always("Lead a", Refused(kAway));
  const auto result = Move();
  EXPECT_THAT(result.status().message(), HasSubstr("no writable leader"));
}

TEST_F(HandOver, MakesItLeadAgainAtTheThirdTry) {
  openmldb.On("Demote a", AnswerLost()).On("Lead a", Refused(kAway)).On("Lead a", Refused(kAway));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
}

// A write that had passed the leader check before the fence, or a fence that the nameserver lifted.
TEST_F(HandOver, TriesAgainWhenARowSlippedInBeforeTheDemotion) {
  openmldb.On("Demote a", Then([this] { ++openmldb.Replica("a").offset; }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->attempts, 2);
  EXPECT_EQ(result->offset, 101u);
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_EQ(openmldb.Replica("b").offset, 101u);
}

TEST_F(HandOver, SaysThatThereIsNoLeaderWhenARowSlippedInAndTheOldOneCannotLeadAgain) {
  openmldb.On("Demote a", Then([this] { ++openmldb.Replica("a").offset; }));
  openmldb.Always("Lead a", Refused(kAway));
  EXPECT_THAT(Move().status().message(), HasSubstr("no writable leader"));
}

TEST_F(HandOver, TriesAgainWhenAReplicaIsSilentAfterTheDemotion) {
  openmldb.On("Demote a", Then([this] { openmldb.On("GetReplicaStatus c", Refused(kAway)); }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->attempts, 2);
}

TEST_F(HandOver, GoesOnWithAPartitionThatAFormerOperatorDemoted) {
  Demote();
  openmldb.fenced = {"a"};
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Leader(), "b");
  EXPECT_EQ(result->offset, 100u);
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_TRUE(openmldb.fenced.empty());
}

TEST_F(HandOver, GoesOnWithADemotedPartitionToWhoeverHasEveryRow) {
  Demote();
  openmldb.Replica("b").offset = 103;
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Leader(), "b");
  EXPECT_EQ(result->rows_lost, 0u);
  EXPECT_EQ(result->offset, 103u);
}

TEST_F(HandOver, RestoresAPartitionThatWasDemotedWithFollowersBehind) {
  Demote();
  openmldb.Replica("a").offset = 103;
  openmldb.fenced = {"a"};
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_TRUE(Move().ok()) << "and once they have caught up it is handed over";
  EXPECT_EQ(openmldb.Replica("b").offset, 103u);
}

// Its node lost power, and rows with it.
TEST_F(HandOver, RestoresNoLeaderThatLacksRows) {
  Demote();
  openmldb.Replica("b").offset = 103;
  openmldb.ops_get_stuck = true;
  EXPECT_THAT(Move().status().message(), HasSubstr("a lacks rows that another replica has"));
  EXPECT_FALSE(openmldb.Serves("a"));
  openmldb.Replica("c").offset = 104;
  EXPECT_THAT(Move().status().message(), HasSubstr("a lacks rows that another replica has"));
  EXPECT_FALSE(openmldb.Serves("a"));
}

TEST_F(HandOver, RestoresNoLeaderThatWasRestartedWhereAReplicaDoesNotAnswer) {
  Demote();
  openmldb.Replica("a").term = 0;
  openmldb.Always("GetReplicaStatus c", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Move().status()));
  EXPECT_FALSE(openmldb.Serves("a"));
}

TEST_F(HandOver, RestoresAPartitionThatWasDemotedWhereAReplicaDoesNotAnswer) {
  Demote();
  openmldb.Always("GetReplicaStatus c", Refused(kAway));
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, SaysWhatIsLeftOfAPartitionThatWasDemotedAndCannotBeRestored) {
  Demote();
  openmldb.Replica("a").offset = 103;
  openmldb.Always("Lead a", Refused(kAway));
  EXPECT_THAT(Move().status().message(), HasSubstr("no writable leader"));
  openmldb.Always("Unfence a", Refused(kAway));
  EXPECT_THAT(Move().status().message(), HasSubstr("a may still refuse writes"));
}

class HandOverOfTwo : public HandOver {
 protected:
  HandOverOfTwo() { openmldb.With(1, {"a", "b", "c"}); }
  std::string LeaderOf(uint32_t pid) { return openmldb.Meta(pid).Leader()->endpoint; }
};

TEST_F(HandOverOfTwo, SharesAFence) {
  int fences = 0;
  openmldb.Always("Fence a", Then([&fences] { ++fences; }));
  for (const auto& result : Move({0, 1})) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(result->verified.ok());
    EXPECT_EQ(result->offset, 100u);
    EXPECT_EQ(result->rows_lost, 0u);
  }
  EXPECT_EQ(fences, 1);
  EXPECT_TRUE(openmldb.Serves("b", 0));
  EXPECT_TRUE(openmldb.Serves("b", 1));
}

TEST_F(HandOverOfTwo, ChangesNoLeaderBeforeTheFenceIsLifted) {
  openmldb.Always("ChangeLeader", Then([this] { EXPECT_TRUE(openmldb.fenced.empty()); }));
  for (const auto& result : Move({0, 1})) EXPECT_TRUE(result.ok()) << result.status();
}

TEST_F(HandOverOfTwo, MovesTheOneThatIsEqualWhileTheOtherLags) {
  openmldb.Replica("a", 1).offset += 5;
  openmldb.lagging = {"b", "c"};
  const auto results = Move({0, 1});
  EXPECT_TRUE(results[0].ok()) << results[0].status();
  EXPECT_LT(results[0]->paused, absl::Milliseconds(200)) << "it does not wait for the other";
  EXPECT_TRUE(absl::IsUnavailable(results[1].status()));
  EXPECT_EQ(LeaderOf(1), "a");
  EXPECT_TRUE(openmldb.Serves("a", 1));
}

TEST_F(HandOverOfTwo, MovesTheOneThatStaysEqualWithinTheFence) {
  openmldb.On("Fence a", Then([this] {
                openmldb.Replica("a", 1).offset += 1;
                openmldb.lagging = {"b", "c"};
              }));
  openmldb.On("Unfence a", Then([this] { openmldb.lagging.clear(); }));
  const auto results = Move({0, 1});
  ASSERT_TRUE(results[0].ok()) << results[0].status();
  ASSERT_TRUE(results[1].ok()) << results[1].status();
  EXPECT_EQ(results[0]->attempts, 1);
  EXPECT_EQ(results[1]->attempts, 2);
  EXPECT_EQ(results[1]->offset, 101u);
}

TEST_F(HandOverOfTwo, MovesTheOtherWhereOneCannotMove) {
  openmldb.Meta(0).replicas[1].is_alive = false;
  const auto results = Move({0, 1});
  EXPECT_TRUE(absl::IsFailedPrecondition(results[0].status()));
  EXPECT_TRUE(results[1].ok()) << results[1].status();
}

TEST_F(HandOverOfTwo, FencesNothingBesideAnOpThatStays) {
  openmldb.Replica("a", 1).offset += 5;
  openmldb.lagging = {"b", "c"};
  openmldb.lanes_are_blocked = true;
  openmldb.Always("DeleteOp", Refused(kAway));
  openmldb.On("ChangeLeader", Then([this] { openmldb.lagging.clear(); }));
  const auto results = Move({0, 1});
  EXPECT_TRUE(WasCancelled(results[0].status())) << results[0].status();
  EXPECT_THAT(results[1].status().message(), HasSubstr("until the op of another partition"));
  EXPECT_TRUE(openmldb.Serves("a", 1));
}

TEST_F(HandOverOfTwo, GoesOnWithBothThatAFormerOperatorDemoted) {
  openmldb.Replica("a", 0).mode = openmldb.Replica("a", 1).mode = TableMode::kFollower;
  openmldb.fenced = {"a"};
  for (const auto& result : Move({0, 1})) EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(openmldb.fenced.empty());
}

TEST_F(HandOverOfTwo, GoesOnWithTheOneThatAFormerOperatorDemoted) {
  openmldb.Replica("a", 1).mode = TableMode::kFollower;
  for (const auto& result : Move({0, 1})) EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(LeaderOf(0), "b");
  EXPECT_EQ(LeaderOf(1), "b");
}

TEST_F(HandOverOfTwo, BringsBothBackWhereNoLeaderCanBeChanged) {
  openmldb.Always("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  for (const auto& result : Move({0, 1})) EXPECT_TRUE(absl::IsAborted(result.status()));
  EXPECT_TRUE(openmldb.Serves("a", 0));
  EXPECT_TRUE(openmldb.Serves("a", 1));
}

TEST_F(HandOverOfTwo, LeavesNoneBehindWhereTheFenceCannotBeLifted) {
  openmldb.Always("Unfence a", Refused(kAway));
  for (const auto& result : Move({0, 1}))
    EXPECT_THAT(result.status().message(), HasSubstr("a may still refuse writes"));
  openmldb.Always("Unfence a", {});
  for (const auto& result : Move({0, 1})) EXPECT_TRUE(result.ok()) << result.status();
}

}  // namespace
}  // namespace omdb
