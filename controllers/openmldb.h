#ifndef OMDB_CONTROLLERS_OPENMLDB_H_
#define OMDB_CONTROLLERS_OPENMLDB_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// What the operator knows of OpenMLDB: plain data in OpenMLDB's own words, and the narrow interface
// through which it is read and changed. Endpoints are names (the content of name.txt) as in /nodes
// and in partition metas, never addresses (F5.11).
namespace omdb {

// Identifies a partition. `tid` and `pid` are what tablets use, `db` and `table` what the
// nameserver uses.
struct PartitionId {
  std::string db;
  std::string table;
  uint32_t tid = 0;
  uint32_t pid = 0;

  auto operator<=>(const PartitionId&) const = default;
};
std::string ToString(const PartitionId& id);  // "db.table/3 (tid 12)"

// One replica of a partition.
struct ReplicaId {
  PartitionId partition;
  std::string tablet;
};

// One replica as the nameserver's metadata has it. `is_leader` stays true for ever on an ex-leader
// whose `is_alive` became false: the leader is the replica with both (F5.0).
struct ReplicaMeta {
  std::string endpoint;
  bool is_leader = false;
  bool is_alive = false;
  bool tablet_has_partition = false;  // refreshed every 2 s, for healthy tablets only
  uint64_t offset = 0;                // up to 2 s old (M7)

  bool operator==(const ReplicaMeta&) const = default;
};

// A term and the first offset written under it (F5.0).
struct TermOffset {
  uint64_t term = 0;
  uint64_t offset = 0;

  bool operator==(const TermOffset&) const = default;
};

struct Partition {
  PartitionId id;
  std::vector<ReplicaMeta> replicas;
  std::vector<TermOffset> term_offsets;  // oldest first

  // The replica that is leader and alive; null when there is none.
  const ReplicaMeta* Leader() const;
  bool LedBy(const std::string& endpoint) const;
  const ReplicaMeta* Find(const std::string& endpoint) const;
  // The present term; {0, 0} before there was any.
  TermOffset Term() const { return term_offsets.empty() ? TermOffset() : term_offsets.back(); }

  bool operator==(const Partition&) const = default;
};

enum class StorageMode { kMemory, kSsd, kHdd };

struct Table {
  std::string db;
  std::string name;
  uint32_t tid = 0;
  uint32_t replica_num =
      0;  // as asked for at creation; never updated by AddReplica or DelReplica (F5.7)
  uint32_t seg_cnt = 8;
  StorageMode storage_mode = StorageMode::kMemory;
  uint32_t base_table_tid =
      0;  // above 0: a pre-aggregation table, moves with its base partition (F5.12)
  std::vector<Partition> partitions;

  bool operator==(const Table&) const = default;
};

struct Tablet {
  std::string endpoint;
  bool healthy = false;
  absl::Duration state_age;
  std::string real_endpoint;  // host:port

  bool operator==(const Tablet&) const = default;
};

enum class OpState { kInited, kDoing, kDone, kFailed, kCanceled };

struct Op {
  uint64_t id = 0;
  std::string type;  // "kChangeLeaderOP"
  OpState state = OpState::kInited;
  std::string task;  // "kSelectLeader"; "-" when not started or finished
  std::string db;
  std::string table;
  uint32_t pid = 0;
  // Since when it has been seen in this task (TimeTasks in observe.h).
  absl::Time in_task_since = absl::InfiniteFuture();
  absl::Time started = absl::InfiniteFuture();  // by the nameserver's clock, to the second
  // When it left its lane, by the same clock.
  absl::Time ended = absl::InfiniteFuture();

  // A cancelled one counts until it has left its lane: before, a nameserver that takes over finds
  // it in ZooKeeper as if nobody had cancelled it (F5.1).
  bool UnderWay() const {
    return state == OpState::kInited || state == OpState::kDoing || BeingCancelled();
  }
  bool BeingCancelled() const {
    return state == OpState::kCanceled && ended == absl::InfiniteFuture();
  }
  bool ChangesLeader() const { return type == "kChangeLeaderOP"; }
  // A nameserver that did not reach ZooKeeper then leaves it there as one that runs, and its
  // successor changes the leader once more (F5.1).
  bool IsFailedChangeOfLeader() const { return state == OpState::kFailed && ChangesLeader(); }
  bool Of(const PartitionId& id) const { return db == id.db && table == id.table && pid == id.pid; }
  bool operator==(const Op&) const = default;
};
std::string ToString(const Op& op);  // "op 9 (kChangeLeaderOP of db.table/3)"

enum class TableMode { kLeader, kFollower };
enum class TableState { kUndefined, kNormal, kLoading, kMakingSnapshot, kSnapshotPaused };

// One replica as its tablet has it: the truth, as far as there is one.
struct ReplicaStatus {
  uint32_t tid = 0;
  uint32_t pid = 0;
  uint64_t offset = 0;  // of this replica's own last binlog entry
  TableMode mode = TableMode::kFollower;
  TableState state = TableState::kUndefined;
  uint64_t record_count = 0;

  // Or not even that yet.
  bool Loading() const { return state == TableState::kLoading || state == TableState::kUndefined; }
  bool operator==(const ReplicaStatus&) const = default;
};

// GetTermPair of a tablet (F3.4).
struct TermPair {
  uint64_t term = 0;
  uint64_t offset = 0;
  bool has_table = false;
  bool is_leader = false;

  bool operator==(const TermPair&) const = default;
};

// A leader's belief about one of its followers (F3.4).
struct FollowerInfo {
  std::string endpoint;
  uint64_t offset = 0;

  bool operator==(const FollowerInfo&) const = default;
};

// What LoadTable needs (M12 step 3).
struct LoadRequest {
  PartitionId partition;
  TableMode mode = TableMode::kFollower;
  uint64_t term = 0;
  uint32_t seg_cnt = 8;
  StorageMode storage_mode = StorageMode::kMemory;
  std::vector<std::string> replicas;  // the other replicas when loading as leader
};
// For a replica of `partition` of `table`, in its present term.
LoadRequest LoadRequestFor(const Table& table, const Partition& partition, TableMode mode);

struct Job {
  int32_t id = 0;
  std::string type;
  std::string state;
  absl::Time start_time;
};

// The codes of OpenMLDB that the operator tells apart (F3.6). They travel in a status as a payload:
// see CodeOf.
enum class OpenMldbCode : int {
  kTableNotExist = 100,
  kTableExists = 101,
  kIsLeader = 102,
  kIsFollower = 103,
  kLoading = 104,
  kReplicaExists = 119,
  kNoFollower = 134,
  kDeleteFailed = 136,
  kNameUnknown = 155,
  kNotLeaderNameserver = 300,
  kAutoFailoverEnabled = 301,
  kEndpointNotExist = 302,
  kTabletNotHealthy = 303,
  kInvalidParameter = 307,
  kPartitionAlive = 311,
  kPartitionExists = 317,
};

// An error in which OpenMLDB answered with a code: FailedPrecondition with the code as payload.
// `what` says which call on what.
absl::Status OpenMldbError(int code, const std::string& what, const std::string& message);
// The code inside `status`, or 0 when OpenMLDB did not answer with one.
int CodeOf(const absl::Status& status);
bool HasCode(const absl::Status& status, OpenMldbCode code);
// OkStatus when the code says that it is already as was asked for.
absl::Status OkIf(OpenMldbCode code, const absl::Status& status);

// One OpenMLDB cluster. Every call is synchronous, has its own deadline (seconds; no longer than
// its `limit`, where it has one) and may fail with Unavailable (not reached), DeadlineExceeded (may
// have happened all the same), or OpenMldbError. Calls that should run at the same time are one
// batch call; its answers are in the order of the requests. Thread-safe; one instance serves one
// cluster.
class OpenMldb {
 public:
  virtual ~OpenMldb() = default;

  // --- Discovery, from ZooKeeper (F2). Unavailable when ZooKeeper is not reached.
  // Nameservers in the order in which they asked for the lock: the first leads (F2).
  virtual absl::StatusOr<std::vector<std::string>> Nameservers() = 0;
  // Tablets with a live session (children of /nodes).
  virtual absl::StatusOr<std::vector<std::string>> RegisteredTablets() = 0;
  // host:port of the active task manager; empty when there is none.
  virtual absl::StatusOr<std::string> ActiveTaskManager() = 0;
  virtual absl::StatusOr<std::string> AddressOf(const std::string& endpoint) = 0;

  // --- The leading nameserver, found again when it moved (code 300, or not reached).
  virtual absl::StatusOr<std::vector<Tablet>> ShowTablet() = 0;
  // Every table of every database, internal ones included, sorted by (db, name); partitions by pid.
  virtual absl::StatusOr<std::vector<Table>> ShowTable() = 0;
  // One table, fresh; NotFound where there is none.
  virtual absl::StatusOr<Table> ShowTable(const std::string& db, const std::string& name) = 0;
  // One partition, fresh (GetTablePartition).
  virtual absl::StatusOr<Partition> GetPartition(const PartitionId& partition) = 0;
  virtual absl::StatusOr<std::vector<Op>> ShowOpStatus() = 0;
  virtual absl::StatusOr<std::vector<Op>> ShowOpStatus(const PartitionId& partition) = 0;
  virtual absl::StatusOr<bool> GetAutoFailover() = 0;
  virtual absl::Status SetAutoFailover(bool on) = 0;
  virtual absl::Status ChangeLeader(const PartitionId& partition, const std::string& candidate,
                                    absl::Duration limit = absl::InfiniteDuration()) = 0;
  virtual absl::Status RecoverTable(const PartitionId& partition, const std::string& endpoint) = 0;
  virtual absl::Status AddReplicaNs(const PartitionId& partition, const std::string& endpoint) = 0;
  virtual absl::Status DelReplicaNs(const PartitionId& partition, const std::string& endpoint) = 0;
  virtual absl::Status UpdateTableAliveStatus(const PartitionId& partition,
                                              const std::string& endpoint, bool alive) = 0;
  // Of every replica of a table that the endpoint has, whatever its role, in one edit (F3.3).
  virtual absl::Status UpdateTableAliveStatus(const std::string& db, const std::string& table,
                                              const std::string& endpoint, bool alive) = 0;
  // Read-modify-write of one replica's meta by GetTablePartition and SetTablePartition; reads back
  // and fails with Aborted when it did not stay. Needs auto_failover off (M12 step 5).
  virtual absl::Status SetReplicaMeta(const PartitionId& partition, const std::string& endpoint,
                                      bool is_leader, bool is_alive) = 0;
  virtual absl::Status OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) = 0;
  virtual absl::Status CancelOp(uint64_t op_id) = 0;
  // Takes it out of its lane, or of those that ended, and out of ZooKeeper; what it has done stays
  // done. Not there is ok.
  virtual absl::Status DeleteOp(uint64_t op_id) = 0;

  // --- Tablets.
  // Everything loaded on each tablet. A tablet not reached is an error in its place.
  virtual std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> GetTableStatus(
      const std::vector<std::string>& tablets) = 0;
  // The status of each of these replicas; NotFound where it is not loaded.
  virtual std::vector<absl::StatusOr<ReplicaStatus>> GetReplicaStatus(
      const std::vector<ReplicaId>& replicas, absl::Duration limit = absl::InfiniteDuration()) = 0;
  virtual std::vector<absl::StatusOr<TermPair>> GetTermPair(
      const PartitionId& partition, StorageMode storage, const std::vector<std::string>& tablets,
      absl::Duration limit = absl::InfiniteDuration()) = 0;
  // On the leader only. An empty list when it has no follower (code 134).
  virtual absl::StatusOr<std::vector<FollowerInfo>> GetTableFollower(const PartitionId& partition,
                                                                     const std::string& leader) = 0;
  // true: the whole tablet refuses writes with 453 (F5.2.4 B).
  virtual absl::Status SetMode(const std::string& tablet, bool follower,
                               absl::Duration limit = absl::InfiniteDuration()) = 0;
  // ChangeRole: each refuses writes from then on (103).
  virtual std::vector<absl::Status> Demote(const std::vector<PartitionId>& partitions,
                                           const std::string& tablet,
                                           absl::Duration limit = absl::InfiniteDuration()) = 0;
  // ChangeRole: it accepts writes in that term, and replicates to the others. Leads already (102)
  // is an error.
  virtual absl::Status Lead(const PartitionId& partition, const std::string& tablet, uint64_t term,
                            const std::vector<std::string>& replicas,
                            absl::Duration limit = absl::InfiniteDuration()) = 0;
  virtual std::vector<absl::Status> LoadTable(const std::string& tablet,
                                              const std::vector<LoadRequest>& requests) = 0;
  // Asks `leaders[i]` to replicate `partitions[i]` to `follower`. Already there (119) is ok.
  virtual std::vector<absl::Status> AddReplica(const std::vector<PartitionId>& partitions,
                                               const std::vector<std::string>& leaders,
                                               const std::string& follower) = 0;
  // The reverse; "not there" is ok.
  virtual std::vector<absl::Status> DelReplica(const std::vector<PartitionId>& partitions,
                                               const std::vector<std::string>& leaders,
                                               const std::string& follower) = 0;
  // What is loaded goes into the tablet's recycle directory; not loaded (100) is ok.
  virtual absl::Status DropTable(const PartitionId& partition, const std::string& tablet) = 0;
  virtual absl::Status RecoverSnapshot(const PartitionId& partition, const std::string& tablet) = 0;
  // End or restore the ZooKeeper session of a nameserver or tablet (F1.6, M4, M14). `address` is
  // host:port.
  virtual absl::Status DisconnectZk(const std::string& address, bool nameserver) = 0;
  virtual absl::Status ConnectZk(const std::string& address, bool nameserver) = 0;

  // --- HTTP.
  // `GET /version` of a nameserver, tablet or API server, trimmed.
  virtual absl::StatusOr<std::string> Version(const std::string& address) = 0;
  // GetVersion of a task manager.
  virtual absl::StatusOr<std::string> TaskManagerVersion(const std::string& address) = 0;
  virtual absl::StatusOr<std::vector<Job>> UnfinishedJobs(const std::string& address) = 0;
  // `GET /dbs` of an API server answers code 0.
  virtual absl::Status ApiServerServes(const std::string& address) = 0;
};

// Gives the OpenMldb of a cluster by its ZooKeeper ensemble. Thread-safe.
class OpenMldbFactory {
 public:
  virtual ~OpenMldbFactory() = default;

  // `zookeeper` is "host:port,host:port"; the same arguments give the same instance as long as it
  // is in use.
  virtual std::shared_ptr<OpenMldb> Connect(const std::string& zookeeper,
                                            const std::string& root_path) = 0;
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_OPENMLDB_H_
