#ifndef OMDB_TESTS_EXPLORE_WORLD_OPENMLDB_H_
#define OMDB_TESTS_EXPLORE_WORLD_OPENMLDB_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controllers/clock.h"
#include "controllers/openmldb.h"
#include "name_server.pb.h"
#include "tests/explore/operator_calls.h"
#include "tests/explore/safeguards.h"
#include "tests/simulator/world/caller.h"

namespace omdb::explore {

// Where the cluster is in ZooKeeper.
inline constexpr char kRoot[] = "/openmldb";
// And its tables, by tid, as the nameserver has them there.
inline constexpr char kStoredTables[] = "/openmldb/table/db_table_data";
// Empty when there is none.
::openmldb::nameserver::TableInfo StoredTable(simulator::FakeZooKeeper& zookeeper,
                                              const std::string& tid);

// The world's virtual time as the operator's clock.
class WorldClock : public Clock {
 public:
  explicit WorldClock(simulator::World& world) : world_(world) {}
  absl::Time Now() override { return world_.executor.Now(); }
  void Sleep(absl::Duration duration) override { world_.executor.RunFor(duration); }

 private:
  simulator::World& world_;
};

// OpenMLDB of a simulated world. While a call is under way the world goes on, as in reality.
class WorldOpenMldb : public OpenMldb {
 public:
  // Without `calls`, for a user who looks on: nothing happens to his calls.
  explicit WorldOpenMldb(simulator::World& world, OperatorCalls* calls = nullptr)
      : world_(world), calls_(calls), caller_(world, calls == nullptr ? "user" : "operator") {}

  // What answers `GET /version` at an address; unset addresses do not answer.
  std::map<std::string, std::string> versions;
  std::vector<Job> jobs;
  // What is not done, or answered as if all were well.
  std::set<Safeguard> without;
  // How long tablets were fenced by it, each time.
  std::vector<absl::Duration> fences;

  absl::StatusOr<std::vector<std::string>> Nameservers() override;
  absl::StatusOr<std::vector<std::string>> RegisteredTablets() override;
  absl::StatusOr<std::string> ActiveTaskManager() override { return std::string(); }
  absl::StatusOr<std::string> AddressOf(const std::string& endpoint) override;

  absl::StatusOr<std::vector<Tablet>> ShowTablet() override;
  absl::StatusOr<std::vector<Table>> ShowTable() override;
  absl::StatusOr<Table> ShowTable(const std::string& db, const std::string& name) override;
  absl::StatusOr<Partition> GetPartition(const PartitionId& partition) override;
  absl::StatusOr<std::vector<Op>> ShowOpStatus() override;
  absl::StatusOr<std::vector<Op>> ShowOpStatus(const PartitionId& partition) override;
  absl::StatusOr<bool> GetAutoFailover() override;
  absl::Status SetAutoFailover(bool on) override;
  absl::Status ChangeLeader(const PartitionId& partition, const std::string& candidate,
                            absl::Duration limit) override;
  absl::Status RecoverTable(const PartitionId& partition, const std::string& endpoint) override;
  absl::Status AddReplicaNs(const PartitionId& partition, const std::string& endpoint) override;
  absl::Status DelReplicaNs(const PartitionId& partition, const std::string& endpoint) override;
  absl::Status UpdateTableAliveStatus(const PartitionId& partition, const std::string& endpoint,
                                      bool alive) override;
  absl::Status UpdateTableAliveStatus(const std::string& db, const std::string& table,
                                      const std::string& endpoint, bool alive) override;
  absl::Status SetReplicaMeta(const PartitionId& partition, const std::string& endpoint,
                              bool is_leader, bool is_alive) override;
  absl::Status OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) override;
  absl::Status CancelOp(uint64_t op_id) override;
  absl::Status DeleteOp(uint64_t op_id) override;

  std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> GetTableStatus(
      const std::vector<std::string>& tablets) override;
  std::vector<absl::StatusOr<ReplicaStatus>> GetReplicaStatus(
      const std::vector<ReplicaId>& replicas, absl::Duration limit) override;
  std::vector<absl::StatusOr<TermPair>> GetTermPair(const PartitionId& partition,
                                                    StorageMode storage,
                                                    const std::vector<std::string>& tablets,
                                                    absl::Duration limit) override;
  absl::StatusOr<std::vector<FollowerInfo>> GetTableFollower(const PartitionId& partition,
                                                             const std::string& leader) override;
  absl::Status SetMode(const std::string& tablet, bool follower, absl::Duration limit) override;
  std::vector<absl::Status> Demote(const std::vector<PartitionId>& partitions,
                                   const std::string& tablet, absl::Duration limit) override;
  absl::Status Lead(const PartitionId& partition, const std::string& tablet, uint64_t term,
                    const std::vector<std::string>& replicas, absl::Duration limit) override;
  std::vector<absl::Status> LoadTable(const std::string& tablet,
                                      const std::vector<LoadRequest>& requests) override;
  std::vector<absl::Status> AddReplica(const std::vector<PartitionId>& partitions,
                                       const std::vector<std::string>& leaders,
                                       const std::string& follower) override;
  std::vector<absl::Status> DelReplica(const std::vector<PartitionId>& partitions,
                                       const std::vector<std::string>& leaders,
                                       const std::string& follower) override;
  absl::Status DropTable(const PartitionId& partition, const std::string& tablet) override;
  absl::Status RecoverSnapshot(const PartitionId& partition, const std::string& tablet) override;
  absl::Status DisconnectZk(const std::string& address, bool nameserver) override;
  absl::Status ConnectZk(const std::string& address, bool nameserver) override;

  absl::StatusOr<std::string> Version(const std::string& address) override;
  absl::StatusOr<std::string> TaskManagerVersion(const std::string& address) override {
    return Version(address);
  }
  absl::StatusOr<std::vector<Job>> UnfinishedJobs(const std::string&) override { return jobs; }
  absl::Status ApiServerServes(const std::string& address) override {
    return Version(address).status();
  }

 private:
  static constexpr absl::Duration kNameserverTimeout = absl::Seconds(5);

  template <typename Response, typename Request>
  absl::StatusOr<Response> Nameserver(const std::string& method, Request request,
                                      absl::Duration timeout = kNameserverTimeout);
  template <typename Response, typename Request>
  absl::StatusOr<Response> TabletCall(const std::string& tablet, const std::string& method,
                                      Request request,
                                      absl::Duration limit = absl::InfiniteDuration());

  // One call of `method` ("NameServer/ShowTable") at `address`.
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const std::string& address, const std::string& method,
                                Request request, absl::Duration timeout);

  absl::Status ReachZooKeeper();

  absl::StatusOr<ReplicaStatus> ReadReplicaStatus(const ReplicaId& replica, absl::Duration limit);

  simulator::World& world_;
  OperatorCalls* calls_;
  bool Without(Safeguard safeguard) const { return without.count(safeguard) > 0; }
  // Without Safeguard::kFormerLeaders: none of them is seen to lead.
  void HideFormerLeaders(const std::string& tablet, std::vector<ReplicaStatus>& statuses) const;

  // Without Safeguard::kOffsetsAfterDemotion: what is answered once more after a demotion.
  std::vector<absl::StatusOr<ReplicaStatus>> last_statuses_;
  bool demoted_ = false;
  std::map<std::string, std::string> addresses_;  // by endpoint, as last read
  std::vector<Table> last_tables_;                // without Safeguard::kFormerLeaders
  std::set<std::string> recovered_;  // without Safeguard::kRecoverAgain: asked for once
  std::map<std::string, absl::Time> fenced_since_;  // by tablet
  simulator::Caller caller_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_WORLD_OPENMLDB_H_
