#include "controllers/openmldb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/whole_cluster.h"

namespace omdb {
namespace {

using testing::HasSubstr;

TEST(OpenMldbError, KeepsItsCode) {
  const absl::Status status = OpenMldbError(303, "ChangeLeader of db.t/0", "no");
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(CodeOf(status), 303);
  EXPECT_THAT(status.message(), HasSubstr("ChangeLeader of db.t/0"));
  EXPECT_THAT(OpenMldbError(303, "x", "").message(), HasSubstr("no message"));
}

TEST(OpenMldbError, HasNoCodeWhenOpenMldbDidNotAnswer) {
  EXPECT_EQ(CodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(CodeOf(absl::UnavailableError("away")), 0);
  absl::Status strange = absl::InternalError("x");
  strange.SetPayload("openmldb.ai/code", absl::Cord("none"));
  EXPECT_EQ(CodeOf(strange), 0);
}

TEST(OpenMldbError, NamesTheWayOutWhereThereIsOne) {
  const size_t plain = OpenMldbError(100, "x", "y").message().size();
  for (OpenMldbCode code : {OpenMldbCode::kNotLeaderNameserver, OpenMldbCode::kAutoFailoverEnabled,
                            OpenMldbCode::kEndpointNotExist, OpenMldbCode::kTabletNotHealthy}) {
    EXPECT_GT(OpenMldbError(static_cast<int>(code), "x", "y").message().size(), plain);
  }
}

TEST(Partition, IsLedByTheReplicaThatIsLeaderAndAlive) {
  Partition partition;
  partition.replicas = {{"a", true, false}, {"b", true, true}, {"c", false, true}};
  EXPECT_EQ(partition.Leader()->endpoint, "b");
  EXPECT_EQ(partition.Find("c")->endpoint, "c");
  EXPECT_EQ(partition.Find("d"), nullptr);
  partition.replicas[1].is_alive = false;
  EXPECT_EQ(partition.Leader(), nullptr);
}

TEST(Database, FindsWhatIsThere) {
  WholeCluster cluster;
  cluster.WithTable("t", 2, 1);
  const Database& database = *cluster.seen.database;
  EXPECT_EQ(database.FindPartition({"db", "t", 1, 1})->id.pid, 1u);
  EXPECT_EQ(database.FindPartition({"db", "t", 1, 2}), nullptr);
  EXPECT_EQ(database.FindPartition({"db", "t", 2, 1}), nullptr) << "dropped and made again";
  EXPECT_EQ(database.FindPartition({"db", "u", 1, 1}), nullptr);
  EXPECT_EQ(database.FindPartition({"other", "t", 1, 1}), nullptr);
  EXPECT_EQ(database.FindTablet("nowhere"), nullptr);
  EXPECT_EQ(database.Status("nowhere", {"db", "t", 1, 1}), nullptr);
  EXPECT_EQ(database.Status("c-tablet-0", {"db", "t", 1, 1}), nullptr) << "c-tablet-1 has it";
  EXPECT_EQ(cluster.seen.FindPod("nowhere"), nullptr);
}

TEST(ResourceType, NamesItsApiVersion) {
  const std::map<std::string, std::string> versions = {
      {types::OpenMLDBCluster().kind, types::OpenMLDBCluster().ApiVersion()},
      {types::Pod().kind, types::Pod().ApiVersion()},
      {types::Service().kind, types::Service().ApiVersion()},
      {types::ConfigMap().kind, types::ConfigMap().ApiVersion()},
      {types::PersistentVolumeClaim().kind, types::PersistentVolumeClaim().ApiVersion()},
      {types::StatefulSet().kind, types::StatefulSet().ApiVersion()},
      {types::Deployment().kind, types::Deployment().ApiVersion()},
      {types::PodDisruptionBudget().kind, types::PodDisruptionBudget().ApiVersion()},
      {types::Lease().kind, types::Lease().ApiVersion()},
      {types::Event().kind, types::Event().ApiVersion()}};
  EXPECT_THAT(
      versions,
      testing::UnorderedElementsAre(
          testing::Pair("OpenMLDBCluster", "openmldb.ai/v1alpha1"), testing::Pair("Pod", "v1"),
          testing::Pair("Service", "v1"), testing::Pair("ConfigMap", "v1"),
          testing::Pair("PersistentVolumeClaim", "v1"), testing::Pair("StatefulSet", "apps/v1"),
          testing::Pair("Deployment", "apps/v1"), testing::Pair("PodDisruptionBudget", "policy/v1"),
          testing::Pair("Lease", "coordination.k8s.io/v1"),
          testing::Pair("Event", "events.k8s.io/v1")));
}

}  // namespace
}  // namespace omdb
