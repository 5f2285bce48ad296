#include "controllers/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/controllers/whole_cluster.h"

namespace omdb {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Actions(const Decision& decision) {
  std::vector<std::string> texts;
  for (const Action& action : decision.actions) texts.push_back(ToString(action));
  return texts;
}

TEST(Decide, DoesNothingForAClusterAtRest) {
  WholeCluster cluster;
  cluster.WithTable("t", 4, 3);
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_TRUE(decision.complete);
  EXPECT_EQ(decision.phase, "Ready");
}

TEST(Decide, IsNotReadyWhileAPartitionHasNoLeader) {
  WholeCluster cluster;
  cluster.WithTable("t", 1, 2);
  cluster.Meta("t", 0, "c-tablet-0").is_alive = false;
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_FALSE(decision.complete);
  EXPECT_EQ(decision.reason, "NoLeader");
  EXPECT_EQ(decision.phase, "Degraded");
}

TEST(Decide, CreatesTabletsBeforeNameservers) {
  WholeCluster cluster;
  cluster.seen.cluster.status.version.clear();
  cluster.seen.workloads.clear();
  cluster.seen.pods.clear();
  cluster.seen.database.reset();
  EXPECT_THAT(Actions(Decide(cluster.seen, {})), ElementsAre("apply StatefulSet c-tablet"));
}

TEST(Decide, KeepsRunningTemplatesWhenOnlyTheNumberOfPodsChanges) {
  WholeCluster cluster;
  cluster.seen.cluster.spec.tablet.replicas = 4;
  const Decision decision = Decide(cluster.seen, {});
  ASSERT_FALSE(decision.actions.empty());
  const auto& apply = std::get<action::Apply>(decision.actions.front());
  EXPECT_EQ(apply.object.at("spec").at("replicas"), 4);
  EXPECT_EQ(apply.object.at("spec").at("template"),
            cluster.seen.workloads.at(Component::kTablet).object.at("spec").at("template"));
}

TEST(NameserverRollout, BeginsWithTheTemplateAndRemembersWhereItStarted) {
  WholeCluster cluster;
  cluster.WithTable("t", 2, 2).Asked("0.9.2");
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(Actions(decision), ElementsAre("apply StatefulSet c-nameserver"));
  ASSERT_TRUE(decision.ledger.rollout.has_value());
  EXPECT_EQ(decision.ledger.rollout->from_version, "0.9.1");
  EXPECT_EQ(decision.ledger.rollout->to_version, "0.9.2");
  EXPECT_EQ(decision.ledger.rollout->offsets.size(), 2u);
}

class Upgrading : public testing::Test {
 protected:
  Upgrading() {
    cluster.WithTable("t", 3, 3).WithTable("one", 1, 1).Asked("0.9.2");
    ledger = Decide(cluster.seen, {}).ledger;
    cluster.TemplateUpgraded(Component::kNameserver);
  }
  // To where the first tablet is taken in hand.
  void NameserversDone() {
    cluster.Upgraded(Component::kNameserver).TemplateUpgraded(Component::kTablet);
  }
  Decision Next() {
    Decision decision = Decide(cluster.seen, ledger);
    ledger = decision.ledger;
    cluster.KeepSupportingObjects(ledger.tablet.has_value());
    return decision;
  }

  WholeCluster cluster;
  Ledger ledger;
};

TEST_F(Upgrading, ReplacesTheStandbyNameserverFirst) {
  EXPECT_THAT(Actions(Next()),
              ElementsAre(HasSubstr("end the ZooKeeper session"), "delete pod c-nameserver-1"));
}

TEST_F(Upgrading, ReplacesTheLeadingNameserverLast) {
  cluster.Replace("c-nameserver-1");
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision),
              ElementsAre(HasSubstr("end the ZooKeeper session"), "delete pod c-nameserver-0"));
  EXPECT_EQ(decision.notes.front().reason, "NameserverHandOver");
}

TEST_F(Upgrading, WaitsForANameserverThatIsNotInTheElection) {
  cluster.Replace("c-nameserver-1");
  cluster.seen.database->nameservers = {"c-nameserver-0"};
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_THAT(decision.progress, HasSubstr("election"));
}

TEST_F(Upgrading, DrainsNothingWhileANewNameserverReportsAnotherVersion) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").reported_version = "0.9.1";
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "VersionMismatch");
}

TEST_F(Upgrading, TakesAVersionWithItsCommitForThatVersion) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").reported_version = "0.9.2-5ca1ab1e";
  EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-nameserver-0"));
  cluster.MutablePod("c-nameserver-1").reported_version = "0.9.20";
  EXPECT_EQ(Next().reason, "VersionMismatch");
}

TEST_F(Upgrading, ReplacesABrokenPodOfAVersionThatIsNoLongerAskedFor) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").trouble = "ImagePullBackOff: no such image";
  cluster.Asked("0.9.3").TemplateUpgraded(Component::kNameserver);
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-nameserver-1"));
}

struct Guard {
  std::string name;
  std::string reason;
  std::function<void(WholeCluster&)> spoil;
};

class Guards : public Upgrading, public testing::WithParamInterface<Guard> {};

TEST_P(Guards, KeepEveryServerInPlace) {
  for (const bool nameservers_done : {false, true}) {
    if (nameservers_done) NameserversDone();
    WholeCluster spoilt = cluster;
    GetParam().spoil(spoilt);
    const Decision decision = Decide(spoilt.seen, ledger);
    EXPECT_THAT(Actions(decision), IsEmpty());
    EXPECT_EQ(decision.reason, GetParam().reason);
    EXPECT_EQ(decision.phase, "Waiting");
    EXPECT_FALSE(decision.message.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Each, Guards,
    testing::Values(
        Guard{"Unreachable", "OpenMLDBUnreachable",
              [](WholeCluster& c) {
                c.seen.database.reset();
                c.seen.database_status = absl::UnavailableError("no ZooKeeper");
              }},
        Guard{"TabletNotRegistered", "TabletDown",
              [](WholeCluster& c) { c.seen.database->registered_tablets.pop_back(); }},
        Guard{"TabletMissedByTheNameserver", "TabletOffline",
              [](WholeCluster& c) { c.seen.database->tablets.back().healthy = false; }},
        Guard{"TabletSilent", "TabletDown",
              [](WholeCluster& c) { c.seen.database->loaded.erase("c-tablet-2"); }},
        Guard{"OpQueued", "OpRunning",
              [](WholeCluster& c) {
                c.seen.database->ops.push_back(
                    {5, "kAddReplicaOP", OpState::kInited, "-", "db", "t", 0});
              }},
        Guard{"FormerLeader", "FormerLeaderNotDemoted",
              [](WholeCluster& c) {
                c.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
                c.Status("t", 0, "c-tablet-0").mode = TableMode::kLeader;
              }},
        Guard{"NoLeader", "NoLeader",
              [](WholeCluster& c) {
                c.Meta("t", 0, "c-tablet-0").is_alive = false;
                c.Status("t", 0, "c-tablet-0").mode = TableMode::kFollower;
              }},
        Guard{"ReplicaDead", "ReplicaNotAlive",
              [](WholeCluster& c) { c.Meta("t", 0, "c-tablet-1").is_alive = false; }},
        Guard{"ReplicaNotLoaded", "ReplicaNotLoaded",
              [](WholeCluster& c) {
                c.seen.database->loaded["c-tablet-1"].erase({1, 0});
              }},
        Guard{"ReplicaLoading", "ReplicaLoading",
              [](WholeCluster& c) { c.Status("t", 0, "c-tablet-1").state = TableState::kLoading; }},
        Guard{"RoleMismatch", "ReplicaRoleMismatch",
              [](WholeCluster& c) { c.Status("t", 0, "c-tablet-1").mode = TableMode::kLeader; }}),
    [](const testing::TestParamInfo<Guard>& info) { return info.param.name; });

class TabletInTurn : public Upgrading {
 protected:
  TabletInTurn() { NameserversDone(); }
  // Looks until the tablet in hand has come to `step`; what was decided last.
  void GoTo(TabletStep step) {
    ledger.tablet->step = step;
    cluster.KeepSupportingObjects(true);
  }
  void TakeInHand() {
    Next();
    ASSERT_TRUE(ledger.tablet.has_value());
    cluster.seen.database->auto_failover = false;
  }
};

TEST_F(TabletInTurn, IsPlannedAndAutoFailoverTurnedOffFirst) {
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), ElementsAre("set auto_failover false"));
  ASSERT_TRUE(ledger.tablet.has_value());
  EXPECT_EQ(ledger.tablet->name, "c-tablet-0");
  EXPECT_EQ(ledger.wanted_auto_failover, true);
  ASSERT_EQ(ledger.tablet->partitions.size(), 4u);
  for (const HeldPartition& held : ledger.tablet->partitions) {
    EXPECT_EQ(held.was_leader, held.id.pid == 0);
    EXPECT_EQ(!held.extra_replica.empty(), held.id.table == "one")
        << "only a single replica gets another one";
  }
}

TEST_F(TabletInTurn, StallsForASingleReplicaThatHasNowhereToGo) {
  cluster.seen.cluster.spec.tablet.replicas = 1;
  cluster.seen.workloads.at(Component::kTablet).replicas = 1;
  WholeCluster alone = cluster;
  alone.seen.database->tables.erase(alone.seen.database->tables.begin());
  std::erase_if(alone.seen.pods, [](const Pod& pod) {
    return pod.name == "c-tablet-1" || pod.name == "c-tablet-2";
  });
  alone.seen.database->tablets.resize(1);
  alone.seen.database->registered_tablets.resize(1);
  const Decision decision = Decide(alone.seen, ledger);
  EXPECT_TRUE(decision.stalled);
  EXPECT_EQ(decision.reason, "SingleReplica");
  EXPECT_THAT(decision.message, HasSubstr("allowSingleReplicaDowntime"));
}

TEST_F(TabletInTurn, AddsExtraReplicasOnePartitionOneOp) {
  TakeInHand();
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("add replica of db.one/0")));
  cluster.seen.database->ops.push_back(
      {9, "kAddReplicaOP", OpState::kDoing, "kLoadTable", "db", "one", 0});
  EXPECT_THAT(Actions(Next()), IsEmpty());
  EXPECT_EQ(ledger.tablet->step, TabletStep::kAddExtraReplicas);
}

TEST_F(TabletInTurn, HandsOverOnlyWhileNoOpIsUnderWay) {
  TakeInHand();
  GoTo(TabletStep::kHandOverLeaders);
  EXPECT_THAT(Actions(Next()), testing::Contains(HasSubstr("hand over db.t/0")));
  cluster.seen.database->ops.push_back(
      {9, "kAddReplicaOP", OpState::kDoing, "kLoadTable", "db", "t", 2});
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "OpRunning");
}

TEST_F(TabletInTurn, HandsOverNothingWhileAFormerLeaderAcceptsWrites) {
  TakeInHand();
  GoTo(TabletStep::kHandOverLeaders);
  cluster.MoveLeader("t", 1, "c-tablet-1", "c-tablet-2");
  cluster.Status("t", 1, "c-tablet-1").mode = TableMode::kLeader;
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "FormerLeaderNotDemoted");
}

class Drained : public TabletInTurn {
 protected:
  Drained() {
    TakeInHand();
    std::erase_if(ledger.tablet->partitions,
                  [](const HeldPartition& held) { return held.id.table == "one"; });
    cluster.seen.database->tables.pop_back();
    cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
    ledger.tablet->partitions[0].moved_to = "c-tablet-1";
    GoTo(TabletStep::kDetach);
  }
  void Detached() {
    for (uint32_t pid : {1u, 2u}) cluster.Meta("t", pid, "c-tablet-0").is_alive = false;
  }
  void Restarted() {
    Detached();
    Next();
    cluster.Replace("c-tablet-0");
    cluster.seen.database->loaded["c-tablet-0"].clear();
  }
  void Loaded() {
    Restarted();
    for (uint32_t pid : {0u, 1u, 2u}) {
      cluster.seen.database->loaded["c-tablet-0"][{1, pid}] = {
          1, pid, 100, TableMode::kFollower, TableState::kNormal, 100};
    }
  }
};

TEST_F(Drained, DetachesFollowersBeforeItStops) {
  EXPECT_THAT(Actions(Next()),
              ElementsAre(HasSubstr("detach c-tablet-0 from c-tablet-1 for db.t/1"),
                          HasSubstr("detach c-tablet-0 from c-tablet-2 for db.t/2")));
}

TEST_F(Drained, RemembersItsOffsetsAndRestarts) {
  Detached();
  EXPECT_THAT(Actions(Next()),
              ElementsAre("end the ZooKeeper session of 10.0.2.1:10921", "delete pod c-tablet-0"));
  for (const HeldPartition& held : ledger.tablet->partitions) EXPECT_EQ(held.offset, 100u);
}

TEST_F(Drained, IsMadeKnownAgainWhenTheNameserverMissedIt) {
  Restarted();
  cluster.seen.database->tablets.front().healthy = false;
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("renew the ZooKeeper session")));
}

TEST_F(Drained, LoadsWhatItHasOnDisk) {
  Restarted();
  EXPECT_THAT(Actions(Next()), ElementsAre("load 3 partitions on c-tablet-0"));
}

TEST_F(Drained, LeavesAReplicaThatDiffersToRecoverTable) {
  Loaded();
  cluster.Status("t", 0, "c-tablet-0").offset = 103;
  const Decision decision = Next();
  EXPECT_TRUE(ledger.tablet->partitions[0].recover);
  EXPECT_EQ(decision.notes.front().reason, "ReplicaDiffers");
  EXPECT_THAT(Actions(decision), ElementsAre("attach c-tablet-0 for 2 partitions"));
}

TEST_F(Drained, LoadsAgainAfterItRestartedOnceMore) {
  Loaded();
  EXPECT_THAT(Actions(Next()), ElementsAre("attach c-tablet-0 for 3 partitions"));
  cluster.seen.database->loaded["c-tablet-0"].clear();
  EXPECT_THAT(Actions(Next()), ElementsAre("load 3 partitions on c-tablet-0"));
}

TEST_F(Drained, TakesItsPlaceOnceItHasCaughtUp) {
  Loaded();
  cluster.Status("t", 1, "c-tablet-1").offset = 150;
  Next();
  for (HeldPartition& held : ledger.tablet->partitions) held.attached = true;
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "one replica is 50 rows behind";
  cluster.Status("t", 1, "c-tablet-0").offset = 150;
  EXPECT_THAT(Actions(Next()), ElementsAre("mark c-tablet-0 alive for db.t/0 (tid 1)",
                                           "mark c-tablet-0 alive for db.t/1 (tid 1)",
                                           "mark c-tablet-0 alive for db.t/2 (tid 1)"));
}

TEST_F(Drained, GetsItsLeadersBack) {
  Loaded();
  for (uint32_t pid : {1u, 2u}) cluster.Meta("t", pid, "c-tablet-0").is_alive = true;
  cluster.Meta("t", 0, "c-tablet-0") = {"c-tablet-0", false, true, true, 100};
  GoTo(TabletStep::kReturnLeaders);
  EXPECT_THAT(Actions(Next()),
              ElementsAre("hand over db.t/0 (tid 1) from c-tablet-1 to c-tablet-0"));
}

TEST_F(Drained, AutoFailoverIsAsBeforeAndTheReportIsKept) {
  Loaded();
  for (uint32_t pid : {1u, 2u}) cluster.Meta("t", pid, "c-tablet-0").is_alive = true;
  cluster.Meta("t", 0, "c-tablet-0") = {"c-tablet-0", true, true, true, 100};
  cluster.Meta("t", 0, "c-tablet-1").is_leader = false;
  cluster.Status("t", 0, "c-tablet-0").mode = TableMode::kLeader;
  cluster.Status("t", 0, "c-tablet-1").mode = TableMode::kFollower;
  GoTo(TabletStep::kTurnFailoverBack);
  EXPECT_THAT(Actions(Next()), ElementsAre("set auto_failover true"));
  cluster.seen.database->auto_failover = true;
  const Decision decision = Next();
  EXPECT_FALSE(ledger.tablet.has_value());
  EXPECT_FALSE(ledger.wanted_auto_failover.has_value());
  ASSERT_EQ(ledger.rollout->tablets.size(), 1u);
  EXPECT_EQ(decision.notes.front().reason, "TabletUpgraded");
}

TEST_F(Drained, ANewOperatorLiftsFencesBeforeItGoesOn) {
  cluster.seen.first_look = true;
  EXPECT_THAT(Actions(Next()), testing::Each(HasSubstr("lift the fence")));
}

class TabletsDone : public Upgrading {
 protected:
  TabletsDone() {
    cluster.Upgraded(Component::kNameserver)
        .Upgraded(Component::kTablet)
        .TemplateUpgraded(Component::kTaskManager);
  }
};

TEST_F(TabletsDone, WaitsForUnfinishedJobsUpToTheLimit) {
  cluster.seen.database->unfinished_jobs = {{3, "ImportOnlineData", "RUNNING", absl::UnixEpoch()}};
  const Decision waiting = Next();
  EXPECT_THAT(Actions(waiting), IsEmpty());
  EXPECT_EQ(waiting.reason, "WaitingForJobs");
  EXPECT_THAT(waiting.message,
              AllOf(HasSubstr("3 (ImportOnlineData"), HasSubstr("spec.upgrade.jobTimeout")));
  cluster.seen.now += cluster.seen.cluster.spec.upgrade.job_timeout;
  const Decision late = Next();
  EXPECT_THAT(Actions(late), ElementsAre("delete pod c-taskmanager-0"));
  EXPECT_EQ(late.notes.front().reason, "JobsCutOff");
}

TEST_F(TabletsDone, ApiServersFollowTaskManagers) {
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-taskmanager-0"));
  cluster.Upgraded(Component::kTaskManager);
  EXPECT_THAT(Actions(Next()), ElementsAre("apply Deployment c-apiserver"));
}

TEST_F(TabletsDone, EndsOnlyWhenEveryLeaderHasWhatItHadBefore) {
  cluster.Upgraded(Component::kTaskManager).Upgraded(Component::kApiServer);
  WholeCluster behind = cluster;
  behind.Status("t", 0, "c-tablet-0").offset = 99;
  const Decision stalled = Decide(behind.seen, ledger);
  EXPECT_TRUE(stalled.stalled);
  EXPECT_EQ(stalled.reason, "OffsetBehind");
  const Decision done = Next();
  EXPECT_FALSE(ledger.rollout.has_value());
  EXPECT_EQ(done.notes.front().reason, "UpgradeComplete");
  EXPECT_TRUE(Next().complete);
}

}  // namespace
}  // namespace omdb
