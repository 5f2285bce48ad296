#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_FAILOVER_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_FAILOVER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "tests/simulator/model/nameserver_catalog.h"
#include "tests/simulator/model/nameserver_context.h"
#include "tests/simulator/model/nameserver_registry.h"
#include "tests/simulator/model/op_factory.h"

namespace omdb::simulator {

// What is done about a tablet that goes or comes: on request (OfflineEndpoint, RecoverEndpoint) and
// by itself while auto_failover is on (F5.3, F5.4, F5.10).
class Failover {
 public:
  Failover(NameServerContext& context, TableCatalog& catalog, TabletRegistry& registry,
           OpFactory& ops, SerialQueue& queue)
      : context_(context), catalog_(catalog), registry_(registry), ops_(ops), queue_(queue) {}

  // Queues the ops for every partition with a replica there. Those that cannot be are left out.
  void OfflineEndpoint(const std::string& endpoint, uint32_t concurrency);
  void RecoverEndpoint(const std::string& endpoint, bool need_restore, uint32_t concurrency);
  // Partitions with a replica there; without the alive ones that RecoverEndpoint leaves out.
  int CountReplicas(const std::string& endpoint, bool alive_too) const;

  // The registry's news.
  void OnOffline(const std::string& endpoint);
  void OnOnline(const std::string& endpoint);
  // A new leader counts the age of those that are away.
  void RecoverOfflineTablets();

 private:
  void WatchOffline(const std::string& endpoint);
  Task<void> CheckOffline(std::string endpoint, bool restarted);
  Task<void> ComeBack(std::string endpoint);
  // Marks its replicas not alive, but never a partition's last one.
  void MarkNotAlive(const std::string& endpoint);

  NameServerContext& context_;
  TableCatalog& catalog_;
  TabletRegistry& registry_;
  OpFactory& ops_;
  SerialQueue& queue_;
  std::map<std::string, absl::Time> offline_since_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_FAILOVER_H_
