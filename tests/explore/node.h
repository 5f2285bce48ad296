#ifndef OMDB_TESTS_EXPLORE_NODE_H_
#define OMDB_TESTS_EXPLORE_NODE_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/explore/memory_kubernetes.h"
#include "tests/explore/world_openmldb.h"
#include "tests/simulator/model/nameserver.h"
#include "tests/simulator/model/tablet.h"
#include "tests/simulator/world/process.h"

namespace omdb::explore {

// What controller-manager, scheduler and kubelet do, as far as the operator sees it: StatefulSets
// (OnDelete) and Deployments get their pods, pods run OpenMLDB's servers of the simulated world, a
// deleted pod's server dies before the pod is gone, and its volume stays for the next.
class Node {
 public:
  Node(simulator::World& world, MemoryKubernetes& kubernetes, WorldOpenMldb& openmldb,
       simulator::Options options);
  ~Node();

  // Versions whose image cannot be pulled, and versions whose servers report another one.
  std::set<std::string> missing_images;
  std::map<std::string, std::string> mislabelled;
  // So much memory, as pods request it, no node has: they are never scheduled.
  std::string too_much_memory;
  // Pods whose server is not started, again and again, as long as they are in it.
  std::set<std::string> away;

  // The tablet of that pod, running or not; null when there never was one.
  simulator::Process<simulator::TabletServer>* tablet(const std::string& name);
  // kill -9 of the server in a pod; its container is started again.
  void Crash(const std::string& pod);
  // As `kubectl delete pod`: another pod takes its place, with another address.
  void Delete(const std::string& pod);
  // Once, when another pod takes its place, before its server starts.
  void BeforeNextPod(const std::string& pod, std::function<void()> happens);
  // SIGSTOP and SIGCONT of the server in a pod. False when none is running there.
  bool Pause(const std::string& pod);
  void Resume(const std::string& pod);
  // Whether a tablet or nameserver is running in it.
  bool Runs(const std::string& pod) const;

 private:
  struct Container;

  void Sync();
  void SyncWorkload(const ResourceType& type, Json& workload);
  void SyncPod(Json& pod);
  void Start(const std::string& name);
  void RunPreflight(const std::string& uid);
  std::string VersionInImage(const Json& pod) const;
  void Stopped(const std::string& name);
  void SetReady(const std::string& name, bool ready);
  void ScheduleSync();

  simulator::World& world_;
  MemoryKubernetes& kubernetes_;
  WorldOpenMldb& openmldb_;
  simulator::Options options_;
  std::map<std::string, std::unique_ptr<Container>>
      containers_;  // by pod name; volumes outlive pods
  std::map<std::string, std::function<void()>> before_next_pod_;
  int next_ip_ = 1;
  bool sync_scheduled_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_NODE_H_
