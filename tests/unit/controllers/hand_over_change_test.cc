// From the demoted old leader to the new one, or back.
#include "tests/unit/controllers/hand_over_fixture.h"

namespace omdb {
namespace {

using testing::HasSubstr;

TEST_F(HandOver, NeedsThePartitionsOldLeader) {
  openmldb.With(1, {"c", "a", "b"});
  EXPECT_TRUE(absl::IsFailedPrecondition(Move({1})[0].status()));
  openmldb.Meta(1).replicas[0].is_alive = false;
  EXPECT_TRUE(absl::IsFailedPrecondition(Move({1})[0].status())) << "nor is there a leader at all";
}

TEST_F(HandOver, NeedsAFollowerThatIsAlive) {
  openmldb.Meta().replicas[1].is_alive = false;
  EXPECT_TRUE(absl::IsFailedPrecondition(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
  openmldb.Meta().replicas.erase(openmldb.Meta().replicas.begin() + 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(Move().status()));
}

TEST_F(HandOver, NeedsThePartitionLoadedOnItsLeader) {
  openmldb.loaded["a"].clear();
  EXPECT_TRUE(absl::IsFailedPrecondition(Move().status()));
}

TEST_F(HandOver, BeginsOnlyWhenNameserverAndLeaderAnswer) {
  openmldb.On("GetPartition", Refused(kAway));
  EXPECT_EQ(Move().status(), kAway);
  openmldb.On("GetTermPair a", Refused(kAway));
  EXPECT_EQ(Move().status(), kAway);
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, MakesTheOldLeaderLeadAgainWhenTheChangeIsRefused) {
  openmldb.On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  const auto result = Move();
  EXPECT_TRUE(absl::IsAborted(result.status())) << result.status();
  EXPECT_THAT(result.status().message(), HasSubstr("303"));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_THAT(openmldb.Replica("a").followers, testing::UnorderedElementsAre("b", "c"));
}

TEST_F(HandOver, TakesAChangeWhoseAnswerWasLostForWhatItIs) {
  openmldb.On("ChangeLeader", AnswerLost());
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->term, 8u);
  EXPECT_EQ(Leader(), "b");
}

class LostAnswer : public HandOver, public testing::WithParamInterface<const char*> {};

TEST_P(LostAnswer, CostsNoMoreThanAPartOfTheLongestPause) {
  openmldb.On(GetParam(), AnswerLost());
  const absl::Time begin = clock.Now();
  (void)Move();
  EXPECT_LE(clock.Now() - begin, limits.pause / 2);
  EXPECT_TRUE(openmldb.Serves("a") || openmldb.Serves("b"));
}

INSTANTIATE_TEST_SUITE_P(OfEachChange, LostAnswer,
                         testing::Values("Fence a", "Unfence a", "Demote a", "ChangeLeader"));

TEST_F(HandOver, WaitsForTheAnswerOfTheOldLeaderNoLongerThanAPartOfTheLongestPause) {
  openmldb.On("Demote a", AnswerLost()).On("Lead a", AnswerLost());
  const absl::Time begin = clock.Now();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Move().status()));
  EXPECT_LE(clock.Now() - begin, limits.pause / 2);
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, LooksAgainWhenTheNameserverDoesNotAnswerAfterTheChange) {
  openmldb.On("GetPartition", {}).On("GetPartition", Refused(kAway));
  EXPECT_TRUE(Move().ok());
  EXPECT_EQ(Leader(), "b");
}

TEST_F(HandOver, LooksAgainWhileThePartitionHasNoLeader) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Meta().replicas[1].is_alive = false; }));
  openmldb.On("GetPartition", {}).On("GetPartition", {}).On("GetPartition", Then([this] {
                                                              openmldb.Meta().replicas[1].is_alive =
                                                                  true;
                                                            }));
  EXPECT_TRUE(Move().ok());
}

TEST_F(HandOver, MakesTheOldLeaderLeadAgainWhenThePartitionIsLeftWithoutOne) {
  openmldb.On("ChangeLeader", Then([this] {
                openmldb.Replica("b").mode = TableMode::kFollower;
                openmldb.Meta().replicas[1].is_leader = false;
              }));
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, MakesTheOldLeaderLeadAgainAtOnceWhenTheNameserverIsNotReached) {
  openmldb.On("ChangeLeader", Refused(kAway));
  const absl::Time begin = clock.Now();
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_LT(clock.Now() - begin, absl::Milliseconds(200));
}

TEST_F(HandOver, LeavesThePartitionWhileNobodyKnowsWhetherTheChangeRuns) {
  openmldb.On("ChangeLeader", Refused(absl::DeadlineExceededError("no answer")));
  openmldb.Always("ShowOpStatus", Refused(kAway));
  EXPECT_THAT(Move().status().message(), HasSubstr("neither done nor out of its lane"));
  EXPECT_FALSE(openmldb.Serves("a")) << "two leaders would lose rows";
  openmldb.Always("ShowOpStatus", {});
  EXPECT_TRUE(Move().ok()) << "the next look goes on from there";
}

// A nameserver that hung may change it when it wakes: the old one must not lead then.
TEST_F(HandOver, AsksOnceMoreWhenTheChangeMayNotHaveArrived) {
  openmldb.On("ChangeLeader", Refused(absl::DeadlineExceededError("no answer")));
  EXPECT_TRUE(Move().ok());
  EXPECT_TRUE(openmldb.Serves("b"));
}

TEST_F(HandOver, WaitsForALaneThatItCannotSee) {
  openmldb.On("ShowOpStatus", Refused(kAway));
  EXPECT_TRUE(Move().ok());
  EXPECT_TRUE(openmldb.Serves("b"));
}

TEST_F(HandOver, MakesTheOldLeaderLeadAgainWhenTheChangeNeverArrived) {
  openmldb.Always("ChangeLeader", Refused(absl::DeadlineExceededError("no answer")));
  const absl::Time begin = clock.Now();
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_GE(clock.Now() - begin, limits.pause) << "it is asked for twice";
  EXPECT_LT(clock.Now() - begin, 2 * limits.pause);
}

// The pause counts from the fence, and leading again is part of it.
TEST_F(HandOver, MakesTheOldLeaderLeadAgainWithinThePauseWhenTheChangeDoesNotRun) {
  openmldb.lanes_are_blocked = true;
  const absl::Time begin = clock.Now();
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_LT(clock.Now() - begin, limits.pause);
}

// SelectLeader raised the followers' terms: with its old one the leader could not replicate.
TEST_F(HandOver, CancelsAStuckChangeAndLeadsAgainWithTheHighestTerm) {
  openmldb.ops_get_stuck = true;
  openmldb.ops = {{3, "kAddReplicaOP", OpState::kDoing, "-", "other", "t", 0},
                  {4, "kAddReplicaOP", OpState::kDoing, "-", "db", "u", 0},
                  {5, "kAddReplicaOP", OpState::kDoing, "-", "db", "t", 1},
                  {6, "kChangeLeaderOP", OpState::kDone, "-", "db", "t", 0},
                  {7, "kChangeLeaderOP", OpState::kInited, "-", "db", "t", 0}};
  const auto result = Move();
  EXPECT_TRUE(absl::IsAborted(result.status())) << result.status();
  EXPECT_THAT(result.status().message(), HasSubstr("did not end in time"));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_EQ(openmldb.Replica("a").term, 8u);
  std::vector<uint64_t> left;
  for (const Op& op : openmldb.ops) left.push_back(op.id);
  EXPECT_THAT(left, testing::ElementsAre(3, 4, 5, 6)) << "this partition's went, and no other's";
}

TEST_F(HandOver, LeadsAgainThoughTheNameserverDoesNotSayWhoLeads) {
  openmldb.On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  openmldb.On("GetPartition", {}).On("GetPartition", Refused(kAway));
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, MakesNoSecondLeaderBesideOneThatLeadsOnItsTabletOnly) {
  openmldb.On("Demote a", Then([this] { openmldb.Replica("c").mode = TableMode::kLeader; }));
  openmldb.On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  EXPECT_THAT(Move().status().message(), HasSubstr("c leads db.t/0"));
  EXPECT_FALSE(openmldb.Serves("a"));
}

// The nameserver's successor would find it in ZooKeeper and carry it out.
TEST_F(HandOver, LeavesThePartitionWhileACancelledChangeIsInItsLane) {
  openmldb.lanes_are_blocked = true;
  openmldb.Always("DeleteOp", Refused(kAway));
  const auto result = Move();
  EXPECT_THAT(result.status().message(), HasSubstr("neither done nor out of its lane"));
  EXPECT_THAT(result.status().message(), HasSubstr("op 9 was cancelled"));
  EXPECT_TRUE(WasCancelled(result.status()));
  EXPECT_FALSE(openmldb.Serves("a")) << "two leaders would lose rows";
  openmldb.lanes_are_blocked = false;
  openmldb.Always("DeleteOp", {});
  EXPECT_TRUE(Move().ok()) << "the next look goes on from there";
}

// It may have failed for want of ZooKeeper, where it stands as if it ran.
TEST_F(HandOver, DeletesTheChangeThatFailedBeforeItLeadsAgain) {
  openmldb.ops_get_stuck = true;
  openmldb.ops = {{7, "kChangeLeaderOP", OpState::kFailed, "-", "db", "t", 0},
                  {8, "kRecoverTableOP", OpState::kFailed, "-", "db", "t", 0}};
  openmldb.On("DeleteOp", Then([this] { EXPECT_FALSE(openmldb.Serves("a")); }));
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
  ASSERT_EQ(openmldb.ops.size(), 1u);
  EXPECT_EQ(openmldb.ops[0].id, 8u);
}

// Its op is gone, its task is not.
TEST_F(HandOver, MakesNoSecondLeaderBesideATaskThatIsOnItsWay) {
  openmldb.ops_get_stuck = true;
  absl::Time deleted = absl::InfiniteFuture();
  openmldb.On("DeleteOp", Then([&] { deleted = clock.Now(); }));
  openmldb.Always("GetTermPair b", Then([&] {
                    if (clock.Now() >= deleted + absl::Milliseconds(50))
                      openmldb.Replica("b").mode = TableMode::kLeader;
                  }));
  EXPECT_THAT(Move().status().message(), HasSubstr("b leads db.t/0"));
  EXPECT_FALSE(openmldb.Serves("a"));
}

TEST_F(HandOver, SaysThatThereIsNoLeaderWhenTheChangeFailedAndTheOldOneCannotLeadAgain) {
  openmldb.On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  openmldb.Always("Lead a", Refused(kAway));
  EXPECT_THAT(Move().status().message(), HasSubstr("no writable leader"));
}

TEST_F(HandOver, LeadsAgainThoughAFollowerDoesNotTellItsTerm) {
  openmldb.On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  openmldb.Always("GetTermPair c", Refused(kAway));
  EXPECT_TRUE(absl::IsAborted(Move().status()));
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(HandOver, BelievesTheNameserverThatTheRefusedChangeHappenedAfterAll) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Always("GetPartition", Refused(kAway)); }));
  openmldb.On("ShowOpStatus", Then([this] { openmldb.Always("GetPartition", {}); }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Leader(), "b");
  EXPECT_EQ(result->term, 8u);
  EXPECT_EQ(openmldb.Replica("a").mode, TableMode::kFollower);
}

TEST_F(HandOver, MakesNoSecondLeaderWhenTheNameserverIsSilentAfterTheChange) {
  openmldb.On("ChangeLeader", Then([this] {
                openmldb.Always("GetPartition", Refused(kAway));
                openmldb.Always("ShowOpStatus", Refused(kAway));
              }));
  EXPECT_TRUE(absl::IsUnavailable(Move().status()));
  EXPECT_TRUE(openmldb.Serves("b"));
  EXPECT_FALSE(openmldb.Serves("a"));
}

TEST_F(HandOver, WaitsUntilTheOpHasLeftItsLane) {
  openmldb.On("ChangeLeader", Then([this] {
                openmldb.ops = {{9, "kChangeLeaderOP", OpState::kDoing, "-", "db", "t", 0}};
              }));
  openmldb.On("ShowOpStatus", {}).On("ShowOpStatus", {}).On("ShowOpStatus", Then([this] {
                                                              openmldb.ops.front().state =
                                                                  OpState::kDone;
                                                            }));
  EXPECT_TRUE(Move().ok());
  EXPECT_EQ(openmldb.ops.front().state, OpState::kDone);
}

TEST_F(HandOver, WaitsNoLongerForTheLaneThanAPauseMayTake) {
  openmldb.On("ChangeLeader", Then([this] {
                openmldb.ops = {{9, "kChangeLeaderOP", OpState::kInited, "-", "db", "t", 0}};
              }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LT(result->paused, limits.pause + absl::Milliseconds(200));
}

TEST_F(HandOver, CountsTheRowsThatTheNewLeaderDoesNotHave) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Meta().term_offsets.back() = {8, 98}; }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows_lost, 3u) << "98, 99 and 100";
}

TEST_F(HandOver, LosesNothingWhenTheNewTermBeginsLater) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Meta().term_offsets.back() = {8, 105}; }));
  const auto result = Move();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows_lost, 0u);
}

TEST_F(HandOver, BelievesNoLeaderWithoutATerm) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Meta().term_offsets.clear(); }));
  EXPECT_TRUE(absl::IsInternal(Move()->verified));
}

TEST_F(HandOver, BelievesNoLeaderThatDoesNotAnswer) {
  openmldb.On("GetTermPair b", Refused(kAway));
  EXPECT_EQ(Move()->verified, kAway);
}

TEST_F(HandOver, BelievesNoLeaderThatIsAFollowerOnItsTablet) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Replica("b").mode = TableMode::kFollower; }));
  EXPECT_TRUE(absl::IsInternal(Move()->verified));
}

TEST_F(HandOver, BelievesNoLeaderOfAnotherTerm) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Replica("b").term = 9; }));
  EXPECT_TRUE(absl::IsInternal(Move()->verified));
}

TEST_F(HandOver, BelievesNoLeaderOfAnotherTermThatWasFoundLate) {
  openmldb.On("ChangeLeader", Then([this] {
                openmldb.Always("GetPartition", Refused(kAway));
                openmldb.Replica("b").term = 9;
              }));
  openmldb.On("ShowOpStatus", Then([this] { openmldb.Always("GetPartition", {}); }));
  EXPECT_TRUE(absl::IsInternal(Move()->verified));
}

}  // namespace
}  // namespace omdb
