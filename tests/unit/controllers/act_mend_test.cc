#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/act_fixture.h"

// The actions of mending.
namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A partition that a leads and b follows.
class ActMend : public ActFixture {
 protected:
  ActMend() {
    openmldb.With(0, {"a", "b"});
    Look();
  }
  void TakeInHand() {
    ledger.tablet.emplace().name = "a";
    ledger.tablet->partitions = {{kZero, true, "b"}};
  }
  // Rows of b, which is not alive, in a rollout.
  void LeadsWithoutTenRows() {
    ledger.rollout.emplace();
    openmldb.Meta().replicas[1].is_alive = false;
    openmldb.Replica("b") = {110, TableMode::kFollower, 7, {}};
    openmldb.Replica("a") = {150, TableMode::kLeader, 9, {}};
    openmldb.Meta().term_offsets.push_back({9, 101});
  }
};

TEST_F(ActMend, MakesAReplicaLeadAgain) {
  openmldb.Replica("a").mode = TableMode::kFollower;
  EXPECT_TRUE(Do(action::LeadAgain{kZero, "a"}).ok());
  EXPECT_TRUE(openmldb.Serves("a"));
}

TEST_F(ActMend, LetsTheNameserverTellAddressesToATabletThatLacksOne) {
  openmldb.Replica("a").mode = TableMode::kFollower;
  openmldb.On("Lead a", RefusedWith(OpenMldbCode::kNameUnknown));
  int sessions = 0;
  openmldb.On("ConnectZk", Then([&sessions] { ++sessions; }));
  EXPECT_THAT(Do(action::LeadAgain{kZero, "a"}).message(), HasSubstr("155"));
  EXPECT_EQ(sessions, 1) << "any change under /nodes does";
}

TEST_F(ActMend, LetsTheNameserverTellAddressesByAnyTabletThatAnswers) {
  const auto ask = [this] {
    openmldb.On("Attach db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kNameUnknown));
    return Do(action::Attach{"b", {kZero}, {"a"}});
  };
  int sessions = 0;
  openmldb.With(1, {"c"});
  openmldb.tablets[0].healthy = false;
  openmldb.On("DisconnectZk", Refused(kAway));
  openmldb.On("ConnectZk", Then([&sessions] { ++sessions; }));
  EXPECT_EQ(CodeOf(ask()), 0) << "the code is in the text";
  EXPECT_EQ(sessions, 1) << "by the third";
  openmldb.Always("DisconnectZk", Refused(kAway));
  EXPECT_FALSE(ask().ok());
}

TEST_F(ActMend, LetsTheNameserverTellAddressesWhereAllOfSeveralFailed) {
  openmldb.With(1, {"a", "b"});
  openmldb.On("Attach db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kNameUnknown))
      .On("Attach db.t/1 (tid 1)", RefusedWith(OpenMldbCode::kNameUnknown));
  int sessions = 0;
  openmldb.On("ConnectZk", Then([&sessions] { ++sessions; }));
  EXPECT_THAT(Do(action::Attach{"b", {kZero, FakeOpenMldb::Id(1)}, {"a", "a"}}).message(),
              HasSubstr("2 of 2 failed"));
  EXPECT_EQ(sessions, 1);
}

TEST_F(ActMend, LetsTheNameserverTellAddressesNoMoreThanOnceInAWhile) {
  const auto ask = [this] {
    openmldb.On("Attach db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kNameUnknown));
    return Do(action::Attach{"b", {kZero}, {"a"}});
  };
  int sessions = 0;
  openmldb.Always("ConnectZk", Then([&sessions] { ++sessions; }));
  openmldb.tablets[1].state_age = absl::Seconds(2);
  EXPECT_FALSE(ask().ok());
  EXPECT_EQ(sessions, 0) << "it came back just now";
  openmldb.tablets[1].healthy = false;
  openmldb.On("ShowTablet", Refused(kAway));
  EXPECT_FALSE(ask().ok());
  EXPECT_EQ(sessions, 0);
  EXPECT_FALSE(ask().ok());
  EXPECT_EQ(sessions, 1) << "it went away";
}

// What a leader sends to where a tablet was before never arrives.
TEST_F(ActMend, LetsTheNameserverTellAddressesWhereNothingArrives) {
  openmldb.Meta().replicas[1].is_alive = false;
  openmldb.Replica("b").offset = 80;
  openmldb.lagging = {"b"};
  int sessions = 0;
  openmldb.On("ConnectZk", Then([&sessions] { ++sessions; }));
  EXPECT_THAT(Do(action::Rejoin{kZero, "b"}).message(), HasSubstr("has not caught up"));
  EXPECT_EQ(sessions, 1);
}

TEST_F(ActMend, LetsTheNameserverTellAddressesWhereARecoveryFailed) {
  int sessions = 0;
  std::string ended;
  openmldb.Always("DisconnectZk", Then([&] { ended = *openmldb.disconnected.begin(); }));
  openmldb.Always("ConnectZk", Then([&sessions] { ++sessions; }));
  const auto recover = [&](std::vector<Op> ops) {
    openmldb.Meta().replicas[1].is_alive = false;
    cluster.seen.database->ops = std::move(ops);
    return Do(action::Recover{kZero, "b"});
  };
  const Op failed{7, "kReAddReplicaOP", OpState::kFailed, "kSendSnapshot", "db", "t", 0};
  ASSERT_TRUE(recover({failed}).ok());
  EXPECT_EQ(sessions, 1);
  EXPECT_EQ(ended, "b:10921") << "whose address may be another";
  Op done = failed;
  done.id = 8;
  done.state = OpState::kDone;
  Op elsewhere = failed;
  elsewhere.id = 9;
  elsewhere.pid = 1;
  ASSERT_TRUE(recover({elsewhere, failed, done}).ok());
  ASSERT_TRUE(recover({done, failed}).ok());
  EXPECT_EQ(sessions, 1) << "the last one went well";
}

TEST_F(ActMend, CountsLostRowsInTheRolloutWhereNoTabletIsInHand) {
  LeadsWithoutTenRows();
  ASSERT_TRUE(Do(action::Rejoin{kZero, "b"}).ok());
  const auto counted = ElementsAre(testing::Pair("db.t/0 (tid 1) before term 9", 10u));
  EXPECT_THAT(ledger.rollout->rows_lost, counted);
  openmldb.Meta().replicas[1].is_alive = false;
  ASSERT_TRUE(Do(action::Recover{kZero, "b"}).ok());
  EXPECT_THAT(ledger.rollout->rows_lost, counted) << "a recovery may fail, and be asked for again";
  EXPECT_THAT(notes, testing::SizeIs(1));
}

// The answer may be lost, and the operator with it: nobody could count them after the recovery.
TEST_F(ActMend, RecoversOnlyOnceTheLostRowsAreNoted) {
  LeadsWithoutTenRows();
  ASSERT_TRUE(Do(action::Recover{kZero, "b"}).ok());
  EXPECT_THAT(ledger.rollout->rows_lost, testing::SizeIs(1));
  EXPECT_FALSE(openmldb.Meta().replicas[1].is_alive) << "not yet";
  ASSERT_TRUE(Do(action::Recover{kZero, "b"}).ok());
  EXPECT_TRUE(openmldb.Meta().replicas[1].is_alive);
  EXPECT_THAT(notes, testing::SizeIs(1));
}

TEST_F(ActMend, AttachesAnewWhatIsNotAliveToALeaderThatLeadsAgain) {
  TakeInHand();
  ledger.tablet->partitions[0].attached_to = "a";
  openmldb.Replica("a").mode = TableMode::kFollower;
  EXPECT_TRUE(Do(action::LeadAgain{kZero, "a"}).ok());
  EXPECT_EQ(ledger.tablet->partitions[0].attached_to, "");
}

TEST_F(ActMend, LetsAReplicaRejoin) {
  openmldb.Meta().replicas[1].is_alive = false;
  openmldb.Replica("b").offset = 80;
  ASSERT_TRUE(Do(action::Rejoin{kZero, "b"}).ok());
  EXPECT_TRUE(openmldb.Meta().Find("b")->is_alive);
  EXPECT_EQ(openmldb.Replica("b").offset, 100u);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(ActMend, LetsAReplicaRejoinByTheTermsOfThisMoment) {
  openmldb.Meta().replicas[1].is_alive = false;
  Look();
  openmldb.Replica("b") = {110, TableMode::kFollower, 7, {}};
  openmldb.Replica("a") = {150, TableMode::kLeader, 9, {}};
  openmldb.Meta().term_offsets.push_back({9, 101});
  ASSERT_TRUE(Do(action::Rejoin{kZero, "b"}).ok());
  ASSERT_THAT(notes, testing::SizeIs(1));
  EXPECT_EQ(notes[0].reason, "RowsLost");
  EXPECT_THAT(notes[0].message, HasSubstr("10 rows of db.t/0"));
}

TEST_F(ActMend, RemembersInWhichTermARestartedReplicaFollows) {
  const std::string key = FollowerKey(kZero, "b");
  openmldb.Meta().replicas[1].is_alive = false;
  openmldb.Meta().term_offsets.push_back({9, 101});
  openmldb.Replica("b").term = 0;
  ledger.followed_in_term = {{key, 7}};
  ASSERT_TRUE(Do(action::Rejoin{kZero, "b"}).ok());
  EXPECT_EQ(ledger.followed_in_term.at(key), 9u);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(ActMend, ReportsTheRowsThatARejoinLost) {
  TakeInHand();
  openmldb.Meta().replicas[1].is_alive = false;
  openmldb.Meta().term_offsets.push_back({9, 100});
  openmldb.Replica("a").term = 9;
  ASSERT_TRUE(Do(action::Rejoin{kZero, "b"}).ok());
  EXPECT_EQ(ledger.tablet->report.rows_lost, 1u);
}

TEST_F(ActMend, SaysWhyAReplicaDidNotRejoin) {
  openmldb.On("GetPartition", Refused(kAway));
  EXPECT_THAT(Do(action::Rejoin{kZero, "b"}).message(), HasSubstr("let b rejoin db.t/0"));
  openmldb.On("GetTermPair b", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::Rejoin{kZero, "b"})));
}

TEST_F(ActMend, MarksAReplicaNotAlive) {
  EXPECT_TRUE(Do(action::MarkNotAlive{kZero, "b"}).ok());
  EXPECT_FALSE(openmldb.Meta().Find("b")->is_alive);
}

TEST_F(ActMend, DemotesOneThatLeadsForItsTabletOnly) {
  openmldb.Replica("b").mode = TableMode::kLeader;
  EXPECT_TRUE(Do(action::Demote{kZero, "b"}).ok());
  EXPECT_EQ(openmldb.Replica("b").mode, TableMode::kFollower);
}

// Somebody else made it leader since it was seen to follow.
TEST_F(ActMend, AttachesToNoFormerLeader) {
  const auto attach = [this] { return Do(action::Attach{"a", {kZero}, {"b"}}); };
  EXPECT_THAT(attach().message(), HasSubstr("a leads db.t/0 (tid 1) by now"));
  openmldb.Meta().replicas[0].is_alive = false;
  EXPECT_THAT(attach().message(), HasSubstr("nobody leads db.t/0"));
  EXPECT_THAT(Do(action::Attach{"a", {FakeOpenMldb::Id(7)}, {"b"}}).message(),
              HasSubstr("db.t/7 (tid 1) is no more"));
  openmldb.On("ShowTable", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(attach()));
  EXPECT_THAT(openmldb.Replica("b").followers, IsEmpty());
}

TEST_F(ActMend, MakesNoSecondLeader) {
  openmldb.Meta().replicas[1] = {"b", true, false, true, 100};
  const auto mark = [this] { return Do(action::MarkLeaderAlive{kZero, "b"}); };
  EXPECT_THAT(mark().message(), HasSubstr("a leads db.t/0 (tid 1) by now"));
  openmldb.On("GetPartition", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(mark()));
  EXPECT_FALSE(openmldb.Meta().Find("b")->is_alive);
}

TEST_F(ActMend, TakesNothingFromALeader) {
  const action::Detach detach{"a", {kZero}, {"b"}};
  for (const Action& action :
       std::vector<Action>{action::Demote{kZero, "a"}, action::MarkNotAlive{kZero, "a"}, detach}) {
    EXPECT_THAT(Do(action).message(), HasSubstr("a leads db.t/0 (tid 1) by now"));
  }
  for (const Action& action :
       std::vector<Action>{action::Demote{kZero, "a"}, action::MarkNotAlive{kZero, "a"}}) {
    openmldb.On("GetPartition", Refused(kAway));
    EXPECT_TRUE(absl::IsUnavailable(Do(action)));
  }
  openmldb.On("ShowTable db.t", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(detach)));
  EXPECT_TRUE(openmldb.Serves("a"));
  EXPECT_TRUE(openmldb.Meta().Find("a")->is_alive);
  EXPECT_THAT(openmldb.Replica("a").followers, ElementsAre("b"));
}

TEST_F(ActMend, LetsAReplicaMakeSnapshots) {
  openmldb.Replica("a").snapshot_paused = true;
  EXPECT_TRUE(Do(action::RecoverSnapshot{kZero, "a"}).ok());
  EXPECT_FALSE(openmldb.Replica("a").snapshot_paused);
}

TEST_F(ActMend, CancelsAnOpAndTakesItOutOfItsLane) {
  openmldb.ops = {{8, "kOP", OpState::kDoing}, {9, "kOP", OpState::kDoing}};
  EXPECT_TRUE(Do(action::EndOp{openmldb.ops.back()}).ok());
  ASSERT_EQ(openmldb.ops.size(), 1u);
  EXPECT_EQ(openmldb.ops[0].id, 8u);
  EXPECT_EQ(openmldb.ops[0].state, OpState::kDoing);
}

TEST_F(ActMend, DeletesAnOpThatCannotBeCancelledAnyMore) {
  openmldb.ops = {{9, "kOP", OpState::kFailed}};
  openmldb.On("CancelOp", Refused(OpenMldbError(312, "CancelOP 9", "not running")));
  EXPECT_TRUE(Do(action::EndOp{openmldb.ops.back()}).ok());
  EXPECT_TRUE(openmldb.ops.empty());
}

TEST_F(ActMend, DeletesNoOpBesideANameserverThatDoesNotCancelIt) {
  openmldb.ops = {{9, "kOP", OpState::kDoing}};
  openmldb.On("CancelOp", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::EndOp{openmldb.ops.back()})));
  EXPECT_EQ(openmldb.ops.size(), 1u);
}

TEST_F(ActMend, TellsOfTheLeaderThatAFailedChangeMayHaveMade) {
  openmldb.ops = {{9, "kChangeLeaderOP", OpState::kFailed, "-", "db", "t", 0}};
  openmldb.On("UpdateTableAliveStatus", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::EndOp{openmldb.ops.back()})));
  openmldb.On("GetPartition", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::EndOp{openmldb.ops.back()})));
  ASSERT_EQ(openmldb.ops.size(), 1u) << "it is told before the op is forgotten";
  bool told = false;
  openmldb.On("UpdateTableAliveStatus", Then([&told] { told = true; }));
  EXPECT_TRUE(Do(action::EndOp{openmldb.ops.back()}).ok());
  EXPECT_TRUE(told);
  EXPECT_TRUE(openmldb.ops.empty());
}

TEST_F(ActMend, EndsAFailedChangeOfWhatHasNoLeaderOrIsNoMore) {
  const Op op{9, "kChangeLeaderOP", OpState::kFailed, "-", "db", "t", 0};
  openmldb.Always("UpdateTableAliveStatus", Refused(kAway));
  openmldb.On("GetPartition", Refused(OpenMldbError(109, "GetTablePartition", "no table")));
  EXPECT_TRUE(Do(action::EndOp{op}).ok());
  for (ReplicaMeta& meta : openmldb.Meta().replicas) meta.is_alive = false;
  EXPECT_TRUE(Do(action::EndOp{op}).ok());
}

TEST_F(ActMend, TakesATabletOffline) {
  EXPECT_TRUE(Do(action::Offline{"a"}).ok());
  EXPECT_THAT(openmldb.offline, ElementsAre("a"));
}

TEST_F(ActMend, DropsWhatIsLeftOnATabletThatIsNoReplica) {
  openmldb.loaded["c"][kZero] = {};
  ASSERT_TRUE(Do(action::DropLeftover{kZero, "c"}).ok());
  EXPECT_THAT(openmldb.loaded["c"], IsEmpty());
}

TEST_F(ActMend, DropsNoReplica) {
  ASSERT_TRUE(Do(action::DropLeftover{kZero, "b"}).ok());
  EXPECT_EQ(openmldb.loaded["b"].size(), 1u) << "it has become one meanwhile";
  openmldb.On("GetPartition", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::DropLeftover{kZero, "c"})));
}

}  // namespace
}  // namespace omdb
