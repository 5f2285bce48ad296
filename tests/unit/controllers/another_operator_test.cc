#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/decide.h"
#include "tests/unit/controllers/whole_cluster.h"

// A version of the operator that renders pod templates differently restarts nothing.
namespace omdb {
namespace {

using testing::IsEmpty;

constexpr Component kServers[] = {Component::kNameserver, Component::kTablet,
                                  Component::kTaskManager, Component::kApiServer};

// What a former operator made of the same spec.
void MadeByAFormerOperator(WholeCluster& cluster) {
  for (Component component : kServers) {
    SharedJson& stored = cluster.seen.workloads.at(component).object;
    Json former = *stored;
    Json& pod = former.at("spec").at("template");
    pod.at("spec")["terminationGracePeriodSeconds"] = 7;
    pod.at("spec").at("containers").at(0)["args"] = Json::array({"--former"});
    pod.at("metadata").at("annotations")["example.com/former"] = "yes";
    stored = std::make_shared<const Json>(std::move(former));
  }
}

TEST(AnotherOperator, LeavesATemplateOfTheSameSpecAlone) {
  WholeCluster cluster;
  cluster.WithTable("t", 4, 3);
  MadeByAFormerOperator(cluster);
  for (Component component : kServers) {
    const Json wanted = DesiredWorkload(cluster.seen.cluster, component, "0.9.1").object;
    ASSERT_NE(wanted.at("spec").at("template"),
              cluster.seen.workloads.at(component).object->at("spec").at("template"));
  }
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(decision.actions, IsEmpty());
  EXPECT_TRUE(decision.complete);
}

TEST(AnotherOperator, KeepsTheFormerTemplateWhenOnlyTheNumberOfPodsChanges) {
  WholeCluster cluster;
  MadeByAFormerOperator(cluster);
  cluster.seen.cluster.spec.tablet.replicas = 4;
  const Decision decision = Decide(cluster.seen, {});
  ASSERT_FALSE(decision.actions.empty());
  EXPECT_EQ(std::get<action::Apply>(decision.actions.front()).object.at("spec").at("template"),
            cluster.seen.workloads.at(Component::kTablet).object->at("spec").at("template"));
}

TEST(AnotherOperator, RendersItsOwnTemplateWithTheNextVersion) {
  WholeCluster cluster;
  MadeByAFormerOperator(cluster);
  cluster.Asked("0.9.2");
  const Decision decision = Decide(cluster.seen, {});
  ASSERT_EQ(decision.actions.size(), 1u);
  const Json& pod =
      std::get<action::Apply>(decision.actions.front()).object.at("spec").at("template");
  EXPECT_FALSE(pod.at("metadata").at("annotations").contains("example.com/former"));
}

}  // namespace
}  // namespace omdb
