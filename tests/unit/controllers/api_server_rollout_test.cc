#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(TabletsDone, ApiServersFollowTaskManagers) {
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-taskmanager-0"));
  cluster.Upgraded(Component::kTaskManager);
  EXPECT_THAT(Actions(Next()), ElementsAre("apply Deployment c-apiserver"));
}

class ApiServersInTurn : public TabletsDone {
 protected:
  ApiServersInTurn() { cluster.Upgraded(Component::kTaskManager); }
};

TEST_F(ApiServersInTurn, AreReplacedByTheirDeployment) {
  cluster.TemplateUpgraded(Component::kApiServer);
  Workload& workload = cluster.seen.workloads.at(Component::kApiServer);
  workload.settled = false;
  EXPECT_THAT(Actions(Next()), IsEmpty());
  workload.settled = true;
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "its pod is the old one";
  EXPECT_TRUE(ledger.rollout.has_value());
  cluster.Upgraded(Component::kApiServer);
  Next();
  EXPECT_FALSE(ledger.rollout.has_value());
}

TEST_F(ApiServersInTurn, SayWhyTheyDoNotRun) {
  cluster.Upgraded(Component::kApiServer);
  cluster.MutablePod("c-apiserver-0").trouble = "ErrImagePull: none";
  EXPECT_EQ(Next().reason, "PodNotRunning");
}

TEST_F(ApiServersInTurn, NeedNotBe) {
  cluster.seen.workloads.erase(Component::kApiServer);
  cluster.seen.cluster.spec.api_server.replicas = 0;
  Next();
  EXPECT_FALSE(ledger.rollout.has_value());
}

TEST(ApiServers, AreNotReplacedWhileTheDatabaseDoesNotAnswer) {
  WholeCluster cluster;
  cluster.seen.cluster.spec.api_server.flags["thread_pool_size"] = "8";
  EXPECT_THAT(Actions(Decide(cluster.seen, {})), ElementsAre("apply Deployment c-apiserver"));
  cluster.seen.database.reset();
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "OpenMLDBUnreachable");
}

}  // namespace
}  // namespace omdb
