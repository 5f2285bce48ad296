#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

TEST_F(TabletsDone, WaitsForATaskManagerThatCannotBeAskedForJobs) {
  cluster.seen.database->task_manager_status = absl::UnavailableError("connection refused");
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "TaskManagerUnreachable");
}

TEST_F(TabletsDone, ReplacesTheTaskManagerWhenItsJobsHaveEnded) {
  cluster.seen.database->unfinished_jobs = {{3, "ImportOnlineData", "RUNNING", absl::UnixEpoch()}};
  Next();
  EXPECT_TRUE(ledger.rollout->jobs_awaited_since.has_value());
  cluster.seen.database->unfinished_jobs.clear();
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-taskmanager-0"));
}

TEST_F(TabletsDone, WaitsForTheNewTaskManager) {
  cluster.Replace("c-taskmanager-0");
  cluster.MutablePod("c-taskmanager-0").ready = false;
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST(UpgradeTaskManagers, ReplacesAPodOfAFormerTemplate) {
  WholeCluster cluster;
  cluster.MutablePod("c-taskmanager-0").spec_hash = "before";
  EXPECT_THAT(Actions(Decide(cluster.seen, {})), ElementsAre("delete pod c-taskmanager-0"));
}

TEST(UpgradeNameservers, FollowATemplateThatAloneIsAnother) {
  WholeCluster cluster;
  cluster.seen.workloads.at(Component::kNameserver).spec_hash = "another";
  EXPECT_THAT(Actions(Decide(cluster.seen, {})), ElementsAre("apply StatefulSet c-nameserver"));
}

TEST_F(TabletsDone, NeedsNoTaskManager) {
  cluster.seen.cluster.spec.task_manager.replicas = 0;
  cluster.seen.workloads.erase(Component::kTaskManager);
  EXPECT_THAT(Actions(Next()), ElementsAre("apply Deployment c-apiserver"));
}

class Resting : public testing::Test {
 protected:
  Resting() {
    cluster.WithTable("t", 1, 2);
    cluster.seen.cluster.status.version = "0.9.1";
  }
  WholeCluster cluster;
};

TEST_F(Resting, NeedsNoTaskManager) {
  cluster.seen.cluster.spec.task_manager.replicas = 0;
  EXPECT_FALSE(Decide(cluster.seen, {}).complete) << "it is there yet";
  cluster.seen.workloads.at(Component::kTaskManager).replicas = 0;
  EXPECT_TRUE(Decide(cluster.seen, {}).complete);
  cluster.seen.workloads.erase(Component::kTaskManager);
  EXPECT_TRUE(Decide(cluster.seen, {}).complete);
}

TEST_F(Resting, ReplacesOnlyTheTaskManagerWhenOnlyItsConfigurationChanged) {
  cluster.seen.cluster.spec.task_manager.flags["spark.master"] = "local";
  EXPECT_THAT(Actions(Decide(cluster.seen, {})), ElementsAre("apply StatefulSet c-taskmanager"));
}

TEST_F(Resting, ReplacesNoTaskManagerWhileTheDatabaseDoesNotAnswer) {
  cluster.seen.cluster.spec.task_manager.flags["spark.master"] = "local";
  cluster.seen.database.reset();
  cluster.seen.database_status = absl::UnavailableError("no ZooKeeper");
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "OpenMLDBUnreachable");
}

}  // namespace
}  // namespace omdb
