#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_REGISTRY_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/simulator/model/nameserver_context.h"

namespace omdb::simulator {

// The tablets that this process has seen under /nodes since it started, as leader or standby
// (F3.3, M6).
class TabletRegistry {
 public:
  struct Tablet {
    bool healthy = true;
    absl::Time since;     // of the state
    std::string address;  // taken when it registered or came back, not in between (F5.10 gap 4)
  };
  // The leader's reaction to a change; called while the registry is updated.
  struct Listener {
    std::function<void()> on_new;
    std::function<void(const std::string&)> on_online;
    std::function<void(const std::string&)> on_offline;
  };

  TabletRegistry(NameServerContext& context, SerialQueue& queue)
      : context_(context), queue_(queue) {}

  void SetListener(Listener listener) { listener_ = std::move(listener); }

  // Watches /nodes from now on: once for each ZooKeeper session.
  absl::Status Watch();
  bool watching() const { return watching_; }
  // The session was lost.
  void StopWatching() { watching_ = false; }
  // Reads /nodes, as a new process and a new leader do.
  absl::Status Refresh();

  const std::map<std::string, Tablet>& tablets() const { return tablets_; }
  const Tablet* Find(const std::string& name) const;
  bool Healthy(const std::string& name) const;
  std::vector<std::string> HealthyNames() const;
  // Where to call it, whatever its state; its name for one never seen.
  std::string Address(const std::string& name) const;
  // As ShowTablet says it: what /map/names had at the last change, even if the address in use is
  // an older one.
  std::string RealEndpoint(const std::string& name) const;

  // SetMode(false) to every healthy tablet: whatever fence an operator had set is gone (F5.2.4).
  Task<void> ResetModes();
  // UpdateRealEndpointMap to every healthy tablet.
  Task<void> PushRealEndpoints();

 private:
  void OnNodesChanged();
  absl::Status SetWatch();
  void Update(const std::vector<std::string>& names);

  NameServerContext& context_;
  SerialQueue& queue_;
  Listener listener_;
  std::map<std::string, Tablet> tablets_;
  std::map<std::string, std::string> real_endpoints_;
  uint64_t watch_ = 0;  // of the present session
  bool watching_ = false;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_REGISTRY_H_
