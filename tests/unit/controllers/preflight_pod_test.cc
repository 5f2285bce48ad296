#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/objects/objects.h"

// What the pod that tries an image is made of.
namespace omdb {
namespace {

Cluster Demo(const Json& more = Json::object()) {
  Json spec = {{"version", "0.9.2"}, {"zookeeper", {{"servers", "z:2181"}}}};
  spec.update(more);
  return *ParseCluster(
      {{"metadata", {{"namespace", "ns"}, {"name", "demo"}, {"uid", "u-1"}}}, {"spec", spec}});
}

Json Preflight(const Json& more = Json::object()) { return PreflightPodObject(Demo(more)).object; }

std::string HashOf(const Json& pod) {
  return pod.at("metadata").at("annotations").at(kObjectHashAnnotation);
}

TEST(PreflightPod, BelongsToTheClusterAndToNoneOfItsComponents) {
  const Json metadata = Preflight().at("metadata");
  EXPECT_EQ(metadata.at("name"), "demo-preflight");
  EXPECT_EQ(metadata.at("namespace"), "ns");
  EXPECT_EQ(metadata.at("ownerReferences").at(0).at("uid"), "u-1");
  EXPECT_EQ(metadata.at("labels").at("app.kubernetes.io/managed-by"), "openmldb-operator");
  EXPECT_EQ(metadata.at("labels").at("app.kubernetes.io/instance"), "demo");
  EXPECT_EQ(metadata.at("labels").at("app.kubernetes.io/component"), "preflight");
}

TEST(PreflightPod, PullsItsImageAsTheServersDo) {
  const Json spec = Preflight({{"image", "mirror/openmldb"},
                               {"imagePullPolicy", "Always"},
                               {"imagePullSecrets", {{{"name", "registry"}}}}})
                        .at("spec");
  const Json& container = spec.at("containers").at(0);
  EXPECT_EQ(container.at("image"), "mirror/openmldb:0.9.2");
  EXPECT_EQ(container.at("imagePullPolicy"), "Always");
  EXPECT_EQ(spec.at("imagePullSecrets").at(0).at("name"), "registry");
}

TEST(PreflightPod, RunsOnceAndMayDoNothingElse) {
  const Json spec = Preflight().at("spec");
  EXPECT_EQ(spec.at("restartPolicy"), "Never");
  EXPECT_EQ(spec.at("automountServiceAccountToken"), false);
  const Json& security = spec.at("containers").at(0).at("securityContext");
  EXPECT_EQ(security.at("allowPrivilegeEscalation"), false);
  EXPECT_EQ(security.at("readOnlyRootFilesystem"), true);
  EXPECT_EQ(security.at("capabilities").at("drop").at(0), "ALL");
  EXPECT_EQ(security.at("seccompProfile").at("type"), "RuntimeDefault");
}

TEST(PreflightPod, RunsWhereNameserversMayButNextToThemIfNeedBe) {
  const Json own = {{"nodeSelector", {{"disk", "ssd"}}},
                    {"tolerations", {{{"key", "db"}, {"operator", "Exists"}}}},
                    {"topologySpreadConstraints", Json::array()},
                    {"affinity",
                     {{"nodeAffinity", {{"requiredDuringSchedulingIgnoredDuringExecution", 1}}},
                      {"podAntiAffinity", Json::object()}}}};
  const Json spec = Preflight({{"nameserver", {{"pod", own}}}}).at("spec");
  EXPECT_EQ(spec.at("nodeSelector"), own.at("nodeSelector"));
  EXPECT_EQ(spec.at("tolerations"), own.at("tolerations"));
  EXPECT_EQ(spec.at("affinity"), Json({{"nodeAffinity", own.at("affinity").at("nodeAffinity")}}));
  EXPECT_FALSE(spec.contains("topologySpreadConstraints"));
}

TEST(PreflightPod, AsksForLittleAndHasLimitsForNamespacesWithAQuota) {
  const Json resources = Preflight().at("spec").at("containers").at(0).at("resources");
  EXPECT_EQ(resources.at("requests"), Json({{"cpu", "10m"}, {"memory", "64Mi"}}));
  EXPECT_TRUE(resources.at("limits").contains("memory"));
}

TEST(PreflightPod, IsAnotherWhenTheImageOrItsSecretsAreCorrected) {
  const std::string hash = HashOf(Preflight());
  EXPECT_EQ(HashOf(Preflight()), hash);
  EXPECT_NE(HashOf(Preflight({{"version", "0.9.3"}})), hash);
  EXPECT_NE(HashOf(Preflight({{"image", "mirror/openmldb"}})), hash);
  EXPECT_NE(HashOf(Preflight({{"imagePullSecrets", {{{"name", "registry"}}}}})), hash);
  EXPECT_EQ(HashOf(Preflight({{"tablet", {{"replicas", 5}}}})), hash);
}

}  // namespace
}  // namespace omdb
