#include "controllers/act.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/act_fixture.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Tablet a is in hand; it leads partition 0 and follows in partition 1.
class ActInHand : public ActFixture {
 protected:
  ActInHand() {
    openmldb.With(0, {"a", "b"}).With(1, {"b", "a"});
    Look();
    ledger.tablet.emplace();
    ledger.tablet->name = "a";
    ledger.tablet->partitions = {{kZero, true, "b"}, {kOne, false, ""}};
  }
  absl::Status HandOver(const std::string& from, const std::string& to) {
    return Do(action::HandOver{from, {{kZero, StorageMode::kMemory, to}}});
  }
  HeldPartition& Held(uint32_t pid) { return ledger.tablet->partitions.at(pid); }

  const PartitionId kOne = FakeOpenMldb::Id(1);
};

Json Named(const std::string& name) {
  return {{"metadata", {{"namespace", "ns"}, {"name", name}, {"uid", "1"}}}};
}

TEST_F(ActInHand, AppliesAnObject) {
  EXPECT_TRUE(Do(action::Apply{types::Service(), Named("s")}).ok());
  EXPECT_TRUE(kubernetes.Has(types::Service(), {"ns", "s"}));
}

TEST_F(ActInHand, SaysWhatItCouldNotApply) {
  kubernetes.before = [](const std::string&) { return absl::PermissionDeniedError("forbidden"); };
  const absl::Status status = Do(action::Apply{types::Service(), Named("s")});
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(status.message(), HasSubstr("apply Service s: forbidden"));
}

TEST_F(ActInHand, DeletesThatPodAndNoOther) {
  kubernetes.Put(types::Pod(), Named("p"));
  EXPECT_TRUE(absl::IsAborted(Do(action::DeletePod{"p", "0"})));
  EXPECT_TRUE(kubernetes.Has(types::Pod(), {"ns", "p"}));
  EXPECT_TRUE(Do(action::DeletePod{"p", "1"}).ok());
  EXPECT_FALSE(kubernetes.Has(types::Pod(), {"ns", "p"}));
  EXPECT_TRUE(Do(action::DeletePod{"p", "1"}).ok()) << "it may be repeated";
}

TEST_F(ActInHand, SetsAutoFailover) {
  EXPECT_TRUE(Do(action::SetAutoFailover{true}).ok());
  EXPECT_TRUE(openmldb.auto_failover);
  openmldb.On("SetAutoFailover", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::SetAutoFailover{false})));
}

TEST_F(ActInHand, ReportsALeaderThatMovedAndOneThatReturned) {
  ASSERT_TRUE(HandOver("a", "b").ok());
  const TabletReport& report = ledger.tablet->report;
  EXPECT_EQ(report.leaders_moved, 1);
  EXPECT_EQ(report.leaders_returned, 0);
  EXPECT_GT(report.longest_fence, absl::ZeroDuration());
  EXPECT_GT(report.longest_pause, report.longest_fence);
  EXPECT_THAT(notes, IsEmpty());

  openmldb.Replica("b").followers = {"a"};
  openmldb.Meta(0).replicas[0] = {"a", false, true, true, 100};
  ASSERT_TRUE(HandOver("b", "a").ok());
  EXPECT_EQ(report.leaders_returned, 1);
  EXPECT_EQ(report.leaders_moved, 1);
}

TEST_F(ActInHand, ReportsTheRowsThatAHandOverLost) {
  openmldb.On("ChangeLeader", Then([this] { openmldb.Meta(0).term_offsets.back() = {8, 99}; }));
  ASSERT_TRUE(HandOver("a", "b").ok());
  EXPECT_EQ(ledger.tablet->report.rows_lost, 2u);
  ASSERT_THAT(notes, testing::SizeIs(1));
  EXPECT_TRUE(notes[0].warning);
  EXPECT_EQ(notes[0].reason, "RowsLost");
  EXPECT_THAT(notes[0].message, HasSubstr("2 rows of db.t/0"));
}

TEST_F(ActInHand, KeepsToTheLimitsOfTheSpec) {
  cluster.seen.cluster.spec.upgrade.fence_limit = absl::Milliseconds(20);
  cluster.seen.cluster.spec.upgrade.max_write_pause = absl::Seconds(3);
  openmldb.On("Fence a", Then([this] {
                ++openmldb.Replica("a").offset;
                openmldb.lagging = {"b"};
              }));
  openmldb.On("Unfence a", Then([this] { openmldb.lagging.clear(); }));
  openmldb.ops_get_stuck = true;
  const absl::Time begin = clock.Now();
  absl::Duration led_again_after;
  openmldb.Always("Lead a", Then([&] { led_again_after = clock.Now() - begin; }));
  EXPECT_TRUE(absl::IsAborted(HandOver("a", "b")));
  EXPECT_GT(led_again_after, absl::Seconds(2));
  EXPECT_LE(led_again_after, absl::Seconds(3));
  EXPECT_TRUE(openmldb.Serves("a"));
  openmldb.ops_get_stuck = false;
  ASSERT_TRUE(HandOver("a", "b").ok());
  EXPECT_LE(ledger.tablet->report.longest_fence, absl::Milliseconds(20));
}

TEST_F(ActInHand, MakesTabletsKnownAnewWhenTheNameserverWaitsForOneThatIsElsewhere) {
  cluster.MutableTablet("c-tablet-2").healthy = false;
  int sessions = 0;
  openmldb.Always("ConnectZk", Then([&sessions] { ++sessions; }));
  openmldb.On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  EXPECT_TRUE(absl::IsAborted(HandOver("a", "b")));
  EXPECT_EQ(sessions, 0) << "it was refused";
  openmldb.ops_get_stuck = true;
  EXPECT_TRUE(absl::IsAborted(HandOver("a", "b")));
  EXPECT_EQ(sessions, 2) << "of those that are healthy";
  openmldb.ops_get_stuck = false;
  openmldb.lanes_are_blocked = true;
  EXPECT_TRUE(absl::IsAborted(HandOver("a", "b")));
  EXPECT_EQ(sessions, 4) << "also where the op had not begun";
}

TEST_F(ActInHand, ReportsNoHandOverThatFailed) {
  openmldb.On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  const absl::Status status = HandOver("a", "b");
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_THAT(status.message(), HasSubstr("hand over db.t/0"));
  EXPECT_EQ(ledger.tablet->report.leaders_moved, 0);
}

TEST_F(ActInHand, ReportsEachLeaderOfAFenceAndWhatBecameOfTheOthers) {
  const action::HandOver both{
      "a", {{kZero, StorageMode::kMemory, "b"}, {kOne, StorageMode::kMemory, "a"}}};
  EXPECT_TRUE(absl::IsFailedPrecondition(Do(both))) << "b leads that one";
  EXPECT_EQ(ledger.tablet->report.leaders_moved, 1);
}

TEST_F(ActInHand, HandsOverWithoutATabletInHand) {
  ledger.tablet.reset();
  EXPECT_TRUE(HandOver("a", "b").ok());
  EXPECT_EQ(ledger, Ledger());
}

TEST_F(ActInHand, AddsAndDeletesAReplica) {
  ASSERT_TRUE(Do(action::AddReplica{kZero, "c"}).ok());
  EXPECT_NE(openmldb.Meta(0).Find("c"), nullptr);
  ASSERT_TRUE(Do(action::DeleteReplica{kZero, "c"}).ok());
  EXPECT_EQ(openmldb.Meta(0).Find("c"), nullptr);
}

TEST_F(ActInHand, DetachesAFollowerFromLeaderAndNameserver) {
  ASSERT_TRUE(Do(action::Detach{"a", {kOne}, {"b"}}).ok());
  EXPECT_THAT(openmldb.Replica("b", 1).followers, IsEmpty());
  EXPECT_FALSE(openmldb.Meta(1).Find("a")->is_alive);
}

// Else the nameserver would not count on a replica that its leader still sends to.
TEST_F(ActInHand, KeepsAFollowerAliveThatItsLeaderDoesNotLetGo) {
  openmldb.On("Release db.t/1 (tid 1)", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::Detach{"a", {kOne}, {"b"}})));
  EXPECT_TRUE(openmldb.Meta(1).Find("a")->is_alive);
}

TEST_F(ActInHand, DetachesThoseOfATableThatTheirLeadersLetGo) {
  openmldb.Meta(0).replicas = openmldb.Meta(1).replicas;
  openmldb.Replica("b", 0).followers = {"a"};
  openmldb.On("Release db.t/0 (tid 1)", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::Detach{"a", {kZero, kOne}, {"b", "b"}})));
  EXPECT_TRUE(openmldb.Meta(0).Find("a")->is_alive);
  EXPECT_FALSE(openmldb.Meta(1).Find("a")->is_alive);
  EXPECT_EQ(Held(1).attached_to, "");
  openmldb.On("UpdateTableAliveStatus", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::Detach{"a", {kZero}, {"b"}})));
}

TEST_F(ActInHand, TouchesNothingOfATableThatIsGone) {
  openmldb.Always("ShowTable db.t", Refused(absl::NotFoundError("gone")));
  EXPECT_TRUE(absl::IsNotFound(Do(action::Detach{"a", {kOne}, {"b"}})));
  EXPECT_TRUE(absl::IsNotFound(Do(action::MarkAlive{"a", {kOne}})));
  EXPECT_THAT(openmldb.Replica("b", 1).followers, UnorderedElementsAre("a"));
}

action::Load LoadBoth(const PartitionId& zero, const PartitionId& one) {
  return {"a", {{zero, TableMode::kFollower, 7}, {one, TableMode::kFollower, 7}}};
}

TEST_F(ActInHand, LoadsPartitions) {
  openmldb.loaded["a"].clear();
  ASSERT_TRUE(Do(LoadBoth(kZero, kOne)).ok());
  EXPECT_EQ(openmldb.loaded["a"].size(), 2u);
  EXPECT_FALSE(Held(0).recover || Held(1).recover);
}

TEST_F(ActInHand, TakesWhatIsLoadedOrLoadingForLoaded) {
  openmldb.On("Load db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kTableExists))
      .On("Load db.t/1 (tid 1)", RefusedWith(OpenMldbCode::kLoading));
  EXPECT_TRUE(Do(LoadBoth(kZero, kOne)).ok());
  EXPECT_FALSE(Held(0).recover || Held(1).recover);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(ActInHand, LeavesWhatTheTabletRefusesToLoadToRecoverTable) {
  openmldb.On("Load db.t/1 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_TRUE(Do(LoadBoth(kZero, kOne)).ok());
  EXPECT_FALSE(Held(0).recover);
  EXPECT_TRUE(Held(1).recover);
  ASSERT_THAT(notes, testing::SizeIs(1));
  EXPECT_EQ(notes[0].reason, "LoadFailed");
}

TEST_F(ActInHand, LeavesALeaderThatTheTabletRefusesToLoadToNobody) {
  openmldb.On("Load db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_THAT(Do(LoadBoth(kZero, kOne)).message(),
              AllOf(HasSubstr("307"), HasSubstr("make a follower leader with `changeleader`")));
  EXPECT_FALSE(Held(0).recover) << "there is nobody to copy it from";
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(ActInHand, AsksAgainWhereTheTabletDidNotAnswer) {
  openmldb.On("Load db.t/0 (tid 1)", Refused(kAway)).On("Load db.t/1 (tid 1)", AnswerLost());
  const absl::Status status = Do(LoadBoth(kZero, kOne));
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr("2 of 2 failed"));
  EXPECT_FALSE(Held(0).recover || Held(1).recover);
}

TEST_F(ActInHand, LoadsWhatIsNotHeldAndTellsWhatTheTabletRefuses) {
  ledger.tablet.reset();
  openmldb.loaded["a"].clear();
  openmldb.On("Load db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_THAT(Do(LoadBoth(kZero, kOne)).message(), HasSubstr("307"));
  EXPECT_EQ(openmldb.loaded["a"].size(), 1u);
  EXPECT_THAT(notes, IsEmpty()) << "nobody leaves it to RecoverTable";
}

TEST_F(ActInHand, LearnsNothingOfTheTabletInHandFromALoadElsewhere) {
  ledger.tablet->name = "b";
  openmldb.loaded["a"].clear();
  openmldb.On("Load db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_FALSE(Do(LoadBoth(kZero, kOne)).ok());
  EXPECT_FALSE(Held(0).recover || Held(1).recover);
}

// Its leader would wait for it.
TEST_F(ActInHand, CountsNoLongerOnAFollowerThatCannotBeLoaded) {
  ledger.tablet.reset();
  openmldb.On("Load db.t/1 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_TRUE(Do(LoadBoth(kZero, kOne)).ok());
  EXPECT_FALSE(openmldb.Meta(1).Find("a")->is_alive);
  ASSERT_THAT(notes, testing::SizeIs(1));
  EXPECT_EQ(notes[0].reason, "LoadFailed");
  cluster.seen.database->tables = openmldb.tables;
  openmldb.On("Load db.t/1 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_THAT(Do(LoadBoth(kZero, kOne)).message(), HasSubstr("307")) << "nobody awaits it";
}

TEST_F(ActInHand, RemembersWhatWasAttached) {
  openmldb.Meta(0).replicas = {{"a", true, false, true, 100}, {"b", true, true, true, 100}};
  openmldb.Replica("b", 1).followers.clear();
  openmldb.On("Attach db.t/0 (tid 1)", Refused(kAway));
  const absl::Status status = Do(action::Attach{"a", {kZero, kOne}, {"b", "b"}});
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(Held(0).attached_to, "");
  EXPECT_EQ(Held(1).attached_to, "b");
  EXPECT_THAT(openmldb.Replica("b", 1).followers, UnorderedElementsAre("a"));
}

TEST_F(ActInHand, AttachesWhatIsNotHeld) {
  ledger.tablet->partitions.clear();
  EXPECT_TRUE(Do(action::Attach{"a", {kOne}, {"b"}}).ok());
}

TEST_F(ActInHand, MarksAReplicaAliveAsAFollower) {
  openmldb.Meta(0).replicas[1] = {"b", true, false, true, 100};
  ASSERT_TRUE(Do(action::MarkAlive{"b", {kZero}}).ok());
  EXPECT_TRUE(openmldb.Meta(0).replicas[1].is_alive);
  EXPECT_FALSE(openmldb.Meta(0).replicas[1].is_leader);
}

TEST_F(ActInHand, DetachesWhatIsNotHeld) {
  ledger.tablet.reset();
  EXPECT_TRUE(Do(action::Detach{"b", {kZero}, {"a"}}).ok());
}

TEST_F(ActInHand, LeavesToRecoverTableWhatIsLoadedForATableThatIsGone) {
  openmldb.loaded["a"].clear();
  cluster.seen.database->tables.clear();
  openmldb.On("Load db.t/0 (tid 1)", RefusedWith(OpenMldbCode::kInvalidParameter));
  EXPECT_TRUE(Do(LoadBoth(kZero, kOne)).ok());
  EXPECT_TRUE(Held(0).recover);
}

TEST_F(ActInHand, TellsClientsOfALeaderThatIsAliveAgain) {
  openmldb.Meta(0).replicas[0].is_alive = false;
  openmldb.Meta(0).replicas[1] = {"b", true, false, true, 100};
  openmldb.Always("SetReplicaMeta", Refused(kAway));
  ASSERT_TRUE(Do(action::MarkLeaderAlive{kZero, "b"}).ok());
  EXPECT_TRUE(openmldb.Meta(0).LedBy("b"));
}

TEST_F(ActInHand, RecoversUnlessTheReplicaIsAlive) {
  openmldb.Meta(1).replicas[1].is_alive = false;
  EXPECT_TRUE(Do(action::Recover{kOne, "a"}).ok());
  EXPECT_TRUE(openmldb.Meta(1).Find("a")->is_alive);
  openmldb.On("RecoverTable", RefusedWith(OpenMldbCode::kPartitionAlive));
  EXPECT_TRUE(Do(action::Recover{kOne, "a"}).ok());
  openmldb.On("RecoverTable", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  EXPECT_THAT(Do(action::Recover{kOne, "a"}).message(), HasSubstr("303"));
  openmldb.On("GetTermPair a", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::Recover{kOne, "a"})));
}

TEST_F(ActInHand, LeavesASessionThatCannotBeEndedToItsTimeOut) {
  ASSERT_TRUE(Do(action::EndZooKeeperSession{"a:10921", false}).ok());
  EXPECT_THAT(openmldb.disconnected, ElementsAre("a:10921"));
  openmldb.On("DisconnectZk", Refused(kAway));
  EXPECT_TRUE(Do(action::EndZooKeeperSession{"b:10921", false}).ok());
}

TEST_F(ActInHand, RenewsASession) {
  const absl::Time begin = clock.Now();
  ASSERT_TRUE(Do(action::RenewZooKeeperSession{"a:10921"}).ok());
  EXPECT_THAT(openmldb.disconnected, IsEmpty());
  EXPECT_GE(clock.Now() - begin, absl::Milliseconds(300)) << "at once it would be missed again";
  openmldb.On("DisconnectZk", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::RenewZooKeeperSession{"a:10921"})));
  openmldb.On("ConnectZk", Refused(kAway));
  EXPECT_TRUE(absl::IsUnavailable(Do(action::RenewZooKeeperSession{"a:10921"})));
}

TEST_F(ActInHand, LiftsAFence) {
  openmldb.fenced = {"a"};
  EXPECT_TRUE(Do(action::Unfence{"a"}).ok());
  EXPECT_THAT(openmldb.fenced, IsEmpty());
}

}  // namespace
}  // namespace omdb
