#ifndef OMDB_TESTS_SIMULATOR_MODEL_OP_FACTORY_H_
#define OMDB_TESTS_SIMULATOR_MODEL_OP_FACTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "name_server.pb.h"
#include "tests/simulator/model/nameserver_catalog.h"
#include "tests/simulator/model/nameserver_context.h"
#include "tests/simulator/model/nameserver_registry.h"
#include "tests/simulator/model/op_engine.h"

namespace omdb::simulator {

// A partition, as requests name it.
struct PartitionKey {
  std::string db;
  std::string table;
  uint32_t pid = 0;
};

// The name of a replica to be known when the op runs: the dead is_leader meta (F5.4).
inline constexpr char kOfflineLeader[] = "OFFLINE_LEADER_ENDPOINT";

// Queues ops. OK does not always mean that there is one: see each.
class OpFactory {
 public:
  OpFactory(TableCatalog& catalog, TabletRegistry& registry, OpEngine& engine)
      : catalog_(catalog), registry_(registry), engine_(engine) {}

  // `candidate` is empty or "auto" for any. OK without an op when no follower is alive on a healthy
  // tablet (F5.2); InvalidArgument when the candidate is none of these. `restore` takes the
  // candidate, though it is to be recovered first (F5.4).
  absl::Status ChangeLeader(const PartitionKey& partition, const std::string& candidate,
                            bool restore, uint32_t concurrency);
  absl::Status OfflineReplica(const PartitionKey& partition, const std::string& endpoint,
                              uint32_t concurrency);
  absl::Status UpdatePartitionStatus(const PartitionKey& partition, const std::string& endpoint,
                                     bool is_leader, bool is_alive, uint32_t concurrency,
                                     const Op* parent);
  absl::Status RecoverTable(const PartitionKey& partition, const std::string& endpoint,
                            bool is_leader, uint64_t lag_allowed, uint32_t concurrency);
  // One of the ReAddReplica ops, as child of a kRecoverTableOP (F5.5).
  absl::Status ReAddReplica(api::OPType type, const std::string& endpoint, uint64_t lag_allowed,
                            const Op& parent);
  absl::Status ReLoadTable(const std::string& endpoint, const Op& parent);
  // Always in lane 0 (F5.1).
  absl::Status AddReplica(const PartitionKey& partition, const std::string& endpoint);
  absl::Status DelReplica(const PartitionKey& partition, const std::string& endpoint);
  absl::Status Migrate(const PartitionKey& partition, const std::string& from,
                       const std::string& to);
  absl::Status MakeSnapshot(const PartitionKey& partition);

 private:
  absl::Status Create(api::OPType type, const PartitionKey& partition, std::string data,
                      uint32_t concurrency, const Op* parent = nullptr);
  static PartitionKey KeyOf(const Op& op) { return {op.info.db(), op.info.name(), op.info.pid()}; }

  TableCatalog& catalog_;
  TabletRegistry& registry_;
  OpEngine& engine_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_OP_FACTORY_H_
