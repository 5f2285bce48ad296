#ifndef OMDB_TESTS_CONTRACT_RAW_H_
#define OMDB_TESTS_CONTRACT_RAW_H_

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "controllers/openmldb.h"
#include "operator/openmldb/channels.h"

// What the operator never does and a test needs: databases, tables, rows, and codes as they come.
namespace omdb::contract {

// The number of a transport error where a code is expected: no answer is no code of OpenMLDB's.
constexpr int kNoAnswer = -10000;

// Calls with plain stubs. A code is what OpenMLDB answered, or kNoAnswer. Thread-safe.
class Raw {
 public:
  // `openmldb` outlives this.
  Raw(OpenMldb& openmldb, std::string credential)
      : openmldb_(openmldb), credential_(std::move(credential)) {}

  // --- The leading nameserver.
  int CreateDatabase(const std::string& db);
  int DropDatabase(const std::string& db);
  std::set<std::string> ShowDatabase();
  // Columns k (string) and v (bigint), one index over k without a time column.
  int CreateTable(const std::string& db, const std::string& name, uint32_t partitions,
                  uint32_t replicas);
  int DropTable(const std::string& db, const std::string& name);
  // An empty candidate is left out of the request.
  int ChangeLeader(const PartitionId& partition, const std::string& candidate);
  int OfflineEndpoint(const std::string& endpoint, uint32_t concurrency);
  // ShowTablet asked of any server: 300 unless it leads.
  int AskWhoLeads(const std::string& address);

  // --- A tablet, by name.
  int Put(const std::string& tablet, const PartitionId& partition, const std::string& key);
  int AddReplica(const std::string& leader, const PartitionId& partition,
                 const std::string& follower);
  int DelReplica(const std::string& leader, const PartitionId& partition,
                 const std::string& follower);
  int GetTableFollower(const std::string& tablet, const PartitionId& partition);
  // Gives a follower a term, as the nameserver does when it selects a leader (F5.2).
  int Fence(const std::string& follower, const PartitionId& partition, uint64_t term);
  // Get of one key: 0 found, 109 not.
  int Get(const std::string& tablet, const PartitionId& partition, const std::string& key);
  // Rows of one key.
  absl::StatusOr<uint32_t> Count(const std::string& tablet, const PartitionId& partition,
                                 const std::string& key);
  // Every key of the replica on this tablet, by Traverse.
  absl::StatusOr<std::set<std::string>> Keys(const std::string& tablet,
                                             const PartitionId& partition);

 private:
  std::shared_ptr<Peer> Tablet(const std::string& name);
  std::shared_ptr<Peer> Nameserver();
  void Prepare(grpc::ClientContext* context) const;
  template <typename Stub, typename Method, typename Request, typename Response>
  int Call(Stub* stub, Method method, const Request& request, Response* response) const;

  OpenMldb& openmldb_;
  const std::string credential_;
  Channels channels_;
};

}  // namespace omdb::contract

#endif  // OMDB_TESTS_CONTRACT_RAW_H_
