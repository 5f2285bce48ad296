#include "controllers/objects/pod_templates.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"
#include "controllers/objects/start_command.h"

namespace omdb {
namespace {

// The parts of spec.*.pod that go into the pod as they are; labels, annotations, env, volumes and
// volumeMounts are added to what is there.
constexpr std::array kScheduling = {
    "affinity",
    "nodeSelector",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
    "terminationGracePeriodSeconds",
    "topologySpreadConstraints",
};

// Those that say on which nodes a pod may run and as whom. What keeps servers apart from each other
// is none of the preflight pod's business: it would find no place where they fill every node.
constexpr std::array kPreflightScheduling = {
    "nodeSelector",    "priorityClassName",  "runtimeClassName", "schedulerName",
    "securityContext", "serviceAccountName", "tolerations",
};

Json FieldEnvironment(const std::string& name, const std::string& path) {
  return {{"name", name}, {"valueFrom", {{"fieldRef", {{"fieldPath", path}}}}}};
}

Json Port(Component component, const std::string& name) {
  return Json::array({{{"name", name}, {"containerPort", PortOf(component)}, {"protocol", "TCP"}}});
}

void Append(Json& list, const Json& more) {
  for (const Json& item : more) list.push_back(item);
}

// Ready means that the server serves, or stands by. Tablets and nameservers have no liveness probe:
// a stand-by may not listen for long (F1.4), and a tablet that is slow must not be killed with rows
// that no other has.
void AddProbes(Json& container, Component component) {
  Json probe = {{"periodSeconds", 1}, {"timeoutSeconds", 3}, {"failureThreshold", 3}};
  if (component == Component::kNameserver || component == Component::kTaskManager) {
    probe["exec"]["command"] = ListensOrStandsBy(component);
    probe["periodSeconds"] = 2;
    container["readinessProbe"] = std::move(probe);
    return;
  }
  probe["httpGet"] = {{"path", "/health"}, {"port", PortOf(component)}};
  container["readinessProbe"] = probe;
  if (component != Component::kApiServer) return;
  probe["periodSeconds"] = 10;
  probe["initialDelaySeconds"] = 60;
  probe["failureThreshold"] = 6;
  container["livenessProbe"] = std::move(probe);
}

Json ServerContainer(const Cluster& cluster, Component component, const std::string& version) {
  const ComponentSpec& spec = cluster.spec.Of(component);
  const StartCommand start = StartCommandOf(cluster, component);
  Json container = {{"name", ToString(component)},
                    {"image", ImageOf(cluster.spec, version)},
                    {"imagePullPolicy", cluster.spec.image_pull_policy},
                    {"command", start.command},
                    {"args", start.args},
                    {"ports", Port(component, "rpc")}};
  container["env"] = Json::array(
      {FieldEnvironment("POD_NAME", "metadata.name"), FieldEnvironment("POD_IP", "status.podIP")});
  container["volumeMounts"] = Json::array({{{"name", kDataVolume}, {"mountPath", kDataDirectory}}});
  if (spec.pod.is_object()) {
    Append(container["env"], spec.pod.value("env", Json::array()));
    Append(container["volumeMounts"], spec.pod.value("volumeMounts", Json::array()));
  }
  if (!spec.resources.empty()) container["resources"] = spec.resources;
  container["securityContext"] = {{"allowPrivilegeEscalation", false}};
  AddProbes(container, component);
  return container;
}

// One node with the interface of the official image, for trying things out.
Json ZooKeeperPod(const Cluster& cluster) {
  Json container = {{"name", "zookeeper"},
                    {"image", cluster.spec.zookeeper_image},
                    {"imagePullPolicy", cluster.spec.image_pull_policy},
                    {"ports", Port(Component::kZooKeeper, "client")}};
  container["env"] =
      Json::array({{{"name", "ZOO_4LW_COMMANDS_WHITELIST"}, {"value", "srvr,ruok,mntr"}},
                   {{"name", "ZOO_AUTOPURGE_PURGEINTERVAL"}, {"value", "1"}},
                   {{"name", "ZK_SERVER_HEAP"}, {"value", "256"}}});
  // A leader does not change before ZooKeeper has written it.
  container["resources"] = {{"requests", {{"cpu", "100m"}, {"memory", "256Mi"}}}};
  container["volumeMounts"] =
      Json::array({{{"name", kDataVolume}, {"mountPath", "/data"}, {"subPath", "data"}},
                   {{"name", kDataVolume}, {"mountPath", "/datalog"}, {"subPath", "datalog"}}});
  container["readinessProbe"] = {{"tcpSocket", {{"port", PortOf(Component::kZooKeeper)}}},
                                 {"periodSeconds", 2}};
  return {{"containers", Json::array({container})},
          {"automountServiceAccountToken", false},
          {"enableServiceLinks", false}};
}

// Servers of one kind keep apart where they can.
Json SpreadOverNodes(const Cluster& cluster, Component component) {
  const Json term = {{"topologyKey", "kubernetes.io/hostname"},
                     {"labelSelector",
                      {{"matchLabels",
                        {{"app.kubernetes.io/instance", cluster.key.name},
                         {"app.kubernetes.io/component", ToString(component)}}}}}};
  return {{"podAntiAffinity",
           {{"preferredDuringSchedulingIgnoredDuringExecution",
             Json::array({{{"weight", 100}, {"podAffinityTerm", term}}})}}}};
}

Json ServerPod(const Cluster& cluster, Component component, const std::string& version) {
  const ComponentSpec& own = cluster.spec.Of(component);
  Json spec = {{"containers", Json::array({ServerContainer(cluster, component, version)})},
               {"terminationGracePeriodSeconds", 60},
               {"affinity", SpreadOverNodes(cluster, component)},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false}};
  if (!cluster.spec.image_pull_secrets.empty())
    spec["imagePullSecrets"] = cluster.spec.image_pull_secrets;
  if (!own.pod.is_object()) return spec;
  for (const char* field : kScheduling) {
    if (own.pod.contains(field)) spec[field] = own.pod.at(field);
  }
  if (own.pod.contains("serviceAccountName")) spec["automountServiceAccountToken"] = true;
  if (own.pod.contains("volumes")) spec["volumes"] = own.pod.at("volumes");
  return spec;
}

// What the user adds to labels or annotations never replaces what is there.
void AddMetadata(Json& metadata, const Json& pod, const std::string& field) {
  if (!pod.is_object() || !pod.contains(field)) return;
  for (const auto& [key, text] : pod.at(field).items()) {
    if (!metadata[field].contains(key)) metadata[field][key] = text;
  }
}

bool HasVolume(const Cluster& cluster, Component component) {
  return component == Component::kZooKeeper ? cluster.spec.zookeeper_storage.is_object()
                                            : cluster.spec.Of(component).storage.is_object();
}

}  // namespace

std::string ImageOf(const ClusterSpec& spec, const std::string& version) {
  // A colon before the last slash belongs to the registry's port.
  const size_t name = spec.image.rfind('/') == std::string::npos ? 0 : spec.image.rfind('/');
  if (spec.image.find_first_of(":@", name) != std::string::npos) return spec.image;
  return absl::StrCat(spec.image, ":", version);
}

Json PodTemplate(const Cluster& cluster, Component component, const std::string& version) {
  Json metadata = {{"labels", ComponentLabels(cluster, component)},
                   {"annotations", Json::object()}};
  Json spec = component == Component::kZooKeeper ? ZooKeeperPod(cluster)
                                                 : ServerPod(cluster, component, version);
  if (component != Component::kZooKeeper) {
    metadata["labels"]["app.kubernetes.io/version"] = version;
    AddMetadata(metadata, cluster.spec.Of(component).pod, "labels");
    AddMetadata(metadata, cluster.spec.Of(component).pod, "annotations");
  }
  if (!HasVolume(cluster, component)) {
    spec["volumes"].push_back({{"name", kDataVolume}, {"emptyDir", Json::object()}});
  }
  return {{"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

Json PreflightPodSpec(const Cluster& cluster) {
  const ClusterSpec& spec = cluster.spec;
  Json container = {{"name", kPreflight},
                    {"image", ImageOf(spec, spec.version)},
                    {"imagePullPolicy", spec.image_pull_policy},
                    {"command", VersionCommand()},
                    {"terminationMessagePolicy", "FallbackToLogsOnError"}};
  // With limits, because a quota of the namespace may ask for them.
  container["resources"] = {{"requests", {{"cpu", "10m"}, {"memory", "64Mi"}}},
                            {"limits", {{"cpu", "1"}, {"memory", "512Mi"}}}};
  // The user is the image's: the published ones run as root, and whether they can as another is not
  // known.
  container["securityContext"] = {{"allowPrivilegeEscalation", false},
                                  {"readOnlyRootFilesystem", true},
                                  {"capabilities", {{"drop", Json::array({"ALL"})}}},
                                  {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  Json pod = {{"containers", Json::array({std::move(container)})},
              {"restartPolicy", "Never"},
              {"terminationGracePeriodSeconds", 1},
              {"automountServiceAccountToken", false},
              {"enableServiceLinks", false}};
  if (!spec.image_pull_secrets.empty()) pod["imagePullSecrets"] = spec.image_pull_secrets;
  const Json& own = spec.nameserver.pod;
  if (!own.is_object()) return pod;
  for (const char* field : kPreflightScheduling) {
    if (own.contains(field)) pod[field] = own.at(field);
  }
  const Json::json_pointer node_affinity("/affinity/nodeAffinity");
  if (own.contains(node_affinity)) pod["affinity"]["nodeAffinity"] = own.at(node_affinity);
  return pod;
}

}  // namespace omdb
