#ifndef OMDB_TESTS_SIMULATOR_MODEL_TABLET_IMPL_H_
#define OMDB_TESTS_SIMULATOR_MODEL_TABLET_IMPL_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tablet.pb.h"
#include "tests/simulator/model/file_transfer.pb.h"
#include "tests/simulator/model/job_pool.h"
#include "tests/simulator/model/op_tasks.h"
#include "tests/simulator/model/partition.h"
#include "tests/simulator/model/snapshot.h"
#include "tests/simulator/model/tablet.h"
#include "tests/simulator/model/tablet_codes.h"

namespace omdb::simulator {

namespace api = openmldb::api;

// A reply that carries nothing but its code.
template <typename Response>
Response Answer(int code, const std::string& message) {
  Response response;
  response.set_code(code);
  response.set_msg(message);
  return response;
}
template <typename Response>
Response Ok() {
  return Answer<Response>(kOk, "ok");
}

// The tablet's methods, one file for each group.
class TabletServer::Impl {
 public:
  Impl(Options options, Executor& executor, Network& network, Coordination& zk, Disk& disk);
  ~Impl() { *alive_ = false; }

  absl::Status Start();
  Dispatcher& dispatcher() { return dispatcher_; }
  std::vector<PartitionId> TakesRowsOf() const;

 private:
  struct Refusal {
    int code;
    const char* message;
  };
  using PartitionPtr = std::shared_ptr<Partition>;
  using Names = google::protobuf::RepeatedPtrField<std::string>;
  using Task_ = std::optional<api::TaskInfo>;

  template <typename Request, typename Response>
  void Serve(const std::string& method, Response (Impl::*handler)(Request&));
  template <typename Request>
  void ServeReply(const std::string& method, std::function<Reply(Request&)> handler);
  // The global lock is free again: serves what waited for it.
  void ServeHeld();
  void ServeRows();
  void ServePartitions();
  void ServeProcess();

  // tablet_rows.cc
  api::PutResponse Put(api::PutRequest& request);
  api::GeneralResponse Delete(api::DeleteRequest& request);
  api::GetResponse Get(api::GetRequest& request);
  Reply Scan(const api::ScanRequest& request);
  api::CountResponse Count(api::CountRequest& request);
  api::TraverseResponse Traverse(api::TraverseRequest& request);
  api::QueryResponse Query(api::QueryRequest& request);
  // Appends to the log, wakes the senders.
  absl::Status Append(Partition& partition, api::LogEntry entry);

  // tablet_roles.cc
  api::AppendEntriesResponse AppendEntries(api::AppendEntriesRequest& request);
  api::ChangeRoleResponse ChangeRole(api::ChangeRoleRequest& request);
  api::AddReplicaResponse AddReplica(api::ReplicaRequest& request);
  api::GeneralResponse DelReplica(api::ReplicaRequest& request);
  api::GetTableFollowerResponse GetTableFollower(api::GetTableFollowerRequest& request);
  api::GetTermPairResponse GetTermPair(api::GetTermPairRequest& request);
  api::GeneralResponse SetMode(api::SetModeRequest& request);
  api::GeneralResponse UpdateRealEndpointMap(api::UpdateRealEndpointMapRequest& request);
  // Where a server of that name listens; nothing when the map lacks it.
  std::optional<std::string> AddressOf(const std::string& name) const;

  // tablet_loading.cc
  api::CreateTableResponse CreateTable(api::CreateTableRequest& request);
  api::GeneralResponse LoadTable(api::LoadTableRequest& request);
  api::DropTableResponse DropTable(api::DropTableRequest& request);
  api::GeneralResponse DeleteBinlog(api::GeneralRequest& request);
  Task<void> Load(PartitionPtr partition, Task_ task);
  Task<absl::Status> Replay(PartitionPtr partition);
  // Waits for as long as reading `rows` takes, less what went by since `begin`.
  Promise<Unit> Pace(uint64_t rows, absl::Time begin);
  absl::Status WriteTableMeta(PartitionId id, const api::TableMeta& meta);
  // Moves a path below recycle/, or deletes it without a recycle bin.
  void Recycle(const std::string& path, const std::string& name);
  bool KnowsAll(const Names& names) const;
  // Begins replication to those of them whose address is known.
  void AddFollowers(Partition& partition, const Names& names);

  // tablet_snapshots.cc
  api::GeneralResponse MakeSnapshot(api::GeneralRequest& request);
  api::GeneralResponse PauseSnapshot(api::GeneralRequest& request);
  api::GeneralResponse RecoverSnapshot(api::GeneralRequest& request);
  api::GetManifestResponse GetManifest(api::GetManifestRequest& request);
  api::TableSnapshotOffsetResponse GetAllSnapshotOffset(api::EmptyRequest& request);
  Task<void> Snapshot(PartitionPtr partition, uint64_t end_offset, Task_ task);

  // tablet_sending.cc
  api::GeneralResponse SendSnapshot(api::SendSnapshotRequest& request);
  api::GeneralResponse SendData(FileBlock& block);
  api::GeneralResponse CheckFile(api::CheckFileRequest& request);
  Task<void> Send(PartitionPtr partition, std::string address, Task_ task);
  // One file of the partition's directory; true when the peer has it.
  Task<bool> SendFile(PartitionId id, std::string address, std::string directory, std::string name);

  // tablet_session.cc
  absl::Status RegisterName();
  absl::Status RegisterNode(const std::string& value);
  void WatchCatalog();
  Task<void> KeepSession();
  api::GeneralResponse ConnectZK(api::ConnectZKRequest& request);
  api::GeneralResponse DisConnectZK(api::DisConnectZKRequest& request);
  api::GetCatalogResponse GetCatalog(api::GetCatalogRequest& request);

  // tablet.cc
  api::GetTableStatusResponse GetTableStatus(api::GetTableStatusRequest& request);
  api::GetTableSchemaResponse GetTableSchema(api::GetTableSchemaRequest& request);
  api::TaskStatusResponse GetTaskStatus(api::TaskStatusRequest& request);
  api::GeneralResponse DeleteOPTask(api::DeleteTaskRequest& request);
  api::GeneralResponse CancelOP(api::CancelOPRequest& request);
  api::GeneralResponse FlushPrivileges(api::EmptyRequest& request);
  PartitionPtr Find(uint32_t tid, uint32_t pid) const;
  // Why a request for a loaded partition, or for its leader, is refused.
  static std::optional<Refusal> Check(const PartitionPtr& partition, bool leader);

  // The task of a request that has one: false when the op has it here already.
  template <typename Request>
  bool BeginTask(const Request& request, api::TaskType type) {
    return !request.has_task_info() || tasks_.Add(request.task_info(), type);
  }
  // Ends the task of a request with the outcome of its reply, and passes the reply on.
  template <typename Request, typename Response>
  Response EndTask(const Request& request, api::TaskType type, Response response) {
    if (request.has_task_info()) {
      tasks_.Finish(request.task_info(), type, response.code() == kOk);
    }
    return response;
  }
  void FinishTask(const Task_& task, api::TaskType type, bool done) {
    if (task.has_value()) tasks_.Finish(*task, type, done);
  }
  template <typename Request>
  static Task_ TaskOf(const Request& request) {
    return request.has_task_info() ? Task_(request.task_info()) : std::nullopt;
  }
  static constexpr char kTaskExists[] = "the op has this task here already";

  const Options options_;
  Executor& executor_;
  Network& network_;
  Coordination& zk_;
  Disk& disk_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool registered_ = false;
  bool fenced_ = false;  // SetMode(true): 453 for writes (F5.2.4 B)
  uint64_t catalog_version_ = 1;
  // ChangeRole joins the senders that it ends while it holds the tablet's global lock, and every
  // request waits for it (F5.2.4 A).
  int joining_ = 0;
  std::deque<std::function<void()>> held_;
  std::map<std::string, std::string> addresses_;  // by name (F5.11)
  std::map<PartitionId, PartitionPtr> partitions_;
  OpTasks tasks_;
  std::map<std::string, std::string> arriving_;   // files that another tablet sends, by path
  std::array<absl::Time, 2> cores_busy_until_{};  // of what reads rows
  JobPool task_pool_;                             // sends and loads: three at a time (F1.2)
  JobPool snapshot_pool_;                         // one snapshot at a time
  Scope scope_;
  Dispatcher dispatcher_;  // after all that its handlers use
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_TABLET_IMPL_H_
