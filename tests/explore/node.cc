#include "tests/explore/node.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"

namespace omdb::explore {
namespace {

using simulator::NameServer;
using simulator::Options;
using simulator::Process;
using simulator::TabletServer;

constexpr absl::Duration kStartTime = absl::Milliseconds(800);
constexpr absl::Duration kStopTime = absl::Milliseconds(300);
constexpr absl::Duration kRestartDelay = absl::Seconds(1);

std::string ComponentLabel(const Json& object) {
  return object.at("metadata").at("labels").at("app.kubernetes.io/component");
}

std::string PodVersion(const Json& pod) {
  return pod.at("metadata").at("annotations").at(kVersionAnnotation);
}

}  // namespace

// What runs in a pod, and the volume that survives it.
struct Node::Container {
  std::string component;
  std::string pod_uid;
  std::string address;
  bool running = false;
  int starts = 0;  // of its server in this pod
  bool starting = false;
  std::unique_ptr<Process<TabletServer>> tablet;
  std::unique_ptr<Process<NameServer>> nameserver;
};

Node::Node(simulator::World& world, MemoryKubernetes& kubernetes, WorldOpenMldb& openmldb,
           Options options)
    : world_(world), kubernetes_(kubernetes), openmldb_(openmldb), options_(std::move(options)) {
  kubernetes_.OnChange([this](const ResourceType& type) {
    if (type == types::StatefulSet() || type == types::Deployment() || type == types::Pod())
      ScheduleSync();
  });
}

Node::~Node() {
  *alive_ = false;
  kubernetes_.OnChange({});
}

void Node::ScheduleSync() {
  if (std::exchange(sync_scheduled_, true)) return;
  world_.executor.Schedule(absl::Milliseconds(20), [this, alive = alive_] {
    if (!*alive) return;
    sync_scheduled_ = false;
    Sync();
  });
}

void Node::Sync() {
  for (Json* set : kubernetes_.All(types::StatefulSet())) SyncWorkload(types::StatefulSet(), *set);
  for (Json* deployment : kubernetes_.All(types::Deployment()))
    SyncWorkload(types::Deployment(), *deployment);
  for (Json* pod : kubernetes_.All(types::Pod())) SyncPod(*pod);
}

// A Deployment is rolled by replacing its outdated pods at once; its pods have the same names each
// time.
void Node::SyncWorkload(const ResourceType& type, Json& workload) {
  const ObjectKey key{workload.at("metadata").at("namespace"), workload.at("metadata").at("name")};
  const int replicas = workload.at("spec").value("replicas", 1);
  const Json& wanted = workload.at("spec").at("template");
  int current = 0;
  for (int i = 0; i < replicas; ++i) {
    const std::string name = absl::StrCat(key.name, "-", i);
    Json* pod = kubernetes_.Find(types::Pod(), {key.ns, name});
    if (pod == nullptr) {
      Json made = wanted;
      made["apiVersion"] = "v1";
      made["kind"] = "Pod";
      made["metadata"]["name"] = name;
      made["metadata"]["namespace"] = key.ns;
      kubernetes_.Put(types::Pod(), std::move(made));
      continue;
    }
    const bool outdated =
        pod->at("metadata").at("annotations") != wanted.at("metadata").at("annotations");
    if (type == types::Deployment() && outdated) kubernetes_.Terminate(*pod);
    const Json ready = pod->value("status", Json::object()).value("conditions", Json::array());
    if (!outdated && !ready.empty() && ready[0].at("status") == "True") ++current;
  }
  const Json status = {{"observedGeneration", workload.at("metadata").value("generation", 1)},
                       {"replicas", replicas},
                       {"updatedReplicas", current},
                       {"availableReplicas", current}};
  if (workload.value("status", Json()) == status) return;
  workload["status"] = status;
}

void Node::SyncPod(Json& pod) {
  const std::string name = pod.at("metadata").at("name");
  const std::string uid = pod.at("metadata").at("uid");
  std::unique_ptr<Container>& container = containers_[name];
  if (!container) container = std::make_unique<Container>();
  if (pod.at("metadata").contains("deletionTimestamp")) {
    world_.executor.Schedule(kStopTime,
                             [this, alive = alive_, name, uid,
                              ns = pod.at("metadata").at("namespace").get<std::string>()] {
                               if (!*alive) return;
                               const Json* present = kubernetes_.Find(types::Pod(), {ns, name});
                               if (present == nullptr || present->at("metadata").at("uid") != uid)
                                 return;
                               Stopped(name);
                               containers_[name]->pod_uid.clear();
                               kubernetes_.Remove(types::Pod(), {ns, name});
                             });
    return;
  }
  if (container->pod_uid == uid) return;
  if (auto happens = before_next_pod_.extract(name); !happens.empty()) happens.mapped()();
  container->pod_uid = uid;
  container->starts = 0;
  container->component = ComponentLabel(pod);
  if (missing_images.count(PodVersion(pod)) > 0) {
    pod["status"]["containerStatuses"] = {
        {{"name", container->component},
         {"restartCount", 0},
         {"state", {{"waiting", {{"reason", "ImagePullBackOff"}, {"message", "no such image"}}}}}}};
    return;
  }
  const Json::json_pointer memory("/spec/containers/0/resources/requests/memory");
  if (pod.contains(memory) && pod.at(memory) == too_much_memory) {
    pod["status"]["conditions"] = {{{"type", "PodScheduled"},
                                    {"status", "False"},
                                    {"reason", "Unschedulable"},
                                    {"message", "0/1 nodes have enough memory"}}};
    return;
  }
  if (container->component == kPreflight) {
    RunPreflight(uid);
    return;
  }
  const std::string ip = absl::StrCat("10.1.", next_ip_ / 250, ".", next_ip_ % 250 + 1);
  ++next_ip_;
  pod["status"]["podIP"] = ip;
  container->address = absl::StrCat(
      ip, ":",
      container->component == ToString(Component::kTablet)        ? PortOf(Component::kTablet)
      : container->component == ToString(Component::kNameserver)  ? PortOf(Component::kNameserver)
      : container->component == ToString(Component::kTaskManager) ? PortOf(Component::kTaskManager)
                                                                  : PortOf(Component::kApiServer));
  Start(name);
}

std::string Node::VersionInImage(const Json& pod) const {
  const std::string version = PodVersion(pod);
  auto other = mislabelled.find(version);
  return other == mislabelled.end() ? version : other->second;
}

// The image's servers print their version, and the pod has ended.
void Node::RunPreflight(const std::string& uid) {
  world_.executor.Schedule(kStartTime, [this, alive = alive_, uid] {
    if (!*alive) return;
    for (Json* pod : kubernetes_.All(types::Pod())) {
      if (pod->at("metadata").at("uid") != uid) continue;
      const Json ended = {
          {"exitCode", 0},
          {"message", absl::StrCat("openmldb version ", VersionInImage(*pod), "\n")}};
      (*pod)["status"] = {
          {"phase", "Succeeded"},
          {"containerStatuses", {{{"name", kPreflight}, {"state", {{"terminated", ended}}}}}}};
    }
  });
}

void Node::Start(const std::string& name) {
  containers_[name]->starting = true;
  const std::string uid = containers_[name]->pod_uid;
  world_.executor.Schedule(kStartTime, [this, alive = alive_, name, uid] {
    if (!*alive || containers_[name]->pod_uid != uid) return;
    Container& container = *containers_[name];
    container.starting = false;
    Options options = options_;
    options.endpoint = name;
    options.real_endpoint = container.address;
    absl::Status started;
    if (away.count(name) > 0) {
      started = absl::UnavailableError("it is kept away");
    } else if (container.component == ToString(Component::kTablet)) {
      if (!container.tablet)
        container.tablet = std::make_unique<Process<TabletServer>>(world_, options);
      container.tablet->options() = options;
      started = container.tablet->Start();
    } else if (container.component == ToString(Component::kNameserver)) {
      if (!container.nameserver)
        container.nameserver = std::make_unique<Process<NameServer>>(world_, options);
      container.nameserver->options() = options;
      started = container.nameserver->Start();
      if (started.ok()) {
        container.nameserver->server().OnExit(
            [this, alive = alive_, name, uid](const std::string&) {
              world_.executor.Schedule(absl::ZeroDuration(), [this, alive, name, uid] {
                if (!*alive || containers_[name]->pod_uid != uid) return;
                Stopped(name);
                world_.executor.Schedule(kRestartDelay, [this, alive, name, uid] {
                  if (*alive && containers_[name]->pod_uid == uid) Start(name);
                });
              });
            });
      }
    }
    if (!started.ok()) {
      world_.executor.Schedule(kRestartDelay, [this, alive, name, uid] {
        if (*alive && containers_[name]->pod_uid == uid) Start(name);
      });
      return;
    }
    container.running = true;
    for (Json* pod : kubernetes_.All(types::Pod())) {
      if (pod->at("metadata").at("uid") == uid)
        openmldb_.versions[container.address] = VersionInImage(*pod);
    }
    ++container.starts;
    SetReady(name, true);
  });
}

void Node::Stopped(const std::string& name) {
  Container& container = *containers_[name];
  container.running = false;
  openmldb_.versions.erase(container.address);
  if (container.tablet) container.tablet->Kill();
  if (container.nameserver) container.nameserver->Kill();
  SetReady(name, false);
}

void Node::SetReady(const std::string& name, bool ready) {
  for (Json* pod : kubernetes_.All(types::Pod())) {
    if (pod->at("metadata").at("name") != name) continue;
    (*pod)["status"]["conditions"] = {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}};
    const Container& container = *containers_[name];
    if (!ready) continue;
    // To the second, as Kubernetes has it.
    const Json running = {
        {"startedAt", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", world_.executor.Now() - kStartTime,
                                       absl::UTCTimeZone())}};
    (*pod)["status"]["containerStatuses"] = {{{"name", container.component},
                                              {"restartCount", container.starts - 1},
                                              {"state", {{"running", running}}}}};
  }
  ScheduleSync();
}

Process<TabletServer>* Node::tablet(const std::string& name) {
  auto found = containers_.find(name);
  return found == containers_.end() ? nullptr : found->second->tablet.get();
}

bool Node::Runs(const std::string& pod) const {
  auto found = containers_.find(pod);
  return found != containers_.end() && found->second->running;
}

bool Node::Pause(const std::string& pod) {
  if (!Runs(pod)) return false;
  Container& container = *containers_.at(pod);
  if (container.tablet) container.tablet->Pause();
  if (container.nameserver) container.nameserver->Pause();
  return true;
}

void Node::Resume(const std::string& pod) {
  Container& container = *containers_.at(pod);
  if (container.tablet) container.tablet->Resume();
  if (container.nameserver) container.nameserver->Resume();
}

void Node::Delete(const std::string& pod) {
  for (Json* object : kubernetes_.All(types::Pod())) {
    if (object->at("metadata").at("name") == pod) kubernetes_.Terminate(*object);
  }
}

void Node::BeforeNextPod(const std::string& pod, std::function<void()> happens) {
  before_next_pod_[pod] = std::move(happens);
}

void Node::Crash(const std::string& pod) {
  const std::string uid = containers_.at(pod)->pod_uid;
  Stopped(pod);
  world_.executor.Schedule(kRestartDelay, [this, alive = alive_, pod, uid] {
    if (*alive && containers_[pod]->pod_uid == uid) Start(pod);
  });
}

}  // namespace omdb::explore
