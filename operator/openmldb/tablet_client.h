#ifndef OMDB_OPERATOR_OPENMLDB_TABLET_CLIENT_H_
#define OMDB_OPERATOR_OPENMLDB_TABLET_CLIENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controllers/openmldb.h"
#include "operator/openmldb/channels.h"
#include "operator/openmldb/discovery.h"
#include "operator/openmldb/options.h"

// Included by .cc files of this room only.
namespace omdb {

template <typename Request>
struct Outgoing;
struct CallOptions;
enum class Effect;

// Calls to tablets by name; each means what it means in controllers/openmldb.h. Calls of a batch
// run at the same time. Thread-safe.
class TabletClient {
 public:
  // Both outlive this.
  TabletClient(Discovery& discovery, Channels& channels, const OpenMldbOptions& options);

  std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> GetTableStatus(
      const std::vector<std::string>& tablets);
  std::vector<absl::StatusOr<ReplicaStatus>> GetReplicaStatus(
      const std::vector<ReplicaId>& replicas, absl::Duration limit = absl::InfiniteDuration());
  std::vector<absl::StatusOr<TermPair>> GetTermPair(
      const PartitionId& partition, StorageMode storage, const std::vector<std::string>& tablets,
      absl::Duration limit = absl::InfiniteDuration());
  absl::StatusOr<std::vector<FollowerInfo>> GetTableFollower(const PartitionId& partition,
                                                             const std::string& leader);
  absl::Status SetMode(const std::string& tablet, bool follower,
                       absl::Duration limit = absl::InfiniteDuration());
  std::vector<absl::Status> Demote(const std::vector<PartitionId>& partitions,
                                   const std::string& tablet,
                                   absl::Duration limit = absl::InfiniteDuration());
  absl::Status Lead(const PartitionId& partition, const std::string& tablet, uint64_t term,
                    const std::vector<std::string>& replicas,
                    absl::Duration limit = absl::InfiniteDuration());
  std::vector<absl::Status> LoadTable(const std::string& tablet,
                                      const std::vector<LoadRequest>& requests);
  std::vector<absl::Status> AddReplica(const std::vector<PartitionId>& partitions,
                                       const std::vector<std::string>& leaders,
                                       const std::string& follower);
  std::vector<absl::Status> DelReplica(const std::vector<PartitionId>& partitions,
                                       const std::vector<std::string>& leaders,
                                       const std::string& follower);
  absl::Status DropTable(const PartitionId& partition, const std::string& tablet);
  absl::Status RecoverSnapshot(const PartitionId& partition, const std::string& tablet);

 private:
  template <typename Request>
  Outgoing<Request> To(const std::string& tablet, Request request, const std::string& what);
  // The replies in the order of `calls`, codes checked; `tablets[i]` is where `calls[i]` goes.
  template <typename Response, typename MethodPointer, typename Request>
  std::vector<absl::StatusOr<Response>> CallTablets(MethodPointer method,
                                                    const std::vector<Outgoing<Request>>& calls,
                                                    const std::vector<std::string>& tablets,
                                                    const CallOptions& options);
  template <typename Response, typename MethodPointer, typename Request>
  absl::StatusOr<Response> CallTablet(MethodPointer method, const std::string& tablet,
                                      Request request, const std::string& what, Effect effect,
                                      absl::Duration limit = absl::InfiniteDuration());

  Discovery& discovery_;
  Channels& channels_;
  const OpenMldbOptions options_;
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_TABLET_CLIENT_H_
