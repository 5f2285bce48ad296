#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/decide.h"
#include "tests/unit/controllers/whole_cluster.h"

// spec.upgrade.podTimeout.
namespace omdb {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LatePod : public testing::Test {
 protected:
  LatePod() {
    cluster.WithTable("t", 3, 3);
    cluster.seen.cluster.spec.upgrade.pod_timeout = absl::Minutes(10);
  }
  Pod& NotReadyFor(const std::string& name, absl::Duration duration) {
    Pod& pod = cluster.MutablePod(name);
    pod.ready = false;
    pod.reported_version.clear();
    pod.not_ready_since = cluster.seen.now - duration;
    pod.created = pod.not_ready_since;
    return pod;
  }
  Decision Decided() { return Decide(cluster.seen, ledger); }

  WholeCluster cluster;
  Ledger ledger;
};

TEST_F(LatePod, IsNoMatterBeforeItsTime) {
  NotReadyFor("c-apiserver-0", absl::Minutes(10) - absl::Seconds(1));
  EXPECT_TRUE(Decided().complete);
}

TEST_F(LatePod, IsReportedAtRestWithWhatKubernetesSaysAndAWayOut) {
  NotReadyFor("c-apiserver-0", absl::Seconds(12 * 60 + 34)).says = "container apiserver: Error";
  const Decision decision = Decided();
  EXPECT_FALSE(decision.complete);
  EXPECT_EQ(decision.phase, "Degraded");
  EXPECT_EQ(decision.reason, "PodNotReady");
  EXPECT_THAT(
      decision.message,
      AllOf(HasSubstr("pod c-apiserver-0 has not been ready for 12m "),
            HasSubstr("spec.upgrade.podTimeout is 10m"), HasSubstr("container apiserver: Error"),
            HasSubstr("kubectl -n ns describe pod c-apiserver-0"), HasSubstr("spec.apiServer")));
}

TEST_F(LatePod, IsTimedByTheSecondsAtFirst) {
  cluster.seen.cluster.spec.upgrade.pod_timeout = absl::Seconds(30);
  NotReadyFor("c-apiserver-0", absl::Seconds(47));
  EXPECT_THAT(Decided().message, HasSubstr("for 40s "));
}

TEST_F(LatePod, CountsFromWhenItWasReadyLast) {
  Pod& pod = NotReadyFor("c-apiserver-0", absl::Minutes(1));
  pod.created -= absl::Hours(24);
  EXPECT_TRUE(Decided().complete);
}

TEST_F(LatePod, ThatFindsNoNodeNeedsRoom) {
  NotReadyFor("c-taskmanager-0", absl::Hours(1)).says = "Unschedulable: 0/3 nodes are available";
  EXPECT_THAT(Decided().message, AllOf(HasSubstr("0/3 nodes"), HasSubstr("make room"),
                                       HasSubstr("spec.taskManager"), Not(HasSubstr("logs"))));
}

TEST_F(LatePod, ThatFindsNoNodeIsOfAFieldOfTheSpec) {
  Pod pod = cluster.MutablePod("c-apiserver-0");
  pod.name = "c-zookeeper-0";
  pod.component = Component::kZooKeeper;
  cluster.seen.pods.push_back(pod);
  NotReadyFor("c-zookeeper-0", absl::Hours(1)).says = "Unschedulable: no node";
  EXPECT_THAT(Decided().message, HasSubstr("of spec.zookeeper.managed"));
}

TEST_F(LatePod, ThatIsNotGoneMayBeOnALostNode) {
  NotReadyFor("c-taskmanager-0", absl::Hours(1)).deleting = true;
  EXPECT_THAT(Decided().message, HasSubstr("delete pod c-taskmanager-0 --force"));
}

TEST_F(LatePod, SaysMoreThanThatItsTabletIsDown) {
  cluster.seen.database->registered_tablets.pop_back();
  EXPECT_EQ(Decided().reason, "TabletDown");
  NotReadyFor("c-tablet-2", absl::Hours(1));
  EXPECT_EQ(Decided().reason, "PodNotReady");
}

TEST_F(LatePod, DoesNotHideAnotherTrouble) {
  NotReadyFor("c-apiserver-0", absl::Hours(1));
  cluster.Meta("t", 0, "c-tablet-1").is_alive = false;
  EXPECT_EQ(Decided().reason, "ReplicaNotAlive");
}

TEST_F(LatePod, InARolloutIsWaitedForAndTheRolloutGoesOnWhenItIsReady) {
  cluster.Asked("0.9.2");
  ledger = Decided().ledger;
  cluster.TemplateUpgraded(Component::kNameserver);
  cluster.Replace("c-nameserver-1");
  NotReadyFor("c-nameserver-1", absl::Minutes(11));
  const Decision late = Decided();
  EXPECT_THAT(late.actions, IsEmpty());
  EXPECT_EQ(late.reason, "PodNotReady");
  EXPECT_EQ(late.phase, "Waiting");
  EXPECT_THAT(late.progress, HasSubstr("waiting for c-nameserver-1"));
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").ready = true;
  const Decision decision = Decided();
  EXPECT_EQ(decision.reason, "");
  EXPECT_EQ(ToString(decision.actions.back()), "delete pod c-nameserver-0");
}

TEST_F(LatePod, OfATabletInHandIsReportedToo) {
  cluster.Asked("0.9.2");
  ledger = Decided().ledger;
  cluster.Upgraded(Component::kNameserver).TemplateUpgraded(Component::kTablet);
  ledger = Decided().ledger;
  ASSERT_TRUE(ledger.tablet.has_value());
  ledger.tablet->step = TabletStep::kRestart;
  cluster.seen.database->auto_failover = false;
  cluster.KeepSupportingObjects(true);
  cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
  cluster.Stop("c-tablet-0");
  cluster.Replace("c-tablet-0");
  NotReadyFor("c-tablet-0", absl::Minutes(10));
  EXPECT_EQ(Decided().reason, "PodNotReady");
}

}  // namespace
}  // namespace omdb
