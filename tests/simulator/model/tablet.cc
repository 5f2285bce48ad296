#include "tests/simulator/model/tablet.h"

#include <utility>

#include "tests/simulator/model/tablet_impl.h"

namespace omdb::simulator {

TabletServer::TabletServer(Options options, Executor& executor, Network& network, Coordination& zk,
                           Disk& disk)
    : impl_(std::make_unique<Impl>(std::move(options), executor, network, zk, disk)) {}
TabletServer::~TabletServer() = default;
absl::Status TabletServer::Start() { return impl_->Start(); }
Dispatcher& TabletServer::dispatcher() { return impl_->dispatcher(); }
std::vector<std::pair<uint32_t, uint32_t>> TabletServer::TakesRowsOf() const {
  return impl_->TakesRowsOf();
}

TabletServer::Impl::Impl(Options options, Executor& executor, Network& network, Coordination& zk,
                         Disk& disk)
    : options_(std::move(options)),
      executor_(executor),
      network_(network),
      zk_(zk),
      disk_(disk),
      task_pool_(executor, 3),
      snapshot_pool_(executor, 1),
      scope_(executor),
      dispatcher_(executor) {
  ServeRows();
  ServePartitions();
  ServeProcess();
}

template <typename Request, typename Response>
void TabletServer::Impl::Serve(const std::string& method, Response (Impl::*handler)(Request&)) {
  ServeReply<Request>(method, [this, handler](Request& request) {
    Reply reply;
    reply.message = std::make_unique<Response>((this->*handler)(request));
    return reply;
  });
}

template <typename Request>
void TabletServer::Impl::ServeReply(const std::string& method,
                                    std::function<Reply(Request&)> handler) {
  using Message = std::unique_ptr<google::protobuf::Message>;
  auto serve = [this, handler = std::move(handler)](const Message& request,
                                                    const Dispatcher::Done& done) {
    Reply reply = handler(static_cast<Request&>(*request));
    if (joining_ == 0) return done(std::move(reply));
    auto kept = std::make_shared<Reply>(std::move(reply));
    held_.push_front([done, kept] { done(std::move(*kept)); });
  };
  dispatcher_.RegisterDeferred<Request>(
      "openmldb.api.TabletServer/" + method,
      [this, serve = std::move(serve)](Message request, const Dispatcher::Done& done) {
        if (joining_ == 0) return serve(request, done);
        auto kept = std::make_shared<Message>(std::move(request));
        held_.push_back([serve, done, kept] { serve(*kept, done); });
      });
}

void TabletServer::Impl::ServeHeld() {
  while (joining_ == 0 && !held_.empty()) {
    auto next = std::move(held_.front());
    held_.pop_front();
    next();
  }
}

void TabletServer::Impl::ServeRows() {
  Serve("Put", &Impl::Put);
  Serve("Delete", &Impl::Delete);
  Serve("Get", &Impl::Get);
  ServeReply<api::ScanRequest>("Scan", [this](api::ScanRequest& r) { return Scan(r); });
  Serve("Count", &Impl::Count);
  Serve("Traverse", &Impl::Traverse);
  Serve("Query", &Impl::Query);
}

void TabletServer::Impl::ServePartitions() {
  Serve("CreateTable", &Impl::CreateTable);
  Serve("LoadTable", &Impl::LoadTable);
  Serve("DropTable", &Impl::DropTable);
  Serve("DeleteBinlog", &Impl::DeleteBinlog);
  Serve("GetTableSchema", &Impl::GetTableSchema);
  Serve("AppendEntries", &Impl::AppendEntries);
  Serve("ChangeRole", &Impl::ChangeRole);
  Serve("AddReplica", &Impl::AddReplica);
  Serve("DelReplica", &Impl::DelReplica);
  Serve("GetTableFollower", &Impl::GetTableFollower);
  Serve("GetTermPair", &Impl::GetTermPair);
  Serve("MakeSnapshot", &Impl::MakeSnapshot);
  Serve("PauseSnapshot", &Impl::PauseSnapshot);
  Serve("RecoverSnapshot", &Impl::RecoverSnapshot);
  Serve("GetManifest", &Impl::GetManifest);
  Serve("GetAllSnapshotOffset", &Impl::GetAllSnapshotOffset);
  Serve("SendSnapshot", &Impl::SendSnapshot);
  Serve("SendData", &Impl::SendData);
  Serve("CheckFile", &Impl::CheckFile);
}

void TabletServer::Impl::ServeProcess() {
  Serve("GetTableStatus", &Impl::GetTableStatus);
  Serve("GetTaskStatus", &Impl::GetTaskStatus);
  Serve("DeleteOPTask", &Impl::DeleteOPTask);
  Serve("CancelOP", &Impl::CancelOP);
  Serve("GetCatalog", &Impl::GetCatalog);
  Serve("SetMode", &Impl::SetMode);
  Serve("ConnectZK", &Impl::ConnectZK);
  Serve("DisConnectZK", &Impl::DisConnectZK);
  Serve("UpdateRealEndpointMap", &Impl::UpdateRealEndpointMap);
  Serve("FlushPrivileges", &Impl::FlushPrivileges);
}

TabletServer::Impl::PartitionPtr TabletServer::Impl::Find(uint32_t tid, uint32_t pid) const {
  auto found = partitions_.find({tid, pid});
  return found == partitions_.end() ? nullptr : found->second;
}

std::optional<TabletServer::Impl::Refusal> TabletServer::Impl::Check(const PartitionPtr& partition,
                                                                     bool leader) {
  if (partition == nullptr) return Refusal{kTableIsNotExist, "table is not exist"};
  if (leader && !partition->leads) return Refusal{kTableIsFollower, "table is follower"};
  if (partition->state == api::kTableLoading) return Refusal{kTableIsLoading, "table is loading"};
  return std::nullopt;
}

std::vector<PartitionId> TabletServer::Impl::TakesRowsOf() const {
  std::vector<PartitionId> ids;
  for (const auto& [id, partition] : partitions_) {
    if (!fenced_ && !Check(partition, /*leader=*/true)) ids.push_back(id);
  }
  return ids;
}

api::GetTableStatusResponse TabletServer::Impl::GetTableStatus(
    api::GetTableStatusRequest& request) {
  auto response = Ok<api::GetTableStatusResponse>();
  for (const auto& [id, partition] : partitions_) {
    if (request.has_tid() && request.tid() != id.first) continue;
    if (request.has_pid() && request.pid() != id.second) continue;
    const Table& rows = partition->rows;
    api::TableStatus* status = response.add_all_table_status();
    status->set_tid(id.first);
    status->set_pid(id.second);
    status->set_name(partition->meta.name());
    status->set_offset(partition->binlog.last_offset());
    status->set_mode(partition->leads ? api::kTableLeader : api::kTableFollower);
    status->set_state(partition->state);
    status->set_is_expire(false);
    status->set_time_offset(0);
    status->set_record_cnt(rows.record_count());
    status->set_record_byte_size(rows.record_bytes());
    status->set_record_idx_byte_size(0);
    status->set_record_pk_cnt(rows.key_count());
    status->set_compress_type(partition->meta.compress_type());
    status->set_skiplist_height(partition->meta.key_entry_max_height());
    status->set_storage_mode(partition->meta.storage_mode());
    uint64_t entries = 0;
    for (uint32_t index = 0; index < rows.index_count(); ++index) {
      auto* counts = status->add_ts_idx_status();
      counts->set_idx_name(rows.index_name(index));
      for (uint64_t count : rows.segment_counts(index)) {
        counts->add_seg_cnts(count);
        entries += count;
      }
    }
    status->set_idx_cnt(entries);
  }
  return response;
}

api::GetTableSchemaResponse TabletServer::Impl::GetTableSchema(
    api::GetTableSchemaRequest& request) {
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (partition == nullptr) {
    return Answer<api::GetTableSchemaResponse>(kTableIsNotExist, "table is not exist");
  }
  auto response = Ok<api::GetTableSchemaResponse>();
  *response.mutable_table_meta() = partition->meta;
  return response;
}

api::TaskStatusResponse TabletServer::Impl::GetTaskStatus(api::TaskStatusRequest&) {
  auto response = Ok<api::TaskStatusResponse>();
  for (const api::TaskInfo& task : tasks_.all()) *response.add_task() = task;
  return response;
}

api::GeneralResponse TabletServer::Impl::DeleteOPTask(api::DeleteTaskRequest& request) {
  for (uint64_t op_id : request.op_id()) tasks_.Delete(op_id);
  return Ok<api::GeneralResponse>();
}

api::GeneralResponse TabletServer::Impl::CancelOP(api::CancelOPRequest& request) {
  tasks_.Cancel(request.op_id());
  return Ok<api::GeneralResponse>();
}

api::GeneralResponse TabletServer::Impl::FlushPrivileges(api::EmptyRequest&) {
  return Ok<api::GeneralResponse>();
}

}  // namespace omdb::simulator
