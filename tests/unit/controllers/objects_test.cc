#include "controllers/objects/objects.h"

#include <algorithm>
#include <string>
#include <vector>

#include "controllers/objects/pod_templates.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace omdb {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Component kAll[] = {Component::kZooKeeper, Component::kNameserver, Component::kTablet,
                              Component::kTaskManager, Component::kApiServer};

Json Spec() { return {{"version", "0.9.2"}, {"zookeeper", {{"managed", Json::object()}}}}; }

Cluster ClusterOf(const Json& spec) {
  return *ParseCluster(
      {{"metadata",
        {{"namespace", "ns"}, {"name", "demo"}, {"uid", "u-1"}, {"labels", {{"argo", "mine"}}}}},
       {"spec", spec}});
}

Json PodSpec(const Cluster& cluster, Component component) {
  return DesiredWorkload(cluster, component, cluster.spec.version)
      .object.at("spec")
      .at("template")
      .at("spec");
}

Json Container(const Cluster& cluster, Component component) {
  return PodSpec(cluster, component).at("containers").at(0);
}

std::vector<std::string> Args(const Cluster& cluster, Component component) {
  return Container(cluster, component).at("args");
}

std::vector<Json> AllObjects(const Cluster& cluster) {
  std::vector<Json> objects;
  for (Component component : kAll) {
    objects.push_back(DesiredWorkload(cluster, component, "0.9.2").object);
    for (DesiredObject& desired : SupportingObjects(cluster, component, false)) {
      objects.push_back(std::move(desired.object));
    }
  }
  objects.push_back(LedgerObject(cluster, "{}").object);
  return objects;
}

TEST(Objects, BelongToTheClusterAndCarryNoneOfItsLabels) {
  for (const Json& object : AllObjects(ClusterOf(Spec()))) {
    const Json& metadata = object.at("metadata");
    EXPECT_EQ("ns", metadata.at("namespace"));
    EXPECT_THAT(metadata.at("name").get<std::string>(), StartsWith("demo-"));
    EXPECT_EQ(Json::parse(R"json([{"apiVersion": "openmldb.ai/v1alpha1", "kind": "OpenMLDBCluster",
                               "name": "demo", "uid": "u-1", "controller": true,
                               "blockOwnerDeletion": true}])json"),
              metadata.at("ownerReferences"));
    EXPECT_EQ("demo", metadata.at("labels").at("app.kubernetes.io/instance"));
    EXPECT_EQ("openmldb-operator", metadata.at("labels").at("app.kubernetes.io/managed-by"));
    EXPECT_FALSE(metadata.at("labels").contains("argo"));
  }
}

TEST(Objects, AreSelectedByLabelsThatNeverChange) {
  const Cluster cluster = ClusterOf(Spec());
  for (Component component : kAll) {
    const Json spec = DesiredWorkload(cluster, component, "0.9.2").object.at("spec");
    const Json& selector = spec.at("selector").at("matchLabels");
    EXPECT_EQ(Json({{"app.kubernetes.io/name", "openmldb"},
                    {"app.kubernetes.io/instance", "demo"},
                    {"app.kubernetes.io/component", ToString(component)}}),
              selector);
    const Json& labels = spec.at("template").at("metadata").at("labels");
    for (const auto& [key, value] : selector.items()) EXPECT_EQ(value, labels.at(key));
    for (const DesiredObject& desired : SupportingObjects(cluster, component, false)) {
      const Json& other = desired.object.at("spec").at("selector");
      EXPECT_EQ(selector, desired.type == types::Service() ? other : other.at("matchLabels"));
    }
  }
}

TEST(Workload, IsReplacedPodByPodByTheOperatorOnly) {
  const Cluster cluster = ClusterOf(Spec());
  for (Component component : {Component::kZooKeeper, Component::kNameserver, Component::kTablet,
                              Component::kTaskManager}) {
    const DesiredObject desired = DesiredWorkload(cluster, component, "0.9.2");
    EXPECT_EQ(types::StatefulSet(), desired.type);
    const Json& spec = desired.object.at("spec");
    EXPECT_EQ("OnDelete", spec.at("updateStrategy").at("type"));
    EXPECT_EQ("Parallel", spec.at("podManagementPolicy"));
    EXPECT_EQ(SupportingObjects(cluster, component, false)[0].object.at("metadata").at("name"),
              spec.at("serviceName"));
  }
  const DesiredObject api = DesiredWorkload(cluster, Component::kApiServer, "0.9.2");
  EXPECT_EQ(types::Deployment(), api.type);
  EXPECT_EQ(Json({{"maxUnavailable", 0}, {"maxSurge", 1}}),
            api.object.at("spec").at("strategy").at("rollingUpdate"));
}

TEST(Workload, HasAsManyPodsAsTheSpecSays) {
  Json spec = Spec();
  spec["tablet"]["replicas"] = 5;
  const Cluster cluster = ClusterOf(spec);
  const auto replicas = [&](Component component) {
    return DesiredWorkload(cluster, component, "0.9.2").object.at("spec").at("replicas");
  };
  EXPECT_EQ(1, replicas(Component::kZooKeeper));
  EXPECT_EQ(2, replicas(Component::kNameserver));
  EXPECT_EQ(5, replicas(Component::kTablet));
}

TEST(Workload, TellsVersionAndSpecOfItsPods) {
  const Cluster cluster = ClusterOf(Spec());
  const Json metadata = DesiredWorkload(cluster, Component::kTablet, "0.9.9")
                            .object.at("spec")
                            .at("template")
                            .at("metadata");
  EXPECT_EQ("0.9.9", metadata.at("labels").at("app.kubernetes.io/version"));
  EXPECT_EQ("0.9.9", metadata.at("annotations").at(kVersionAnnotation));
  EXPECT_EQ(SpecHash(cluster, Component::kTablet, "0.9.9"),
            metadata.at("annotations").at(kSpecHashAnnotation));
}

TEST(Workload, KeepsATabletsDataNameRecycleBinAndLogsOnOneVolume) {
  Json spec = Spec();
  spec["tablet"]["storage"] = {{"size", "20Gi"}, {"storageClassName", "fast"}};
  const Cluster cluster = ClusterOf(spec);
  const Json workload = DesiredWorkload(cluster, Component::kTablet, "0.9.2").object;
  const Json& claims = workload.at("spec").at("volumeClaimTemplates");
  ASSERT_EQ(1, claims.size());
  EXPECT_EQ("data", claims[0].at("metadata").at("name"));
  EXPECT_EQ("fast", claims[0].at("spec").at("storageClassName"));
  EXPECT_EQ("20Gi", claims[0].at("spec").at("resources").at("requests").at("storage"));
  EXPECT_EQ(Json::array({"ReadWriteOnce"}), claims[0].at("spec").at("accessModes"));
  EXPECT_EQ(Json::parse(R"json([{"name": "data", "mountPath": "/data"}])json"),
            Container(cluster, Component::kTablet).at("volumeMounts"));
  EXPECT_FALSE(PodSpec(cluster, Component::kTablet).contains("volumes"));
  const auto args = Args(cluster, Component::kTablet);
  for (const char* flag : {"--db_root_path=/data/db", "--recycle_bin_root_path=/data/recycle",
                           "--data_dir=/data/id", "--openmldb_log_dir=/data/logs"}) {
    EXPECT_THAT(args, Contains(flag));
  }
}

TEST(Workload, HasAnEmptyDirWithoutStorage) {
  const Cluster cluster = ClusterOf(Spec());
  EXPECT_EQ(Json::parse(R"json([{"name": "data", "emptyDir": {}}])json"),
            PodSpec(cluster, Component::kNameserver).at("volumes"));
  EXPECT_FALSE(DesiredWorkload(cluster, Component::kNameserver, "0.9.2")
                   .object.at("spec")
                   .contains("volumeClaimTemplates"));
}

TEST(Flags, GiveNameserversAndTabletsTheirPodsNames) {
  const Cluster cluster = ClusterOf(Spec());
  for (Component component : {Component::kNameserver, Component::kTablet}) {
    const auto args = Args(cluster, component);
    EXPECT_THAT(args, Contains("--role=" + ToString(component)));
    EXPECT_THAT(args, Contains("--use_name=true"));
    EXPECT_THAT(args, Contains("--port=" + std::to_string(PortOf(component))));
    EXPECT_THAT(args, Contains("--zk_cluster=demo-zookeeper-client.ns.svc:2181"));
    EXPECT_THAT(args, Contains("--zk_root_path=/openmldb"));
    EXPECT_THAT(args, Contains("--zk_session_timeout=10000"));
    EXPECT_THAT(args, Contains("--graceful_quit_on_sigterm=true"));
    EXPECT_THAT(args, Not(Contains(StartsWith("--endpoint"))));
  }
  EXPECT_THAT(Args(cluster, Component::kApiServer), Contains("--endpoint=$(POD_IP):9080"));
}

TEST(Flags, OfTheUserWinOverDefaultsButNotOverWhatTheOperatorNeeds) {
  Json spec = Spec();
  spec["nameserver"]["flags"] = {
      {"tablet_heartbeat_timeout", "7"}, {"port", "1"}, {"extra", "$(POD_IP)"}};
  const auto args = Args(ClusterOf(spec), Component::kNameserver);
  EXPECT_THAT(args, Contains("--tablet_heartbeat_timeout=7"));
  EXPECT_THAT(args, Not(Contains("--tablet_heartbeat_timeout=60000")));
  EXPECT_THAT(args, Contains("--port=7527"));
  EXPECT_THAT(args, Not(Contains("--port=1")));
  // Kubernetes makes $(POD_IP) of it.
  EXPECT_THAT(args, Contains("--extra=$$(POD_IP)"));
}

// With fewer tablets than that a nameserver ends (F1.4).
TEST(Flags, AskForNoMoreReplicasOfSystemTablesThanThereAreTablets) {
  for (int tablets : {1, 2, 3}) {
    Json spec = Spec();
    spec["tablet"]["replicas"] = tablets;
    EXPECT_THAT(Args(ClusterOf(spec), Component::kNameserver),
                Contains("--system_table_replica_num=" + std::to_string(std::min(tablets, 2))));
  }
}

// Two task managers of the same address would put each other out (F8.2).
TEST(Properties, HaveThePodsOwnAddress) {
  Json spec = Spec();
  spec["taskManager"]["flags"] = {{"spark.master", "yarn"}, {"server.host", "0.0.0.0"}};
  const auto args = Args(ClusterOf(spec), Component::kTaskManager);
  EXPECT_THAT(args, Contains("server.host=$(POD_IP)"));
  EXPECT_THAT(args, Not(Contains("server.host=0.0.0.0")));
  EXPECT_THAT(args, Contains("spark.master=yarn"));
  EXPECT_THAT(args, Contains("zookeeper.cluster=demo-zookeeper-client.ns.svc:2181"));
}

TEST(Probes, NeverKillAServerThatHoldsDataOrStandsBy) {
  const Cluster cluster = ClusterOf(Spec());
  for (Component component :
       {Component::kNameserver, Component::kTablet, Component::kTaskManager}) {
    EXPECT_FALSE(Container(cluster, component).contains("livenessProbe"));
    EXPECT_FALSE(Container(cluster, component).contains("startupProbe"));
  }
  EXPECT_EQ(Json({{"path", "/health"}, {"port", 10921}}),
            Container(cluster, Component::kTablet).at("readinessProbe").at("httpGet"));
}

TEST(Image, HasTheVersionAsTagUnlessItHasItsOwn) {
  Json spec = Spec();
  const auto image = [&spec](const std::string& name) {
    spec["image"] = name;
    return ImageOf(ClusterOf(spec).spec, "0.9.3");
  };
  EXPECT_EQ("openmldb:0.9.3", image("openmldb"));
  EXPECT_EQ("4pdosc/openmldb:0.9.3", image("4pdosc/openmldb"));
  EXPECT_EQ("r.example:5000/a/b:0.9.3", image("r.example:5000/a/b"));
  EXPECT_EQ("r.example:5000/a/b:v1", image("r.example:5000/a/b:v1"));
  EXPECT_EQ("openmldb:v1", image("openmldb:v1"));
  EXPECT_EQ("a/b@sha256:00", image("a/b@sha256:00"));
}

TEST(Pod, TakesOverWhatTheUserSays) {
  Json spec = Spec();
  spec["imagePullSecrets"] = Json::array({{{"name", "s"}}});
  spec["tablet"]["resources"] = {{"limits", {{"cpu", "2"}}}};
  spec["tablet"]["pod"] = Json::parse(R"json({
    "labels": {"team": "a", "app.kubernetes.io/name": "other"}, "annotations": {"note": "b"},
    "nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}}, "topologySpreadConstraints": [{"maxSkew": 1}],
    "priorityClassName": "high", "serviceAccountName": "sa", "terminationGracePeriodSeconds": 9,
    "env": [{"name": "TZ", "value": "Asia/Shanghai"}],
    "volumes": [{"name": "conf", "configMap": {"name": "c"}}],
    "volumeMounts": [{"name": "conf", "mountPath": "/conf"}]})json");
  const Cluster cluster = ClusterOf(spec);
  const Json pod_template =
      DesiredWorkload(cluster, Component::kTablet, "0.9.2").object.at("spec").at("template");
  EXPECT_EQ("a", pod_template.at("metadata").at("labels").at("team"));
  EXPECT_EQ("openmldb", pod_template.at("metadata").at("labels").at("app.kubernetes.io/name"));
  EXPECT_EQ("b", pod_template.at("metadata").at("annotations").at("note"));
  const Json& pod = pod_template.at("spec");
  EXPECT_EQ("ssd", pod.at("nodeSelector").at("disk"));
  EXPECT_EQ("Exists", pod.at("tolerations").at(0).at("operator"));
  EXPECT_EQ(Json::parse(R"json({"nodeAffinity": {}})json"), pod.at("affinity"));
  EXPECT_EQ(1, pod.at("topologySpreadConstraints").at(0).at("maxSkew"));
  EXPECT_EQ("high", pod.at("priorityClassName"));
  EXPECT_EQ("sa", pod.at("serviceAccountName"));
  EXPECT_EQ(true, pod.at("automountServiceAccountToken"));
  EXPECT_EQ(9, pod.at("terminationGracePeriodSeconds"));
  EXPECT_EQ("s", pod.at("imagePullSecrets").at(0).at("name"));
  EXPECT_EQ("conf", pod.at("volumes").at(0).at("name"));
  EXPECT_FALSE(pod.contains("env"));
  const Json& container = pod.at("containers").at(0);
  EXPECT_EQ("Asia/Shanghai", container.at("env").at(2).at("value"));
  EXPECT_EQ("/conf", container.at("volumeMounts").at(1).at("mountPath"));
  EXPECT_EQ("2", container.at("resources").at("limits").at("cpu"));
}

TEST(Pod, PrefersANodeOfItsOwn) {
  const Json pod = PodSpec(ClusterOf(Spec()), Component::kTablet);
  const Json& terms = pod.at("affinity")
                          .at("podAntiAffinity")
                          .at("preferredDuringSchedulingIgnoredDuringExecution");
  ASSERT_EQ(1, terms.size());
  EXPECT_EQ("kubernetes.io/hostname", terms[0].at("podAffinityTerm").at("topologyKey"));
}

// Running pods are replaced when this changes: an operator that computes other values restarts
// every cluster in the world. Do not adapt the values; make new fields of the spec count only when
// they are set.
TEST(SpecHash, IsTheSameInEveryVersionOfTheOperator) {
  const Cluster plain = ClusterOf(Spec());
  EXPECT_EQ("7b345616333f88f4", SpecHash(plain, Component::kNameserver, "0.9.2"));
  EXPECT_EQ("cd882d21d51707a3", SpecHash(plain, Component::kZooKeeper, "0.9.2"));
  Json spec = Json::parse(R"json({
    "version": "0.9.2", "image": "a/b", "imagePullPolicy": "Always",
    "imagePullSecrets": [{"name": "s"}],
    "zookeeper": {"servers": "z:2181", "rootPath": "/r"},
    "tablet": {"flags": {"a": "1", "b": "2"}, "resources": {"limits": {"cpu": "2", "memory": 5}},
               "pod": {"labels": {"x": "y"}, "tolerations": [{"operator": "Exists"}]}}})json");
  EXPECT_EQ("cd6f8f8622d3cd65", SpecHash(ClusterOf(spec), Component::kTablet, "0.9.3"));
}

TEST(SpecHash, ChangesWithWhatThePodsAreMadeFrom) {
  const auto hash = [](const Json& spec) {
    return SpecHash(ClusterOf(spec), Component::kTablet, "0.9.2");
  };
  const std::string plain = hash(Spec());
  EXPECT_NE(plain, SpecHash(ClusterOf(Spec()), Component::kTablet, "0.9.3"));
  const std::pair<const char*, Json> changes[] = {
      {"/image", "x"},
      {"/imagePullPolicy", "Always"},
      {"/imagePullSecrets", Json::array({{{"name", "s"}}})},
      {"/zookeeper/rootPath", "/x"},
      {"/tablet/flags/x", "1"},
      {"/tablet/resources/limits/cpu", "1"},
      {"/tablet/pod/labels/x", "1"}};
  for (const auto& [where, value] : changes) {
    Json spec = Spec();
    spec[Json::json_pointer(where)] = value;
    EXPECT_NE(plain, hash(spec)) << where;
  }
}

TEST(SpecHash, StaysWhenPodsNeedNotBeReplaced) {
  const auto hash = [](const Json& spec) {
    return SpecHash(ClusterOf(spec), Component::kTablet, "0.9.2");
  };
  const std::pair<const char*, Json> changes[] = {{"/version", "0.9.3"},
                                                  {"/tablet/replicas", 7},
                                                  {"/tablet/flags", Json::object()},
                                                  {"/tablet/pod", Json::object()},
                                                  {"/tablet/resources", Json::object()},
                                                  {"/nameserver/flags/x", "1"},
                                                  {"/upgrade/jobTimeout", "1s"}};
  for (const auto& [where, value] : changes) {
    Json spec = Spec();
    spec[Json::json_pointer(where)] = value;
    EXPECT_EQ(hash(Spec()), hash(spec)) << where;
  }
}

std::vector<std::string> Names(const std::vector<DesiredObject>& objects) {
  std::vector<std::string> names;
  for (const DesiredObject& desired : objects) {
    names.push_back(desired.type.kind + " " +
                    desired.object.at("metadata").at("name").get<std::string>());
  }
  return names;
}

TEST(SupportingObjects, AreServicesAndABudgetForEachComponent) {
  const Cluster cluster = ClusterOf(Spec());
  EXPECT_EQ((std::vector<std::string>{"Service demo-zookeeper", "Service demo-zookeeper-client",
                                      "PodDisruptionBudget demo-zookeeper"}),
            Names(SupportingObjects(cluster, Component::kZooKeeper, false)));
  EXPECT_EQ((std::vector<std::string>{"Service demo-tablet", "PodDisruptionBudget demo-tablet"}),
            Names(SupportingObjects(cluster, Component::kTablet, false)));
}

TEST(SupportingObjects, MakeServersReachableBeforeTheyAreReady) {
  const Cluster cluster = ClusterOf(Spec());
  for (Component component :
       {Component::kNameserver, Component::kTablet, Component::kTaskManager}) {
    const Json service = SupportingObjects(cluster, component, false)[0].object.at("spec");
    EXPECT_EQ("None", service.at("clusterIP"));
    EXPECT_EQ(true, service.at("publishNotReadyAddresses"));
    EXPECT_EQ(PortOf(component), service.at("ports").at(0).at("port"));
  }
  const Json api = SupportingObjects(cluster, Component::kApiServer, false)[0].object.at("spec");
  EXPECT_FALSE(api.contains("clusterIP"));
  EXPECT_FALSE(api.contains("publishNotReadyAddresses"));
}

TEST(SupportingObjects, AllowNoDisruptionWhileATabletIsHandled) {
  const Cluster cluster = ClusterOf(Spec());
  const auto allowed = [&cluster](bool handling) {
    const DesiredObject budget = SupportingObjects(cluster, Component::kTablet, handling).back();
    EXPECT_EQ(types::PodDisruptionBudget(), budget.type);
    return budget.object.at("spec").at("maxUnavailable").get<int>();
  };
  EXPECT_EQ(1, allowed(false));
  EXPECT_EQ(0, allowed(true));
}

TEST(SupportingObjects, CarryAHashThatChangesWithThem) {
  const Cluster cluster = ClusterOf(Spec());
  const auto hash = [&cluster](bool handling) {
    return SupportingObjects(cluster, Component::kTablet, handling)
        .back()
        .object.at("metadata")
        .at("annotations")
        .at(kObjectHashAnnotation)
        .get<std::string>();
  };
  EXPECT_EQ(hash(false), hash(false));
  EXPECT_NE(hash(false), hash(true));
}

TEST(ZooKeeper, IsTheUsersOrOurOwn) {
  EXPECT_EQ("demo-zookeeper-client.ns.svc:2181", ZooKeeperServers(ClusterOf(Spec())));
  Json spec = Spec();
  spec["zookeeper"] = {{"servers", "a:1,b:2"}};
  EXPECT_EQ("a:1,b:2", ZooKeeperServers(ClusterOf(spec)));
  const Json container = Container(ClusterOf(Spec()), Component::kZooKeeper);
  EXPECT_EQ("zookeeper:3.8", container.at("image"));
}

TEST(Ledger, IsAConfigMap) {
  const Json ledger = LedgerObject(ClusterOf(Spec()), "{}").object;
  EXPECT_EQ("ConfigMap", ledger.at("kind"));
  EXPECT_EQ("{}", ledger.at("data").at("ledger"));
  EXPECT_EQ("{}", LedgerContent(ledger));
}

// 20,000 partitions make 8 MiB of it, a ConfigMap holds one.
TEST(Ledger, IsCompressedWhereItIsLong) {
  std::string content;
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&content, "feature_db.events/", i, " on t-1,");
  Json ledger = LedgerObject(ClusterOf(Spec()), content).object;
  EXPECT_FALSE(ledger.contains("data"));
  EXPECT_LT(ledger.dump().size(), content.size() / 4);
  EXPECT_EQ(content, LedgerContent(ledger));
  ledger["binaryData"]["ledger.gz"] = "no base64!";
  EXPECT_EQ("", LedgerContent(ledger));
  EXPECT_EQ("{}", LedgerContent(Json::object())) << "there is nothing in it yet";
}

}  // namespace
}  // namespace omdb
