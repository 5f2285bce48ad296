#ifndef OMDB_OPERATOR_OPENMLDB_NAMESERVER_CLIENT_H_
#define OMDB_OPERATOR_OPENMLDB_NAMESERVER_CLIENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controllers/openmldb.h"
#include "operator/openmldb/leader.h"
#include "operator/openmldb/options.h"

// Included by .cc files of this room only.
namespace omdb {

// The leading nameserver's calls but ShowTable; each means what it means in controllers/openmldb.h.
// Thread-safe.
class NameserverClient {
 public:
  // `leader` outlives this.
  NameserverClient(Leader& leader, const OpenMldbOptions& options)
      : leader_(leader), options_(options) {}

  absl::StatusOr<std::vector<Tablet>> ShowTablet();
  absl::StatusOr<Partition> GetPartition(const PartitionId& partition);
  absl::StatusOr<std::vector<Op>> ShowOpStatus();
  absl::StatusOr<std::vector<Op>> ShowOpStatus(const PartitionId& partition);
  absl::StatusOr<bool> GetAutoFailover();
  absl::Status SetAutoFailover(bool on);
  absl::Status ChangeLeader(const PartitionId& partition, const std::string& candidate,
                            absl::Duration limit = absl::InfiniteDuration());
  absl::Status RecoverTable(const PartitionId& partition, const std::string& endpoint);
  absl::Status AddReplica(const PartitionId& partition, const std::string& endpoint);
  absl::Status DelReplica(const PartitionId& partition, const std::string& endpoint);
  absl::Status UpdateTableAliveStatus(const PartitionId& partition, const std::string& endpoint,
                                      bool alive);
  absl::Status UpdateTableAliveStatus(const std::string& db, const std::string& table,
                                      const std::string& endpoint, bool alive);
  absl::Status SetReplicaMeta(const PartitionId& partition, const std::string& endpoint,
                              bool is_leader, bool is_alive);
  absl::Status OfflineEndpoint(const std::string& endpoint, uint32_t concurrency);
  absl::Status CancelOp(uint64_t op_id);
  absl::Status DeleteOp(uint64_t op_id);

 private:
  template <typename Response, typename MethodPointer, typename Request>
  absl::StatusOr<Response> Read(MethodPointer method, const Request& request,
                                const std::string& what);
  // A call that is not repeated when its answer was lost.
  template <typename MethodPointer, typename Request>
  absl::Status Change(MethodPointer method, const Request& request, const std::string& what);
  template <typename MethodPointer, typename Request>
  absl::Status Change(MethodPointer method, const Request& request, const std::string& what,
                      absl::Duration timeout);

  absl::StatusOr<openmldb::nameserver::TablePartition> GetTablePartition(
      const PartitionId& partition);
  absl::StatusOr<std::vector<Op>> Ops(const openmldb::nameserver::ShowOPStatusRequest& request,
                                      const std::string& what);

  Leader& leader_;
  const OpenMldbOptions options_;
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_NAMESERVER_CLIENT_H_
