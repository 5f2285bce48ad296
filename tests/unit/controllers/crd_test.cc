#include <string>

#include "absl/strings/str_cat.h"
#include "controllers/cluster.h"
#include "controllers/objects/objects.h"
#include "gtest/gtest.h"
#include "yaml-cpp/yaml.h"

// What the custom resource definition says and what the operator reads and writes agree.
namespace omdb {
namespace {

YAML::Node Schema() {
  return YAML::LoadFile(OMDB_SOURCE_DIR
                        "/crds/openmldb.ai_openmldbclusters.yaml")["spec"]["versions"][0]["schema"]
                                                                  ["openAPIV3Schema"];
}

Json JsonOf(const YAML::Node& node, const std::string& type) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) {
      object[entry.first.as<std::string>()] = Json::parse(entry.second.as<std::string>());
    }
    return object;
  }
  if (type == "string") return node.as<std::string>();
  return Json::parse(node.as<std::string>());
}

// As the API server does it: a default is taken, and looked into for further ones.
void ApplyDefaults(const YAML::Node& schema, Json& value) {
  if (!schema["properties"] || !value.is_object()) return;
  for (const auto& property : schema["properties"]) {
    const std::string name = property.first.as<std::string>();
    const YAML::Node& inside = property.second;
    if (!value.contains(name) && inside["default"]) {
      value[name] = JsonOf(inside["default"], inside["type"].as<std::string>());
    }
    if (value.contains(name)) ApplyDefaults(inside, value[name]);
  }
}

// Where `value` holds what the schema does not know, which the API server would throw away.
std::string Unknown(const YAML::Node& schema, const Json& value, const std::string& path) {
  if (value.is_array()) {
    for (const Json& item : value) {
      std::string unknown = Unknown(schema["items"], item, path + "[]");
      if (!unknown.empty()) return unknown;
    }
    return "";
  }
  if (!value.is_object()) return "";
  for (const auto& [name, item] : value.items()) {
    const YAML::Node inside = schema["additionalProperties"] ? schema["additionalProperties"]
                                                             : schema["properties"][name];
    std::string here = absl::StrCat(path, ".", name);
    if (!inside) return here;
    std::string unknown = Unknown(inside, item, here);
    if (!unknown.empty()) return unknown;
  }
  return "";
}

TEST(CustomResourceDefinition, HasTheDefaultsThatTheOperatorReads) {
  for (const char* zookeeper : {R"({"managed": {}})", R"({"servers": "z:2181"})"}) {
    Json object = {{"metadata", {{"namespace", "ns"}, {"name", "demo"}}},
                   {"spec", {{"version", "0.9.2"}, {"zookeeper", Json::parse(zookeeper)}}}};
    Json defaulted = object;
    ApplyDefaults(Schema(), defaulted);
    EXPECT_EQ(-1, defaulted.at("status").at("observedGeneration"));
    ASSERT_TRUE(defaulted.at("spec").contains("upgrade"));
    const auto plain = ParseCluster(object);
    const auto full = ParseCluster(defaulted);
    ASSERT_TRUE(plain.ok()) << plain.status();
    ASSERT_TRUE(full.ok()) << full.status();
    EXPECT_EQ(plain->spec.image, full->spec.image);
    EXPECT_EQ(plain->spec.zookeeper_root_path, full->spec.zookeeper_root_path);
    EXPECT_EQ(plain->spec.zookeeper_image, full->spec.zookeeper_image);
    EXPECT_EQ(plain->spec.zookeeper_storage, full->spec.zookeeper_storage);
    EXPECT_EQ(plain->spec.upgrade.max_write_pause, full->spec.upgrade.max_write_pause);
    EXPECT_EQ(plain->spec.upgrade.fence_limit, full->spec.upgrade.fence_limit);
    EXPECT_EQ(plain->spec.upgrade.job_timeout, full->spec.upgrade.job_timeout);
    EXPECT_EQ(plain->spec.upgrade.pod_timeout, full->spec.upgrade.pod_timeout);
    EXPECT_EQ(plain->spec.upgrade.allow_single_replica_downtime,
              full->spec.upgrade.allow_single_replica_downtime);
    for (Component component : {Component::kNameserver, Component::kTablet, Component::kTaskManager,
                                Component::kApiServer}) {
      EXPECT_EQ(DesiredWorkload(*plain, component, "0.9.2").object,
                DesiredWorkload(*full, component, "0.9.2").object);
    }
  }
}

TEST(CustomResourceDefinition, KnowsAllThatTheOperatorWritesIntoTheStatus) {
  Cluster cluster;
  cluster.status.components["tablet"] = {"0.9.2", 3, 3, 3};
  TabletReport report;
  report.name = "demo-tablet-0";
  report.started = absl::FromUnixSeconds(1);
  report.finished = absl::FromUnixSeconds(2);
  cluster.status.tablets = {report};
  cluster.status.conditions = {{"Ready", "True", "Complete", "", absl::FromUnixSeconds(1), 1}};
  EXPECT_EQ("", Unknown(Schema()["properties"]["status"], StatusDocument(cluster).at("status"),
                        "status"));
}

}  // namespace
}  // namespace omdb
