#ifndef OMDB_TESTS_UNIT_CONTROLLERS_FAKE_OPENMLDB_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_FAKE_OPENMLDB_H_

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controllers/openmldb.h"
#include "tests/unit/controllers/fake_clock.h"

namespace omdb {

// What becomes of one call. By itself a call does at once what is asked, and says so.
struct Turn {
  absl::Status refused;             // nothing happens, and this is the answer
  bool answer_lost = false;         // it happens, and nobody hears of it
  std::function<void()> then = {};  // what happens right after it
};
// How a server looks that is not there.
inline const absl::Status kAway = absl::UnavailableError("connection refused");

inline Turn Refused(absl::Status status) { return {std::move(status)}; }
inline Turn RefusedWith(OpenMldbCode code) {
  return {OpenMldbError(static_cast<int>(code), "the call", "no")};
}
inline Turn AnswerLost() { return {absl::OkStatus(), true}; }
inline Turn Then(std::function<void()> then) { return {absl::OkStatus(), false, std::move(then)}; }

// One replica on its tablet.
struct FakeReplica {
  uint64_t offset = 0;
  TableMode mode = TableMode::kFollower;
  uint64_t term = 0;
  std::set<std::string> followers;
  bool snapshot_paused = false;
  uint64_t record_count = 0;
};

// A small OpenMLDB in memory. Each call takes a millisecond, and meanwhile leaders replicate to
// their followers. A test lays down what becomes of calls by their names; those of one tablet or
// partition have it after the name: "Fence a", "Unfence a", "Demote a", "Lead a", "GetTermPair a",
// "Load db.t/0 (tid 1)".
class FakeOpenMldb : public OpenMldb {
 public:
  explicit FakeOpenMldb(FakeClock& clock) : clock_(clock) {}

  // A partition of table db.t with its leader first, every replica at offset 100 in term 7.
  FakeOpenMldb& With(uint32_t pid, const std::vector<std::string>& endpoints);
  // The next call of that name goes like `turn`; turns are taken one after the other.
  FakeOpenMldb& On(const std::string& call, Turn turn) {
    turns_[call].push_back(std::move(turn));
    return *this;
  }
  // Each does, once its turns are over.
  FakeOpenMldb& Always(const std::string& call, Turn turn) {
    always_[call] = std::move(turn);
    return *this;
  }

  static PartitionId Id(uint32_t pid) { return {"db", "t", 1, pid}; }
  FakeReplica& Replica(const std::string& tablet, uint32_t pid = 0) {
    return loaded.at(tablet).at(Id(pid));
  }
  Partition& Meta(uint32_t pid = 0) { return tables.front().partitions.at(pid); }
  // The tablet acknowledges writes of the partition.
  bool Serves(const std::string& tablet, uint32_t pid = 0) {
    return Replica(tablet, pid).mode == TableMode::kLeader && fenced.count(tablet) == 0;
  }

  std::vector<std::string> nameservers = {"ns-0"};
  std::vector<Tablet> tablets;
  std::vector<Table> tables;
  std::vector<Op> ops;
  bool auto_failover = false;
  std::map<std::string, std::map<PartitionId, FakeReplica>> loaded;  // by tablet
  std::set<std::string> fenced;
  std::set<std::string> lagging;  // tablets that nothing is replicated to
  std::set<std::string> disconnected;
  std::set<std::string> offline;  // tablets whose leaders were to go elsewhere
  std::string task_manager;
  std::vector<Job> jobs;
  std::map<std::string, std::string> versions;  // by address
  // ChangeLeader goes no further than to raise the followers' terms.
  bool ops_get_stuck = false;
  // ChangeLeader gets no further than into its lane.
  bool lanes_are_blocked = false;

  absl::StatusOr<std::vector<std::string>> Nameservers() override {
    return Read("Nameservers", nameservers);
  }
  absl::StatusOr<std::vector<std::string>> RegisteredTablets() override;
  absl::StatusOr<std::string> ActiveTaskManager() override {
    return Read("ActiveTaskManager", task_manager);
  }
  absl::StatusOr<std::string> AddressOf(const std::string& endpoint) override { return endpoint; }
  absl::StatusOr<std::vector<Tablet>> ShowTablet() override { return Read("ShowTablet", tablets); }
  absl::StatusOr<std::vector<Table>> ShowTable() override { return Read("ShowTable", tables); }
  absl::StatusOr<Table> ShowTable(const std::string&, const std::string&) override {
    return Read("ShowTable db.t", tables.front());
  }
  absl::StatusOr<Partition> GetPartition(const PartitionId& partition) override {
    return Read("GetPartition", Meta(partition.pid));
  }
  absl::StatusOr<std::vector<Op>> ShowOpStatus() override { return Read("ShowOpStatus", ops); }
  absl::StatusOr<std::vector<Op>> ShowOpStatus(const PartitionId&) override {
    return ShowOpStatus();
  }
  absl::StatusOr<bool> GetAutoFailover() override { return Read("GetAutoFailover", auto_failover); }
  absl::Status SetAutoFailover(bool on) override {
    return Do("SetAutoFailover", [&] { auto_failover = on; });
  }
  absl::Status ChangeLeader(const PartitionId& partition, const std::string& candidate,
                            absl::Duration limit) override;
  absl::Status RecoverTable(const PartitionId& partition, const std::string& endpoint) override {
    return Do("RecoverTable", [&] { Alive(partition, endpoint, true); });
  }
  absl::Status AddReplicaNs(const PartitionId& partition, const std::string& endpoint) override;
  absl::Status DelReplicaNs(const PartitionId& partition, const std::string& endpoint) override;
  absl::Status UpdateTableAliveStatus(const PartitionId& partition, const std::string& endpoint,
                                      bool alive) override {
    return Do("UpdateTableAliveStatus", [&] { Alive(partition, endpoint, alive); });
  }
  absl::Status UpdateTableAliveStatus(const std::string&, const std::string&,
                                      const std::string& endpoint, bool alive) override {
    return Do("UpdateTableAliveStatus db.t", [&] {
      for (const Partition& partition : tables.front().partitions)
        Alive(partition.id, endpoint, alive);
    });
  }
  absl::Status SetReplicaMeta(const PartitionId& partition, const std::string& endpoint,
                              bool is_leader, bool is_alive) override;
  absl::Status OfflineEndpoint(const std::string& endpoint, uint32_t) override {
    return Do("OfflineEndpoint", [&] { offline.insert(endpoint); });
  }
  absl::Status CancelOp(uint64_t op_id) override;
  absl::Status DeleteOp(uint64_t op_id) override {
    return Do("DeleteOp",
              [&] { std::erase_if(ops, [op_id](const Op& op) { return op.id == op_id; }); });
  }

  std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> GetTableStatus(
      const std::vector<std::string>& endpoints) override;
  std::vector<absl::StatusOr<ReplicaStatus>> GetReplicaStatus(
      const std::vector<ReplicaId>& replicas, absl::Duration limit) override;
  std::vector<absl::StatusOr<TermPair>> GetTermPair(const PartitionId& partition,
                                                    StorageMode storage,
                                                    const std::vector<std::string>& endpoints,
                                                    absl::Duration limit) override;
  absl::StatusOr<std::vector<FollowerInfo>> GetTableFollower(const PartitionId& partition,
                                                             const std::string& leader) override {
    std::vector<FollowerInfo> infos;
    for (const std::string& follower : Replica(leader, partition.pid).followers)
      infos.push_back({follower, Replica(leader, partition.pid).offset});
    return Read("GetTableFollower", infos);
  }
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
  absl::Status DropTable(const PartitionId& partition, const std::string& tablet) override {
    return Do("DropTable", [&] { loaded[tablet].erase(partition); });
  }
  absl::Status RecoverSnapshot(const PartitionId& partition, const std::string& tablet) override {
    return Do("RecoverSnapshot", [&] { Replica(tablet, partition.pid).snapshot_paused = false; });
  }
  absl::Status DisconnectZk(const std::string& address, bool) override {
    return Do("DisconnectZk", [&] { disconnected.insert(address); });
  }
  absl::Status ConnectZk(const std::string& address, bool) override {
    return Do("ConnectZk", [&] { disconnected.erase(address); });
  }

  absl::StatusOr<std::string> Version(const std::string& address) override {
    return Read("Version", versions[address]);
  }
  absl::StatusOr<std::string> TaskManagerVersion(const std::string& address) override {
    return Read("TaskManagerVersion", versions[address]);
  }
  absl::StatusOr<std::vector<Job>> UnfinishedJobs(const std::string&) override {
    return Read("UnfinishedJobs", jobs);
  }
  absl::Status ApiServerServes(const std::string&) override { return absl::OkStatus(); }

 private:
  Turn Next(const std::string& call);
  void Pass();
  absl::Status Do(const std::string& call, const std::function<void()>& happen,
                  absl::Duration limit = absl::InfiniteDuration());
  template <typename Value>
  absl::StatusOr<Value> Read(const std::string& call, const Value& value) {
    if (absl::Status status = Do(call, [] {}); !status.ok()) return status;
    return value;
  }
  void Alive(const PartitionId& partition, const std::string& endpoint, bool alive);

  FakeClock& clock_;
  std::map<std::string, std::deque<Turn>> turns_;
  std::map<std::string, Turn> always_;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_FAKE_OPENMLDB_H_
