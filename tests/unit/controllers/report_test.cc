#include "controllers/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/whole_cluster.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Condition& Find(const ClusterStatus& status, const std::string& type) {
  for (const Condition& condition : status.conditions) {
    if (condition.type == type) return condition;
  }
  throw std::out_of_range(type);
}

// "Ready False, Reconciling True, Stalled False"
std::string Summary(const ClusterStatus& status) {
  return absl::StrCat("Ready ", Find(status, "Ready").status, ", Reconciling ",
                      Find(status, "Reconciling").status, ", Stalled ",
                      Find(status, "Stalled").status);
}

TabletReport Lost(const std::string& tablet, uint64_t rows) {
  TabletReport report;
  report.name = tablet;
  report.rows_lost = rows;
  return report;
}

class Reporting : public testing::Test {
 protected:
  Reporting() {
    complete.complete = true;
    complete.phase = "Ready";
    upgrading.phase = "Upgrading";
    upgrading.progress = "tablet 1/3: c-tablet-0: handing over leaders 0/5";
    waiting.phase = "Waiting";
    waiting.reason = "TabletDown";
    waiting.message = "tablet c-tablet-1 does not answer";
    stalled = waiting;
    stalled.phase = "Stalled";
    stalled.stalled = true;
  }
  // The next report stands on this one.
  const ClusterStatus& Next(const Decision& decision,
                            const absl::Status& error = absl::OkStatus()) {
    cluster.seen.now += absl::Seconds(1);
    cluster.seen.cluster.status = Report(cluster.seen, decision, error);
    return cluster.seen.cluster.status;
  }

  WholeCluster cluster;
  Decision complete;
  Decision upgrading;
  Decision waiting;
  Decision stalled;
};

TEST_F(Reporting, IsReadyWhenEverythingIsAsWanted) {
  cluster.Asked("0.9.2");
  cluster.seen.cluster.status.progress = "nearly";
  const ClusterStatus& status = Next(complete);
  EXPECT_EQ(Summary(status), "Ready True, Reconciling False, Stalled False");
  EXPECT_EQ(status.phase, "Ready");
  EXPECT_EQ(status.version, "0.9.2");
  EXPECT_EQ(status.target_version, "0.9.2");
  EXPECT_EQ(status.observed_generation, cluster.seen.cluster.generation);
  EXPECT_THAT(status.progress, IsEmpty());
}

TEST_F(Reporting, NamesTheSdksOfTheVersionThatRuns) {
  cluster.Asked("0.9.2");
  EXPECT_THAT(Next(upgrading).sdk_java, IsEmpty());
  const ClusterStatus& status = Next(complete);
  EXPECT_THAT(status.sdk_java, HasSubstr("openmldb-jdbc:0.9.2"));
  EXPECT_EQ(status.sdk_python, "pip install openmldb==0.9.2");
  cluster.Asked("0.9.3");
  EXPECT_THAT(Next(upgrading).sdk_python, HasSubstr("0.9.2")) << "until the next one runs";
}

TEST_F(Reporting, ReconcilesWhileThereIsProgress) {
  const ClusterStatus& status = Next(upgrading);
  EXPECT_EQ(Summary(status), "Ready False, Reconciling True, Stalled False");
  EXPECT_EQ(Find(status, "Reconciling").reason, "Progressing");
  EXPECT_EQ(Find(status, "Reconciling").message, upgrading.progress);
  EXPECT_EQ(status.progress, upgrading.progress);
  EXPECT_EQ(status.version, "0.9.1");
}

TEST_F(Reporting, SaysThatItIsCreating) {
  upgrading.phase = "Creating";
  EXPECT_EQ(Find(Next(upgrading), "Ready").reason, "Creating");
}

TEST_F(Reporting, SaysWhatItWaitsForAndHowFarItHadCome) {
  Next(upgrading);
  const ClusterStatus& status = Next(waiting);
  EXPECT_EQ(Summary(status), "Ready False, Reconciling True, Stalled False");
  EXPECT_EQ(Find(status, "Ready").reason, "TabletDown");
  EXPECT_EQ(Find(status, "Ready").message, waiting.message);
  EXPECT_EQ(status.progress, upgrading.progress);
}

TEST_F(Reporting, IsStalledWhenAPersonHasToAct) {
  const ClusterStatus& status = Next(stalled);
  EXPECT_EQ(Summary(status), "Ready False, Reconciling False, Stalled True");
  EXPECT_EQ(Find(status, "Stalled").reason, "TabletDown");
  EXPECT_EQ(Find(status, "Stalled").message, stalled.message);
  EXPECT_EQ(Summary(Next(upgrading)), "Ready False, Reconciling True, Stalled False");
  EXPECT_THAT(Find(cluster.seen.cluster.status, "Stalled").message, IsEmpty());
}

TEST_F(Reporting, SaysWhichActionFailed) {
  const ClusterStatus& status = Next(upgrading, absl::UnavailableError("delete pod p: away"));
  EXPECT_EQ(Find(status, "Ready").reason, "ActionFailed");
  EXPECT_THAT(Find(status, "Ready").message, HasSubstr("delete pod p: away"));
  EXPECT_EQ(status.progress, upgrading.progress);
}

TEST_F(Reporting, MovesTheTimeOfAConditionOnlyWithItsStatus) {
  const absl::Time first = Find(Next(upgrading), "Ready").last_transition_time;
  EXPECT_EQ(first, cluster.seen.now);
  const ClusterStatus& same = Next(waiting);
  EXPECT_EQ(Find(same, "Ready").last_transition_time, first);
  EXPECT_EQ(Find(same, "Ready").reason, "TabletDown");
  const ClusterStatus& other = Next(complete);
  EXPECT_EQ(Find(other, "Ready").last_transition_time, cluster.seen.now);
  EXPECT_EQ(Find(other, "Stalled").last_transition_time, first);
  EXPECT_EQ(other.conditions.size(), 3u);
}

TEST_F(Reporting, SaysTheSameOfTheSame) {
  const ClusterStatus first = Next(upgrading);
  EXPECT_EQ(Next(upgrading), first);
}

TEST_F(Reporting, CountsThePodsOfEachComponent) {
  cluster.Asked("0.9.2").TemplateUpgraded(Component::kTablet);
  for (const char* pod : {"c-tablet-0", "c-tablet-1"}) cluster.Replace(pod);
  cluster.MutablePod("c-tablet-0").ready = false;
  cluster.MutablePod("c-tablet-1").deleting = true;
  cluster.seen.cluster.status.components["tablet"].version = "0.9.1";
  const ComponentStatus& tablets = Next(upgrading).components.at("tablet");
  EXPECT_EQ(tablets.replicas, 3);
  EXPECT_EQ(tablets.ready, 2);
  EXPECT_EQ(tablets.updated, 1);
  EXPECT_EQ(tablets.version, "0.9.1");
}

TEST_F(Reporting, AComponentIsOfAVersionOnceAllItsPodsAreAndServe) {
  cluster.Asked("0.9.2").Upgraded(Component::kTablet).Upgraded(Component::kNameserver);
  cluster.MutablePod("c-tablet-2").ready = false;
  cluster.MutablePod("c-nameserver-1").ready = false;
  const auto& components = Next(upgrading).components;
  EXPECT_THAT(components.at("tablet").version, IsEmpty());
  EXPECT_EQ(components.at("nameserver").version, "0.9.2") << "a standby need not be ready";
  cluster.MutablePod("c-tablet-2").ready = true;
  EXPECT_EQ(Next(upgrading).components.at("tablet").version, "0.9.2");
}

TEST_F(Reporting, ForgetsAComponentThatIsNotWantedAnyMore) {
  EXPECT_EQ(Next(upgrading).components.size(), 4u);
  cluster.seen.cluster.spec.task_manager.replicas = 0;
  EXPECT_EQ(Next(upgrading).components.count("taskmanager"), 0u);
}

TEST_F(Reporting, ListsTabletsWithTheOneInHandAndAddsUpWhatWasLost) {
  upgrading.ledger.rollout.emplace();
  upgrading.ledger.rollout->tablets = {Lost("c-tablet-0", 2)};
  upgrading.ledger.tablet.emplace();
  upgrading.ledger.tablet->report = Lost("c-tablet-1", 3);
  // One was found while none of them was in hand.
  upgrading.ledger.rollout->rows_lost = {{"one", 2}, {"another", 3}, {"a third", 1}};
  const ClusterStatus& status = Next(upgrading);
  EXPECT_THAT(status.tablets, ElementsAre(Lost("c-tablet-0", 2), Lost("c-tablet-1", 3)));
  EXPECT_EQ(status.rows_lost, 6u);
}

TEST_F(Reporting, KeepsTheLastRolloutsTabletsUntilTheNextBegins) {
  upgrading.ledger.rollout.emplace();
  upgrading.ledger.rollout->tablets = {Lost("c-tablet-0", 2)};
  upgrading.ledger.rollout->rows_lost = {{"one", 2}};
  Next(upgrading);
  const ClusterStatus& status = Next(complete);
  EXPECT_THAT(status.tablets, ElementsAre(Lost("c-tablet-0", 2)));
  EXPECT_EQ(status.rows_lost, 2u);
  upgrading.ledger.rollout.emplace();
  EXPECT_THAT(Next(upgrading).tablets, IsEmpty());
  EXPECT_EQ(cluster.seen.cluster.status.rows_lost, 0u);
}

}  // namespace
}  // namespace omdb
