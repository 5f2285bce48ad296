// What is read from Kubernetes' objects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/objects/objects.h"
#include "controllers/observe.h"

namespace omdb {
namespace {

using testing::IsEmpty;

Json PodObject() {
  return {{"metadata",
           {{"name", "c-tablet-0"},
            {"namespace", "ns"},
            {"uid", "u"},
            {"creationTimestamp", "2024-05-01T12:00:00Z"},
            {"labels", {{"app.kubernetes.io/component", "tablet"}}},
            {"annotations", {{kSpecHashAnnotation, "h"}, {kVersionAnnotation, "0.9.1"}}}}},
          {"status",
           {{"podIP", "10.0.0.1"},
            {"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
            {"containerStatuses", {{{"restartCount", 0}, {"state", {{"running", {}}}}}}}}}};
}

TEST(ReadPod, ReadsAPodThatServes) {
  Pod expected;
  expected.name = "c-tablet-0";
  expected.uid = "u";
  expected.ip = "10.0.0.1";
  expected.component = Component::kTablet;
  expected.spec_hash = "h";
  expected.version = "0.9.1";
  expected.ready = true;
  expected.started = expected.created = absl::FromUnixSeconds(1714564800);
  EXPECT_EQ(ReadPod(PodObject()), expected);
}

TEST(ReadPod, ReadsWhenItsServerWasStarted) {
  Json object = PodObject();
  const auto started = [](const char* when) { return Json{{"running", {{"startedAt", when}}}}; };
  object["status"]["containerStatuses"] = {
      {{"name", "sidecar"}, {"state", started("2024-05-01T14:00:00Z")}},
      {{"name", "tablet"}, {"restartCount", 1}, {"state", started("2024-05-01T13:00:00Z")}}};
  const Pod pod = ReadPod(object);
  EXPECT_EQ(pod.started, pod.created + absl::Hours(1));
  object["status"]["containerStatuses"][1]["state"] = {{"running", nullptr}};
  EXPECT_EQ(ReadPod(object).started, pod.created);
}

TEST(ReadPod, ReadsAPodThatIsNoMoreThanAName) {
  const Pod pod = ReadPod({{"metadata", {{"name", "p"}}}});
  EXPECT_EQ(pod.name, "p");
  EXPECT_FALSE(pod.ready);
  EXPECT_FALSE(pod.deleting);
  EXPECT_THAT(pod.trouble, IsEmpty());
  EXPECT_THAT(pod.ip, IsEmpty());
}

TEST(ReadPod, ReadsAPodThatWasJustMade) {
  Json object = PodObject();
  object["status"] = {{"podIP", nullptr}};
  const Pod pod = ReadPod(object);
  EXPECT_FALSE(pod.ready);
  EXPECT_THAT(pod.ip, IsEmpty());
  EXPECT_THAT(pod.trouble, IsEmpty());
}

TEST(ReadPod, IsReadyOnlyByThatCondition) {
  Json object = PodObject();
  object["status"]["conditions"] = {{{"type", "PodScheduled"}, {"status", "True"}},
                                    {{"type", "Ready"}, {"status", "False"}}};
  EXPECT_FALSE(ReadPod(object).ready);
}

TEST(ReadPod, SeesThatItIsBeingDeleted) {
  Json object = PodObject();
  object["metadata"]["deletionTimestamp"] = "2024-05-01T13:00:00Z";
  EXPECT_TRUE(ReadPod(object).deleting);
}

struct Waiting {
  std::string name;
  std::string reason;
  int restarts;
  bool trouble;
};

class ReadPodWaiting : public testing::TestWithParam<Waiting> {};

TEST_P(ReadPodWaiting, IsTroubleOnlyWhenItDoesNotPassByItself) {
  Json object = PodObject();
  object["status"]["containerStatuses"] = {
      {{"restartCount", 0}, {"state", {{"running", Json::object()}}}},
      {{"restartCount", GetParam().restarts},
       {"state", {{"waiting", {{"reason", GetParam().reason}, {"message", "why"}}}}}}};
  const std::string trouble = ReadPod(object).trouble;
  EXPECT_EQ(trouble, GetParam().trouble ? GetParam().reason + ": why" : "");
}

INSTANTIATE_TEST_SUITE_P(Each, ReadPodWaiting,
                         testing::Values(Waiting{"NoReason", "", 0, false},
                                         Waiting{"Creating", "ContainerCreating", 0, false},
                                         Waiting{"Initializing", "PodInitializing", 0, false},
                                         Waiting{"ImageMissing", "ImagePullBackOff", 0, true},
                                         Waiting{"FewCrashes", "CrashLoopBackOff", 5, false},
                                         Waiting{"ManyCrashes", "CrashLoopBackOff", 6, true}),
                         [](const testing::TestParamInfo<Waiting>& info) {
                           return info.param.name;
                         });

Workload Stored(Json object) {
  return ReadWorkload(std::make_shared<const Json>(std::move(object)));
}

Json WorkloadObject() {
  return {{"metadata", {{"name", "c-tablet"}, {"generation", 4}}},
          {"spec",
           {{"replicas", 3},
            {"template",
             {{"metadata",
               {{"annotations", {{kSpecHashAnnotation, "h"}, {kVersionAnnotation, "0.9.1"}}}}}}}}},
          {"status",
           {{"observedGeneration", 4},
            {"replicas", 3},
            {"updatedReplicas", 3},
            {"availableReplicas", 3}}}};
}

TEST(ReadWorkload, ReadsTheStoredTemplate) {
  const Workload workload = Stored(WorkloadObject());
  EXPECT_EQ(workload.spec_hash, "h");
  EXPECT_EQ(workload.version, "0.9.1");
  EXPECT_EQ(workload.replicas, 3);
  EXPECT_TRUE(workload.settled);
  EXPECT_EQ(*workload.object, WorkloadObject());
}

TEST(ReadWorkload, IsNotSettledBeforeEveryReplicaIsNewAndAvailable) {
  for (const std::string field :
       {"observedGeneration", "replicas", "updatedReplicas", "availableReplicas"}) {
    Json object = WorkloadObject();
    object["status"][field] = 2;
    EXPECT_FALSE(Stored(object).settled) << field;
    object["status"].erase(field);
    EXPECT_FALSE(Stored(object).settled) << field;
  }
}

TEST(ReadWorkload, IsNotSettledWhileAnOldReplicaIsLeft) {
  Json object = WorkloadObject();
  object["status"]["replicas"] = 4;
  EXPECT_FALSE(Stored(object).settled);
}

TEST(ReadWorkload, HasNoReplicasWhereTheyAreNoNumber) {
  Json object = WorkloadObject();
  object["spec"]["replicas"] = "three";
  EXPECT_EQ(Stored(object).replicas, 0);
}

TEST(ReadWorkload, ReadsOneOfSomebodyElse) {
  const Workload workload = Stored({{"spec", {{"template", Json::object()}}}});
  EXPECT_THAT(workload.spec_hash, IsEmpty());
  EXPECT_EQ(workload.replicas, 0);
}

}  // namespace
}  // namespace omdb
