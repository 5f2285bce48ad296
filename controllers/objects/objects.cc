#include "controllers/objects/objects.h"

#include <openssl/sha.h>

#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "controllers/objects/compression.h"
#include "controllers/objects/pod_templates.h"

namespace omdb {
namespace {

constexpr char kManager[] = "openmldb-operator";
// A ledger that is no longer is kept as people can read it.
constexpr size_t kMostPlainText = 256 << 10;

std::string Hash(const Json& document) {
  const std::string text = document.dump();
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), 8));
}

Json Metadata(const Cluster& cluster, const std::string& name,
              const std::map<std::string, std::string>& labels) {
  return {{"name", name},
          {"namespace", cluster.key.ns},
          {"labels", labels},
          {"ownerReferences", Json::array({{{"apiVersion", types::OpenMLDBCluster().ApiVersion()},
                                            {"kind", types::OpenMLDBCluster().kind},
                                            {"name", cluster.key.name},
                                            {"uid", cluster.uid},
                                            {"controller", true},
                                            {"blockOwnerDeletion", true}}})}};
}

DesiredObject Object(const ResourceType& type, Json metadata, Json spec) {
  Json object = {{"apiVersion", type.ApiVersion()},
                 {"kind", type.kind},
                 {"metadata", std::move(metadata)},
                 {"spec", std::move(spec)}};
  return {type, std::move(object)};
}

// Asked for at each look, so it is a quick hash. Another build of the operator may come to another:
// then the object is applied once more.
DesiredObject Hashed(DesiredObject desired) {
  desired.object["metadata"]["annotations"][kObjectHashAnnotation] =
      absl::StrCat(absl::Hex(std::hash<Json>()(desired.object), absl::kZeroPad16));
  return desired;
}

// What selects the component's pods; never changes.
Json Selector(const Cluster& cluster, Component component) {
  return {{"app.kubernetes.io/name", "openmldb"},
          {"app.kubernetes.io/instance", cluster.key.name},
          {"app.kubernetes.io/component", ToString(component)}};
}

DesiredObject Service(Component component, Json metadata, const Json& selector, bool headless) {
  const Json port = {{"name", component == Component::kZooKeeper ? "client" : "rpc"},
                     {"port", PortOf(component)},
                     {"targetPort", PortOf(component)},
                     {"protocol", "TCP"}};
  Json spec = {{"selector", selector}, {"ports", Json::array({port})}};
  if (headless) {
    spec["clusterIP"] = "None";
    // A server that just started is reached before it is ready: its nameserver or its operator
    // makes it so.
    spec["publishNotReadyAddresses"] = true;
  }
  return Hashed(Object(types::Service(), std::move(metadata), std::move(spec)));
}

DesiredObject Budget(Json metadata, const Json& selector, int max_unavailable) {
  return Hashed(
      Object(types::PodDisruptionBudget(), std::move(metadata),
             {{"maxUnavailable", max_unavailable}, {"selector", {{"matchLabels", selector}}}}));
}

// Kubernetes never lets it change: nothing is added here.
Json Claim(const Json& storage) {
  Json spec = {{"accessModes", Json::array({"ReadWriteOnce"})},
               {"resources", {{"requests", {{"storage", storage.value("size", "10Gi")}}}}}};
  if (storage.contains("storageClassName"))
    spec["storageClassName"] = storage.at("storageClassName");
  return {{"apiVersion", "v1"},
          {"kind", "PersistentVolumeClaim"},
          {"metadata", {{"name", kDataVolume}}},
          {"spec", std::move(spec)}};
}

std::string ZooKeeperClientName(const Cluster& cluster) {
  return absl::StrCat(WorkloadName(cluster, Component::kZooKeeper), "-client");
}

const Json& StorageOf(const Cluster& cluster, Component component) {
  return component == Component::kZooKeeper ? cluster.spec.zookeeper_storage
                                            : cluster.spec.Of(component).storage;
}

}  // namespace

std::string WorkloadName(const Cluster& cluster, Component component) {
  return absl::StrCat(cluster.key.name, "-", ToString(component));
}

int PortOf(Component component) {
  switch (component) {
    case Component::kZooKeeper:
      return 2181;
    case Component::kNameserver:
      return 7527;
    case Component::kTablet:
      return 10921;
    case Component::kTaskManager:
      return 9902;
    case Component::kApiServer:
      return 9080;
  }
  return 0;
}

std::map<std::string, std::string> ClusterLabels(const Cluster& cluster) {
  return {{"app.kubernetes.io/name", "openmldb"},
          {"app.kubernetes.io/instance", cluster.key.name},
          {"app.kubernetes.io/managed-by", kManager}};
}

std::map<std::string, std::string> ComponentLabels(const Cluster& cluster, Component component) {
  auto labels = ClusterLabels(cluster);
  labels["app.kubernetes.io/component"] = ToString(component);
  return labels;
}

// Pods are replaced when this changes: what is hashed for a given spec stays as it is for ever (a
// test holds the values). A new field of the spec is hashed only when it is set.
std::string SpecHash(const Cluster& cluster, Component component, const std::string& version) {
  const ClusterSpec& spec = cluster.spec;
  if (component == Component::kZooKeeper) return Hash({{"image", spec.zookeeper_image}});
  const ComponentSpec& own = spec.Of(component);
  Json hashed = {{"version", version},
                 {"image", spec.image},
                 {"imagePullPolicy", spec.image_pull_policy},
                 {"zookeeper", spec.zookeeper_servers},
                 {"rootPath", spec.zookeeper_root_path}};
  const std::map<std::string, Json> optional = {{"imagePullSecrets", spec.image_pull_secrets},
                                                {"flags", own.flags},
                                                {"resources", own.resources},
                                                {"pod", own.pod}};
  for (const auto& [field, value] : optional) {
    if (!value.empty()) hashed[field] = value;
  }
  return Hash(hashed);
}

DesiredObject DesiredWorkload(const Cluster& cluster, Component component,
                              const std::string& version) {
  Json pod = PodTemplate(cluster, component, version);
  pod["metadata"]["annotations"][kSpecHashAnnotation] = SpecHash(cluster, component, version);
  pod["metadata"]["annotations"][kVersionAnnotation] = version;
  const bool deployment = component == Component::kApiServer;
  Json spec = {
      {"replicas", component == Component::kZooKeeper ? 1 : cluster.spec.Of(component).replicas},
      {"selector", {{"matchLabels", Selector(cluster, component)}}},
      {"template", std::move(pod)}};
  if (deployment) {
    spec["strategy"] = {{"type", "RollingUpdate"},
                        {"rollingUpdate", {{"maxUnavailable", 0}, {"maxSurge", 1}}}};
  } else {
    spec["serviceName"] = WorkloadName(cluster, component);
    spec["podManagementPolicy"] = "Parallel";
    // The operator deletes pods itself, each when its turn has come.
    spec["updateStrategy"] = {{"type", "OnDelete"}};
    if (const Json& storage = StorageOf(cluster, component); !storage.is_null()) {
      spec["volumeClaimTemplates"] = Json::array({Claim(storage)});
    }
  }
  return Object(
      deployment ? types::Deployment() : types::StatefulSet(),
      Metadata(cluster, WorkloadName(cluster, component), ComponentLabels(cluster, component)),
      std::move(spec));
}

std::vector<DesiredObject> SupportingObjects(const Cluster& cluster, Component component,
                                             bool handling) {
  const Json selector = Selector(cluster, component);
  const Json metadata =
      Metadata(cluster, WorkloadName(cluster, component), ComponentLabels(cluster, component));
  std::vector<DesiredObject> objects = {
      Service(component, metadata, selector, component != Component::kApiServer)};
  if (component == Component::kZooKeeper) {
    Json client = metadata;
    client["name"] = ZooKeeperClientName(cluster);
    objects.push_back(Service(component, std::move(client), selector, false));
  }
  objects.push_back(Budget(metadata, selector, handling ? 0 : 1));
  return objects;
}

DesiredObject PreflightPodObject(const Cluster& cluster) {
  auto labels = ClusterLabels(cluster);
  labels["app.kubernetes.io/component"] = kPreflight;
  Json metadata = Metadata(cluster, absl::StrCat(cluster.key.name, "-", kPreflight), labels);
  metadata["annotations"][kVersionAnnotation] = cluster.spec.version;
  return Hashed(Object(types::Pod(), std::move(metadata), PreflightPodSpec(cluster)));
}

// By the address of a service, which stays when the pod is replaced.
std::string ZooKeeperServers(const Cluster& cluster) {
  if (!cluster.spec.zookeeper_managed) return cluster.spec.zookeeper_servers;
  return absl::StrCat(ZooKeeperClientName(cluster), ".", cluster.key.ns,
                      ".svc:", PortOf(Component::kZooKeeper));
}

std::string LedgerName(const Cluster& cluster) {
  return absl::StrCat(cluster.key.name, "-rollout");
}

DesiredObject LedgerObject(const Cluster& cluster, const std::string& content) {
  Json object = {{"apiVersion", types::ConfigMap().ApiVersion()},
                 {"kind", types::ConfigMap().kind},
                 {"metadata", Metadata(cluster, LedgerName(cluster), ClusterLabels(cluster))}};
  if (content.size() <= kMostPlainText) {
    object["data"] = {{"ledger", content}};
  } else {
    object["binaryData"] = {{"ledger.gz", absl::Base64Escape(Gzip(content))}};
  }
  return {types::ConfigMap(), std::move(object)};
}

std::string LedgerContent(const Json& object) {
  const Json::json_pointer compressed("/binaryData/ledger.gz");
  if (!object.contains(compressed))
    return object.value("data", Json::object()).value("ledger", "{}");
  std::string bytes;
  if (!absl::Base64Unescape(object.at(compressed).get<std::string>(), &bytes)) return "";
  return Gunzip(bytes);
}

}  // namespace omdb
