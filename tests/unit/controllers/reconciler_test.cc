#include "controllers/reconciler.h"

#include <gmock/gmock.h>

#include <utility>

#include "tests/unit/controllers/running_cluster.h"

namespace omdb {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Reconciling = RunningCluster;

TEST_F(Reconciling, FindsAClusterAtRestReady) {
  const auto again = Reconcile();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_GT(*again, absl::ZeroDuration());
  EXPECT_EQ(Condition("Ready"), "True Complete");
  EXPECT_THAT(kubernetes.writes, ElementsAre("status OpenMLDBCluster c"));
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(Reconciling, WritesNothingWhenNothingChanged) {
  ASSERT_TRUE(Reconcile().ok());
  kubernetes.writes.clear();
  clock.Sleep(absl::Minutes(1));
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_THAT(kubernetes.writes, IsEmpty());
  EXPECT_EQ(connections, 1);
}

TEST_F(Reconciling, LooksNoMoreAtAResourceThatIsGone) {
  ASSERT_TRUE(Reconcile().ok());
  const Json resource = Resource();
  kubernetes.Remove(types::OpenMLDBCluster(), kKey);
  EXPECT_EQ(*Reconcile(), absl::InfiniteDuration());
  kubernetes.Put(types::OpenMLDBCluster(), resource);
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(connections, 2) << "a new one of that name is another cluster";
}

// Its deletion was not seen: a watch shows what is, not all that was.
TEST_F(Reconciling, TakesAResourceOfAnotherUidForAnotherCluster) {
  ASSERT_TRUE(Reconcile().ok());
  Resource()["metadata"]["uid"] = "another";
  ASSERT_TRUE(Reconcile().ok());
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(connections, 2);
}

TEST_F(Reconciling, DoesNothingToAResourceThatIsBeingDeleted) {
  Resource()["metadata"]["deletionTimestamp"] = "2024-05-01T12:00:00Z";
  ChangeConfiguration();
  EXPECT_EQ(*Reconcile(), absl::InfiniteDuration());
  EXPECT_THAT(kubernetes.writes, IsEmpty());
}

class ReconcilingTheSecond : public Reconciling {
 protected:
  // Of an elder resource with the same ZooKeeper and path; this one was never complete.
  ReconcilingTheSecond() {
    Resource()["spec"]["zookeeper"] = {{"servers", "zk-0:2181,zk-1:2181"}};
    Resource()["metadata"]["creationTimestamp"] = "2024-05-01T12:00:01Z";
    Resource()["status"].erase("version");
    elder = Resource();
    elder["spec"]["zookeeper"]["servers"] = "zk-1:2181,zk-0:2181";
    elder["metadata"]["name"] = "elder";
    elder["metadata"]["uid"] = "elder";
    elder["metadata"]["creationTimestamp"] = "2024-05-01T12:00:00Z";
  }
  bool Refused() {
    kubernetes.Put(types::OpenMLDBCluster(), elder);
    return absl::IsAlreadyExists(Reconcile().status());
  }
  Json elder;
};

TEST_F(ReconcilingTheSecond, TouchesNothingOfTheFirst) {
  EXPECT_TRUE(Refused());
  EXPECT_EQ(Condition("Stalled"), "True ZooKeeperPathTaken");
  EXPECT_THAT(events, ElementsAre("ZooKeeperPathTaken"));
  EXPECT_EQ(connections, 0);
}

TEST_F(ReconcilingTheSecond, GoesOnWhereItIsAlone) {
  elder["spec"]["zookeeper"]["rootPath"] = "/another";
  EXPECT_FALSE(Refused());
  elder["spec"]["zookeeper"] = {{"servers", "zk-0:2181"}};
  EXPECT_FALSE(Refused());
  elder["spec"]["zookeeper"] = {{"managed", Json::object()}};
  EXPECT_FALSE(Refused());
  elder["spec"]["zookeeper"] = {{"servers", 7}};
  EXPECT_FALSE(Refused()) << "nobody knows what it wants";
  elder = Resource();
  EXPECT_FALSE(Refused());
}

TEST_F(ReconcilingTheSecond, HasAZooKeeperOfItsOwn) {
  Resource()["spec"]["zookeeper"] = elder["spec"]["zookeeper"] = {{"managed", Json::object()}};
  EXPECT_FALSE(Refused());
}

TEST_F(ReconcilingTheSecond, IsNotTheElderOne) {
  elder["metadata"]["creationTimestamp"] = "2024-05-01T12:00:02Z";
  EXPECT_FALSE(Refused());
}

TEST_F(ReconcilingTheSecond, AsksAgainWhereTheOthersCannotBeSeen) {
  kubernetes.before = [](const std::string& call) {
    return call == "list OpenMLDBCluster" ? kAway : absl::OkStatus();
  };
  EXPECT_EQ(Reconcile().status(), kAway);
}

TEST_F(Reconciling, RefusesASpecThatItDoesNotUnderstand) {
  Resource()["spec"]["tablet"]["replicas"] = "three";
  EXPECT_TRUE(absl::IsInvalidArgument(Reconcile().status()));
  EXPECT_EQ(Condition("Stalled"), "True InvalidSpec");
  EXPECT_THAT(events, ElementsAre("InvalidSpec"));
  EXPECT_TRUE(absl::IsInvalidArgument(Reconcile().status()));
  EXPECT_THAT(kubernetes.writes, ElementsAre("status OpenMLDBCluster c")) << "once is enough";
  Resource()["spec"]["tablet"]["replicas"] = 2;
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(Condition("Stalled"), "False Complete");
}

TEST_F(Reconciling, SurvivesWhatItDoesNotUnderstand) {
  ASSERT_TRUE(Reconcile().ok());
  Json& pod = kubernetes.At(types::Pod(), {"ns", "c-tablet-0"});
  const Json good = pod;
  pod["status"]["conditions"] = "none";
  const absl::Status status = Reconcile().status();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  kubernetes.Put(types::Pod(), good);
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(connections, 2) << "it begins anew";
}

TEST_F(Reconciling, FailsWhereKubernetesDoesNotAnswer) {
  for (const std::string call : {"get OpenMLDBCluster c", "get ConfigMap c-rollout", "list Pod",
                                 "status OpenMLDBCluster c"}) {
    kubernetes.before = [&](const std::string& asked) {
      return asked == call ? kAway : absl::OkStatus();
    };
    EXPECT_EQ(Reconcile().status(), kAway) << call;
    EXPECT_THAT(kubernetes.writes, IsEmpty());
  }
}

TEST_F(Reconciling, WritesTheLedgerBeforeItActs) {
  ChangeConfiguration();
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_THAT(kubernetes.writes,
              ElementsAre("apply ConfigMap c-rollout", "apply StatefulSet c-nameserver",
                          "status OpenMLDBCluster c"));
  EXPECT_TRUE(StoredLedger().rollout.has_value());
  EXPECT_THAT(events, ElementsAre("UpgradeStarted"));
}

TEST_F(Reconciling, DoesNothingThatItCouldNotRemember) {
  ChangeConfiguration();
  kubernetes.before = [](const std::string& call) {
    return call == "apply ConfigMap c-rollout" ? kAway : absl::OkStatus();
  };
  EXPECT_EQ(Reconcile().status(), kAway);
  EXPECT_THAT(kubernetes.writes, IsEmpty());
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(Reconciling, SaysWhyItCannotRemember) {
  ChangeConfiguration();
  kubernetes.before = [](const std::string& call) {
    return call == "apply ConfigMap c-rollout" ? absl::InvalidArgumentError("it is too long")
                                               : absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsInvalidArgument(Reconcile().status()));
  EXPECT_THAT(kubernetes.writes, ElementsAre("status OpenMLDBCluster c"));
  EXPECT_EQ(Condition("Ready"), "False ActionFailed");
}

TEST_F(Reconciling, ReadsTheLedgerAgainWhenSomebodyElseWroteIt) {
  PutLedger("{}");
  ASSERT_TRUE(Reconcile().ok());
  PutLedger(R"({"wantedAutoFailover": true})");
  kubernetes.writes.clear();
  ChangeConfiguration();
  EXPECT_TRUE(absl::IsAborted(Reconcile().status()));
  EXPECT_THAT(kubernetes.writes, IsEmpty());
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(StoredLedger().wanted_auto_failover, true) << "what the other wrote is kept";
  EXPECT_TRUE(StoredLedger().rollout.has_value());
}

TEST_F(Reconciling, TouchesNothingWhileTheLedgerIsBroken) {
  ChangeConfiguration();
  for (const std::string content : {"{", "", "[]", R"({"rollout": 1})"}) {
    PutLedger(content);
    const auto status = Reconcile().status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << content << status;
    EXPECT_THAT(status.message(), HasSubstr("ConfigMap c-rollout"));
    EXPECT_EQ(Condition("Stalled"), "True LedgerUnreadable");
  }
  EXPECT_THAT(kubernetes.writes, Each("status OpenMLDBCluster c"));
  PutLedger("{}");
  EXPECT_TRUE(Reconcile().ok()) << "a person mended it";
}

TEST_F(Reconciling, DoesNothingWhenItLeadsNoMore) {
  ChangeConfiguration();
  ASSERT_TRUE(Reconcile().ok());
  kubernetes.writes.clear();
  leadership.leads = absl::CancelledError("this operator leads no more");
  EXPECT_TRUE(absl::IsCancelled(Reconcile().status()));
  EXPECT_THAT(kubernetes.writes, Each(AnyOf(HasSubstr("ConfigMap"), HasSubstr("status"))));
}

TEST_F(Reconciling, AsksForTheLeaseBeforeItMovesALeader) {
  PutLedger(HandingOver());
  leadership.lease = absl::CancelledError("another one holds the Lease");
  for (int look = 0; look < 5; ++look) (void)Reconcile();
  EXPECT_GT(leadership.confirmed, 0);
  EXPECT_EQ(openmldb->Meta().Leader()->endpoint, "c-tablet-0");
  leadership.lease = absl::OkStatus();
  for (int look = 0; look < 5; ++look) (void)Reconcile();
  EXPECT_EQ(openmldb->Meta().Leader()->endpoint, "c-tablet-1");
}

TEST_F(Reconciling, SaysWhichActionFailedAndLeavesTheRest) {
  kubernetes.Remove(types::Service(), {"ns", "c-tablet"});
  kubernetes.Remove(types::PodDisruptionBudget(), {"ns", "c-tablet"});
  kubernetes.before = [](const std::string& call) {
    return call == "apply Service c-tablet" ? absl::PermissionDeniedError("forbidden")
                                            : absl::OkStatus();
  };
  const auto status = Reconcile().status();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(status.message(), HasSubstr("apply Service c-tablet"));
  EXPECT_EQ(Condition("Ready"), "False ActionFailed");
  EXPECT_FALSE(kubernetes.Has(types::PodDisruptionBudget(), {"ns", "c-tablet"}));
  kubernetes.before = nullptr;
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_TRUE(kubernetes.Has(types::PodDisruptionBudget(), {"ns", "c-tablet"}));
}

TEST_F(Reconciling, RemembersWhatItsActionsTaught) {
  PutLedger(HandingOver());
  for (int look = 0; look < 5; ++look) (void)Reconcile();
  EXPECT_EQ(openmldb->Meta().Leader()->endpoint, "c-tablet-1");
  EXPECT_EQ(StoredLedger().tablet->report.leaders_moved, 1);
}

TEST_F(Reconciling, ReportsThatItCouldNotRememberWhatItsActionsTaught) {
  PutLedger(HandingOver());
  for (int look = 0; look < 5 && openmldb->Meta().Leader()->endpoint == "c-tablet-0"; ++look) {
    kubernetes.before = [this](const std::string& call) {
      const bool moved = openmldb->Meta().Leader()->endpoint == "c-tablet-1";
      return moved && call == "apply ConfigMap c-rollout" ? kAway : absl::OkStatus();
    };
    const auto again = Reconcile();
    if (openmldb->Meta().Leader()->endpoint == "c-tablet-1") {
      EXPECT_EQ(again.status(), kAway);
      EXPECT_EQ(Condition("Ready"), "False ActionFailed");
    }
  }
  EXPECT_EQ(openmldb->Meta().Leader()->endpoint, "c-tablet-1");
}

TEST_F(Reconciling, LiftsFencesWhenItBegins) {
  PutLedger(HandingOver());
  openmldb->fenced = {"c-tablet-1"};
  for (int look = 0; look < 2; ++look) ASSERT_TRUE(Reconcile().ok());
  EXPECT_THAT(openmldb->fenced, IsEmpty());
}

TEST_F(Reconciling, LiftsFencesOnceItHasSeenTheDatabase) {
  PutLedger(HandingOver());
  openmldb->fenced = {"c-tablet-1"};
  openmldb->On("ShowTablet", Refused(kAway));
  for (int look = 0; look < 2; ++look) ASSERT_TRUE(Reconcile().ok());
  EXPECT_THAT(openmldb->fenced, IsEmpty());
}

// Whatever it was in the middle of.
TEST_F(Reconciling, LiftsAFenceThatItCouldNotLiftBefore) {
  PutLedger(HandingOver());
  for (int look = 0; look < 2; ++look) ASSERT_TRUE(Reconcile().ok());
  for (int attempt = 0; attempt < 3; ++attempt) openmldb->On("Unfence c-tablet-0", Refused(kAway));
  for (int look = 0; look < 5 && openmldb->fenced.empty(); ++look) (void)Reconcile();
  ASSERT_THAT(openmldb->fenced, ElementsAre("c-tablet-0"));
  openmldb->Always("GetTableStatus c-tablet-1", Refused(kAway));
  for (int look = 0; look < 3; ++look) (void)Reconcile();
  EXPECT_THAT(openmldb->fenced, IsEmpty());
}

// The first look, which lifts fences, is not the close one.
TEST_F(Reconciling, LooksCloselyOnceItHasBegun) {
  PutLedger(HandingOver());
  openmldb->Replica("c-tablet-1").term = 9;
  for (int look = 0; look < 3; ++look) ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(openmldb->Replica("c-tablet-0").term, 9u) << "no follower refuses it any more";
}

class ReconcilingBetweenTablets : public Reconciling, public testing::WithParamInterface<bool> {};

TEST_P(ReconcilingBetweenTablets, LooksCloselyWhereAutoFailoverIsOff) {
  Ledger ledger = HandingOver();
  ledger.tablet.reset();
  ledger.wanted_auto_failover.reset();
  PutLedger(ledger);
  openmldb->auto_failover = GetParam();
  openmldb->ops = {{7, "kAddReplicaOP", OpState::kDoing, "kSendSnapshot", "db", "t", 0}};
  int looks = 0;
  openmldb->Always("GetTableFollower", Then([&looks] { ++looks; }));
  for (int look = 0; look < 2; ++look) ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(looks > 0, !GetParam());
}
INSTANTIATE_TEST_SUITE_P(, ReconcilingBetweenTablets, testing::Bool());

TEST_F(Reconciling, LooksCloselyBeforeATabletIsBack) {
  Ledger ledger = HandingOver();
  ledger.tablet->step = TabletStep::kVerify;
  PutLedger(ledger);
  for (int look = 0; look < 3; ++look) ASSERT_TRUE(Reconcile().ok());
  EXPECT_THAT(events, Contains("TabletUpgraded"));
}

TEST_F(Reconciling, LooksCloselyNowAndThenWhileItWaits) {
  PutLedger(HandingOver());
  openmldb->ops = {{7, "kAddReplicaOP", OpState::kDoing, "kSendSnapshot", "db", "t", 0}};
  int looks = 0;
  openmldb->Always("GetTableFollower", Then([&looks] { ++looks; }));
  for (int look = 0; look < 5; ++look) EXPECT_LT(*Reconcile(), absl::Milliseconds(500));
  EXPECT_EQ(Condition("Ready"), "False OpRunning");
  const int at_first = std::exchange(looks, 0);
  EXPECT_THAT(at_first, AnyOf(1, 2)) << "until nothing is left to mend";
  clock.Sleep(absl::Seconds(4));
  for (int look = 0; look < 5; ++look) EXPECT_EQ(*Reconcile(), absl::Milliseconds(500));
  EXPECT_EQ(looks, 1);
}

// Its node lost power: whether the follower that has more may lead, terms tell.
TEST_F(Reconciling, LooksCloselyWhereAFollowerHasMoreThanALeaderThatWasRestarted) {
  PutLedger(HandingOver());
  openmldb->ops = {{7, "kAddReplicaOP", OpState::kDoing, "kSendSnapshot", "db", "other", 0}};
  int looks = 0;
  openmldb->Always("GetTableFollower", Then([&looks] { ++looks; }));
  for (int look = 0; look < 4; ++look) ASSERT_TRUE(Reconcile().ok());
  FakeReplica& leader = openmldb->Replica("c-tablet-0");
  leader = {100, TableMode::kFollower, 0, {}};
  openmldb->Replica("c-tablet-1").offset = 103;
  looks = 0;
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(Condition("Ready"), "False LeaderBehind");
  EXPECT_EQ(looks, 0);
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(looks, 1);
  openmldb->ops.clear();
  for (int look = 0; look < 2; ++look) ASSERT_TRUE(Reconcile().ok());
  EXPECT_TRUE(openmldb->Serves("c-tablet-1"));
}

TEST_F(Reconciling, LooksCloselyAgainAfterAHandOverThatFailed) {
  PutLedger(HandingOver());
  openmldb->On("ChangeLeader", RefusedWith(OpenMldbCode::kTabletNotHealthy));
  while (Reconcile().ok()) continue;
  openmldb->Replica("c-tablet-0").followers.clear();
  for (int look = 0; look < 3; ++look) ASSERT_TRUE(Reconcile().ok());
  EXPECT_THAT(openmldb->Replica("c-tablet-0").followers, ElementsAre("c-tablet-1"));
}

TEST_F(Reconciling, TellsOnceWhatItHasWaitedForForAWhile) {
  openmldb->Always("GetTableStatus c-tablet-1", Refused(kAway));
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_EQ(Condition("Ready"), "False TabletDown");
  clock.Sleep(absl::Seconds(2));
  ASSERT_TRUE(Reconcile().ok());
  EXPECT_THAT(events, IsEmpty()) << "what passes at once is no event";
  for (int look = 0; look < 3; ++look) {
    clock.Sleep(absl::Seconds(2));
    ASSERT_TRUE(Reconcile().ok());
    EXPECT_THAT(events, ElementsAre("TabletDown"));
  }
}

TEST_F(Reconciling, TellsAgainWhatComesBack) {
  const auto wait = [this](const std::string& tablet, Turn turn) {
    openmldb->Always("GetTableStatus " + tablet, std::move(turn));
    for (int look = 0; look < 3; ++look) {
      ASSERT_TRUE(Reconcile().ok());
      clock.Sleep(absl::Seconds(2));
    }
  };
  wait("c-tablet-1", Refused(kAway));
  wait("c-tablet-1", {});
  wait("c-tablet-1", Refused(kAway));
  EXPECT_THAT(events, ElementsAre("TabletDown", "TabletDown"));
}

TEST_F(Reconciling, TellsOfActionsThatKeepFailing) {
  ChangeConfiguration();
  kubernetes.before = [](const std::string& call) {
    return call == "apply StatefulSet c-nameserver" ? kAway : absl::OkStatus();
  };
  EXPECT_FALSE(Reconcile().ok());
  EXPECT_THAT(events, Not(Contains("ActionFailed")));
  clock.Sleep(absl::Seconds(4));
  EXPECT_FALSE(Reconcile().ok());
  EXPECT_THAT(events, Contains("ActionFailed").Times(1));
}

}  // namespace
}  // namespace omdb
