#include "controllers/pod_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/objects/objects.h"
#include "controllers/observe.h"

// What is read from a pod's status, as the API server gives it.
namespace omdb {
namespace {

Json PodWith(const std::string& component, const Json& status) {
  return {{"metadata",
           {{"name", "c-pod"},
            {"uid", "u"},
            {"creationTimestamp", "2026-01-02T03:04:05Z"},
            {"labels", {{"app.kubernetes.io/component", component}}},
            {"annotations", {{kObjectHashAnnotation, "hash"}}}}},
          {"status", status}};
}

Json Container(const std::string& name, const Json& state) {
  return {{"name", name}, {"ready", false}, {"restartCount", 0}, {"state", state}};
}

Json Waiting(const std::string& reason, const std::string& message) {
  return {{"waiting", {{"reason", reason}, {"message", message}}}};
}

PreflightPod Read(const Json& status) { return *ReadPreflightPod(PodWith(kPreflight, status)); }

TEST(PodStatus, SaysWhyAPodHasNoNode) {
  const Json status = {{"phase", "Pending"},
                       {"conditions",
                        {{{"type", "PodScheduled"},
                          {"status", "False"},
                          {"reason", "Unschedulable"},
                          {"message", "0/3 nodes are available"}}}}};
  EXPECT_EQ(WhatKubernetesSays(PodWith("tablet", status)),
            "Unschedulable: 0/3 nodes are available");
}

TEST(PodStatus, SaysWhatAContainerWaitsForAndHowItEndedLast) {
  Json container = Container("tablet", Waiting("CrashLoopBackOff", "back-off 10s"));
  container["lastState"]["terminated"] = {{"exitCode", 137}, {"reason", "OOMKilled"}};
  const Json status = {{"containerStatuses", {container}}};
  EXPECT_EQ(WhatKubernetesSays(PodWith("tablet", status)),
            "container tablet: CrashLoopBackOff: back-off 10s; last time it ended with exit code "
            "137 (OOMKilled)");
}

TEST(PodStatus, SaysHowAContainerEndedLastWhenThatIsAllThereIs) {
  Json well = Container("sidecar", Waiting("Odd", "it is ready all the same"));
  well["ready"] = true;
  Json container = Container("tablet", {{"running", Json::object()}});
  container["lastState"]["terminated"] = {{"exitCode", 1}};
  const Json status = {
      {"conditions", {{{"type", "Initialized"}, {"status", "False"}, {"reason", "Other"}}}},
      {"containerStatuses", {well, container}}};
  EXPECT_EQ(WhatKubernetesSays(PodWith("tablet", status)),
            "container tablet: last time it ended with exit code 1");
}

TEST(PreflightPod, WasEvictedThoughItsContainerHadEnded) {
  Json ended = Container(kPreflight, {{"terminated", {{"exitCode", 137}}}});
  EXPECT_FALSE(Read({{"phase", "Failed"}, {"containerStatuses", {ended}}}).rejected);
  EXPECT_TRUE(
      Read({{"phase", "Failed"}, {"reason", "Evicted"}, {"containerStatuses", {ended}}}).rejected);
}

TEST(PodStatus, SaysWhichContainersAreNotReadyWhenNothingElseIsKnown) {
  const Json status = {{"conditions",
                        {{{"type", "PodScheduled"}, {"status", "True"}},
                         {{"type", "Ready"},
                          {"status", "False"},
                          {"reason", "ContainersNotReady"},
                          {"message", "containers with unready status: [tablet]"}}}},
                       {"containerStatuses", {Container("tablet", {{"running", Json::object()}})}}};
  EXPECT_EQ(WhatKubernetesSays(PodWith("tablet", status)),
            "ContainersNotReady: containers with unready status: [tablet]");
}

TEST(PodStatus, SaysWhyANodeEvictedAPod) {
  const Json status = {{"phase", "Failed"}, {"reason", "Evicted"}, {"message", "low on memory"}};
  EXPECT_EQ(WhatKubernetesSays(PodWith("tablet", status)), "Evicted: low on memory");
}

TEST(ReadPod, KnowsSinceWhenAPodIsNotReadyAndWhy) {
  const Json status = {{"conditions",
                        {{{"type", "Ready"},
                          {"status", "False"},
                          {"reason", "ContainersNotReady"},
                          {"lastTransitionTime", "2026-01-02T04:00:00Z"}}}}};
  const Pod pod = ReadPod(PodWith("tablet", status));
  EXPECT_FALSE(pod.ready);
  EXPECT_EQ(pod.not_ready_since - pod.created, absl::Minutes(55) + absl::Seconds(55));
  EXPECT_EQ(pod.says, "ContainersNotReady");
}

TEST(ReadPreflightPod, TakesNoServerForOne) {
  EXPECT_FALSE(ReadPreflightPod(PodWith("tablet", Json::object())).has_value());
  const PreflightPod pod = Read(Json::object());
  EXPECT_EQ(pod.uid, "u");
  EXPECT_EQ(pod.hash, "hash");
  EXPECT_FALSE(pod.exit_code.has_value());
}

TEST(ReadPreflightPod, ReadsWhatTheServerPrintedWhateverOtherContainersDo) {
  const PreflightPod pod =
      Read({{"phase", "Running"},
            {"containerStatuses",
             {Container("sidecar", {{"running", Json::object()}}),
              Container(kPreflight, {{"terminated",
                                      {{"exitCode", 0},
                                       {"message", "openmldb version 0.9.2-abc\n"},
                                       {"finishedAt", "2026-01-02T03:05:05Z"}}}})}}});
  EXPECT_EQ(pod.exit_code, 0);
  EXPECT_EQ(pod.output, "openmldb version 0.9.2-abc\n");
  EXPECT_EQ(pod.ended - pod.created, absl::Minutes(1));
  EXPECT_FALSE(pod.rejected);
}

TEST(ReadPreflightPod, WaitsOnlyForWhatDoesNotPassByItself) {
  const auto waiting = [](const std::string& reason) {
    return Read({{"phase", "Pending"},
                 {"containerStatuses", {Container(kPreflight, Waiting(reason, "m"))}}});
  };
  EXPECT_EQ(waiting("ContainerCreating").waiting, "");
  EXPECT_EQ(waiting("ImagePullBackOff").waiting, "ImagePullBackOff");
  EXPECT_EQ(waiting("ImagePullBackOff").says, "container preflight: ImagePullBackOff: m");
}

TEST(ReadPreflightPod, TellsARefusalOfTheNodeFromAFailureOfTheImage) {
  EXPECT_TRUE(Read({{"phase", "Failed"}, {"reason", "OutOfcpu"}}).rejected);
  const Json failed = {{"terminated", {{"exitCode", 127}, {"reason", "Error"}}}};
  const PreflightPod pod =
      Read({{"phase", "Failed"}, {"containerStatuses", {Container(kPreflight, failed)}}});
  EXPECT_FALSE(pod.rejected);
  EXPECT_EQ(pod.output, "Error");
}

}  // namespace
}  // namespace omdb
