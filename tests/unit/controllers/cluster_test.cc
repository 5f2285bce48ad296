#include "controllers/cluster.h"

#include <string>

#include "gtest/gtest.h"

namespace omdb {
namespace {

Json Minimal() {
  return Json::parse(R"json({
    "apiVersion": "openmldb.ai/v1alpha1", "kind": "OpenMLDBCluster",
    "metadata": {"namespace": "ns", "name": "demo", "uid": "u-1", "generation": 7},
    "spec": {"version": "0.9.2", "zookeeper": {"servers": "zk-0:2181,zk-1:2181"}}
  })json");
}

std::string ErrorOf(const Json& object) {
  const auto cluster = ParseCluster(object);
  EXPECT_EQ(absl::StatusCode::kInvalidArgument, cluster.status().code());
  return std::string(cluster.status().message());
}

TEST(ParseCluster, FillsInWhatTheSchemaWouldDefault) {
  const auto cluster = ParseCluster(Minimal());
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ((ObjectKey{"ns", "demo"}), cluster->key);
  EXPECT_EQ("u-1", cluster->uid);
  EXPECT_EQ(7, cluster->generation);
  EXPECT_FALSE(cluster->deleting);
  const ClusterSpec& spec = cluster->spec;
  EXPECT_EQ("4pdosc/openmldb", spec.image);
  EXPECT_EQ("IfNotPresent", spec.image_pull_policy);
  EXPECT_EQ("zk-0:2181,zk-1:2181", spec.zookeeper_servers);
  EXPECT_FALSE(spec.zookeeper_managed);
  EXPECT_EQ("/openmldb", spec.zookeeper_root_path);
  EXPECT_EQ(2, spec.nameserver.replicas);
  EXPECT_EQ(3, spec.tablet.replicas);
  EXPECT_EQ(1, spec.task_manager.replicas);
  EXPECT_EQ(1, spec.api_server.replicas);
  EXPECT_EQ("10Gi", spec.tablet.storage.at("size"));
  EXPECT_TRUE(spec.nameserver.storage.is_null());
  EXPECT_EQ(absl::Seconds(1), spec.upgrade.max_write_pause);
  EXPECT_EQ(absl::Milliseconds(100), spec.upgrade.fence_limit);
  EXPECT_EQ(absl::Minutes(30), spec.upgrade.job_timeout);
  EXPECT_EQ(absl::Minutes(10), spec.upgrade.pod_timeout);
  EXPECT_FALSE(spec.upgrade.allow_single_replica_downtime);
  EXPECT_EQ(-1, cluster->status.observed_generation);
}

TEST(ParseCluster, ReadsWhatIsGiven) {
  Json object = Minimal();
  object["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:00Z";
  object["spec"] = Json::parse(R"json({
    "version": "0.9.3", "image": "r.example:5000/o", "imagePullPolicy": "Never",
    "imagePullSecrets": [{"name": "s"}],
    "zookeeper": {"managed": {"image": "zk:1", "storage": {"size": "1Gi"}}, "rootPath": "/a/b"},
    "nameserver": {"replicas": 3, "flags": {"auto_failover": "false"}, "storage": {"size": "2Gi"}},
    "tablet": {"replicas": 5, "resources": {"limits": {"cpu": 2}}, "pod": {"labels": {"a": "b"}},
               "storage": {"size": "1Ti", "storageClassName": "fast"}},
    "taskManager": {"replicas": 0}, "apiServer": {"replicas": 4},
    "upgrade": {"maxWritePause": "1.5s", "fenceLimit": "80ms", "jobTimeout": "1h30m",
                "podTimeout": "3m", "allowSingleReplicaDowntime": true}
  })json");
  const auto cluster = ParseCluster(object);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_TRUE(cluster->deleting);
  const ClusterSpec& spec = cluster->spec;
  EXPECT_EQ("0.9.3", spec.version);
  EXPECT_EQ("s", spec.image_pull_secrets.at(0).at("name"));
  EXPECT_TRUE(spec.zookeeper_managed);
  EXPECT_EQ("zk:1", spec.zookeeper_image);
  EXPECT_EQ("1Gi", spec.zookeeper_storage.at("size"));
  EXPECT_EQ("/a/b", spec.zookeeper_root_path);
  EXPECT_EQ("false", spec.Of(Component::kNameserver).flags.at("auto_failover"));
  EXPECT_EQ("2Gi", spec.nameserver.storage.at("size"));
  EXPECT_EQ(5, spec.Of(Component::kTablet).replicas);
  EXPECT_EQ("fast", spec.tablet.storage.at("storageClassName"));
  EXPECT_EQ(2, spec.tablet.resources.at("limits").at("cpu"));
  EXPECT_EQ("b", spec.tablet.pod.at("labels").at("a"));
  EXPECT_EQ(0, spec.Of(Component::kTaskManager).replicas);
  EXPECT_EQ(4, spec.Of(Component::kApiServer).replicas);
  EXPECT_EQ(absl::Milliseconds(1500), spec.upgrade.max_write_pause);
  EXPECT_EQ(absl::Minutes(90), spec.upgrade.job_timeout);
  EXPECT_TRUE(spec.upgrade.allow_single_replica_downtime);
}

TEST(ParseCluster, NamesTheFieldThatIsWrong) {
  const auto with = [](const std::string& where, const Json& value) {
    Json object = Minimal();
    object[Json::json_pointer(where)] = value;
    return ErrorOf(object);
  };
  EXPECT_EQ(R"(spec.version must be a version such as 0.9.2, it is "")", with("/spec/version", ""));
  EXPECT_EQ("spec.image must be a string, it is 5", with("/spec/image", 5));
  EXPECT_EQ(R"(spec.tablet.replicas must be an integer, it is "three")",
            with("/spec/tablet/replicas", "three"));
  EXPECT_EQ("spec.tablet.replicas must be between 1 and 2147483647, it is 0",
            with("/spec/tablet/replicas", 0));
  EXPECT_EQ("spec.nameserver.flags.port must be a string, it is 1",
            with("/spec/nameserver/flags/port", 1));
  EXPECT_EQ("spec.apiServer must be an object, it is []", with("/spec/apiServer", Json::array()));
  EXPECT_EQ("spec.imagePullSecrets must be a list, it is {}",
            with("/spec/imagePullSecrets", Json::object()));
  EXPECT_EQ("spec.upgrade.fenceLimit must be a duration such as 100ms, 1.5s or 10m, it is \"soon\"",
            with("/spec/upgrade/fenceLimit", "soon"));
  EXPECT_EQ("spec.upgrade.fenceLimit must be a duration such as 100ms, 1.5s or 10m, it is \"-1s\"",
            with("/spec/upgrade/fenceLimit", "-1s"));
  EXPECT_EQ("spec.upgrade.allowSingleReplicaDowntime must be true or false, it is 1",
            with("/spec/upgrade/allowSingleReplicaDowntime", 1));
  EXPECT_EQ(
      "spec.zookeeper.servers must be given exactly when spec.zookeeper.managed is not, it is "
      "\"zk-0:2181,zk-1:2181\"",
      with("/spec/zookeeper/managed", Json::object()));
  EXPECT_EQ("status.conditions[0] must be an object, it is 1",
            with("/status", {{"conditions", Json::array({1})}}));
  EXPECT_EQ(R"(status.tablets[0].started must be a time such as 2024-05-01T12:00:00Z, it is "now")",
            with("/status", {{"tablets", Json::array({{{"name", "a"}, {"started", "now"}}})}}));
}

TEST(ParseCluster, RefusesAnEmptyDocument) {
  EXPECT_EQ("spec.version must be a version such as 0.9.2", ErrorOf(Json::object()));
  EXPECT_EQ("spec.version must be a version such as 0.9.2", ErrorOf(Json()));
}

ClusterStatus FullStatus() {
  ClusterStatus status;
  status.observed_generation = 7;
  status.phase = "Upgrading";
  status.progress = "tablet 2/3";
  status.version = "0.9.2";
  status.target_version = "0.9.3";
  status.components["tablet"] = {"0.9.2", 3, 2, 1};
  TabletReport report;
  report.name = "demo-tablet-0";
  report.leaders_moved = 16;
  report.leaders_returned = 15;
  report.rows_lost = 2;
  report.longest_pause = absl::Microseconds(83251);
  report.longest_fence = absl::Nanoseconds(15000001);
  report.started = absl::FromUnixNanos(1700000000123456789);
  report.finished = report.started + absl::Seconds(4);
  status.tablets.push_back(report);
  report.name = "demo-tablet-1";
  report.finished = absl::Time();
  status.tablets.push_back(report);
  status.rows_lost = 4;
  status.sdk_java = "j";
  status.sdk_python = "p";
  status.conditions.push_back(
      {"Ready", "False", "Progressing", "tablet 2/3", absl::FromUnixMicros(1700000000000001), 7});
  return status;
}

TEST(StatusDocument, ReadsBackAsItWasWritten) {
  Cluster cluster = *ParseCluster(Minimal());
  cluster.status = FullStatus();
  Json object = Minimal();
  object["status"] = Json::parse(StatusDocument(cluster).dump()).at("status");
  const auto read = ParseCluster(object);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(cluster.status, read->status);
}

TEST(StatusDocument, IsADocumentToApply) {
  Cluster cluster = *ParseCluster(Minimal());
  cluster.status = FullStatus();
  const Json document = StatusDocument(cluster);
  EXPECT_EQ("openmldb.ai/v1alpha1", document.at("apiVersion"));
  EXPECT_EQ("OpenMLDBCluster", document.at("kind"));
  EXPECT_EQ(Json({{"namespace", "ns"}, {"name", "demo"}}), document.at("metadata"));
  EXPECT_FALSE(document.contains("spec"));
  const Json& tablet = document.at("status").at("tablets").at(0);
  EXPECT_EQ("83.251ms", tablet.at("longestPause"));
  EXPECT_EQ("2023-11-14T22:13:20.123456789Z", tablet.at("started"));
  EXPECT_FALSE(document.at("status").at("tablets").at(1).contains("finished"));
}

TEST(Component, HasANameAndAPartOfTheSpec) {
  EXPECT_EQ(ToString(Component::kZooKeeper), "zookeeper");
  ClusterSpec spec;
  spec.tablet.replicas = 3;
  EXPECT_EQ(spec.Of(Component::kTablet).replicas, 3);
  EXPECT_EQ(spec.Of(Component::kZooKeeper).replicas, 0) << "there is nothing to choose";
}

}  // namespace
}  // namespace omdb
