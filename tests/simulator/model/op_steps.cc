#include "tests/simulator/model/op_steps.h"

#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "tablet.pb.h"

namespace omdb::simulator {

Task<api::TaskStatus> OpSteps::Run(std::shared_ptr<Op> op, std::shared_ptr<OpStep> step) {
  if (step->info.has_endpoint()) co_return co_await AskTablet(op, step);
  if (step->info.task_type() == api::kRecoverTable) co_return co_await RecoverTable(op);
  co_await Delay(context_.executor, context_.options.op_step_time);
  switch (step->info.task_type()) {
    case api::kSelectLeader:
      co_return co_await SelectLeader(op);
    case api::kChangeLeader:
      co_return co_await ChangeLeader(op);
    case api::kUpdateLeaderInfo:
      co_return UpdateLeaderInfo(*op);
    case api::kUpdatePartitionStatus:
      co_return UpdatePartitionStatus(*op, *step);
    case api::kAddTableInfo:
      co_return AddTableInfo(*op, *step);
    case api::kDelTableInfo:
      co_return DelTableInfo(*op, *step);
    case api::kUpdateTableInfo:
      co_return UpdateTableInfo(*op);
    case api::kCheckBinlogSyncProgress:
      co_return co_await CheckBinlogSyncProgress(op, step);
    default:
      co_return api::kFailed;
  }
}

template <typename Response, typename Request>
Task<api::TaskStatus> OpSteps::Send(StepRef step, std::string method, Request request) {
  absl::StatusOr<Response> answer = co_await context_.CallTablet<Response>(
      registry_.Address(step->info.endpoint()), method, std::move(request));
  // The task of an AddReplica that is already there is done on the tablet all the same (F3.4).
  constexpr int kReplicaEndpointAlreadyExists = 119;
  if (!answer.ok() || (answer->code() != 0 && answer->code() != kReplicaEndpointAlreadyExists)) {
    co_return api::kFailed;
  }
  step->info.set_is_rpc_send(true);
  co_return api::kDoing;
}

Task<api::TaskStatus> OpSteps::AskTablet(OpRef op, StepRef step) {
  nameserver::TableInfo* table = TableOf(*op);
  if (table == nullptr) co_return api::kFailed;
  api::GeneralRequest request;
  request.set_tid(static_cast<int32_t>(table->tid()));
  request.set_pid(static_cast<int32_t>(op->info.pid()));
  *request.mutable_task_info() = step->info;
  request.set_storage_mode(table->storage_mode());
  switch (step->info.task_type()) {
    case api::kMakeSnapshot:
      co_return co_await Send<api::GeneralResponse>(step, "MakeSnapshot", request);
    case api::kPauseSnapshot:
      co_return co_await Send<api::GeneralResponse>(step, "PauseSnapshot", request);
    case api::kRecoverSnapshot:
      co_return co_await Send<api::GeneralResponse>(step, "RecoverSnapshot", request);
    case api::kSendSnapshot: {
      api::SendSnapshotRequest send;
      send.set_tid(table->tid());
      send.set_pid(op->info.pid());
      send.set_endpoint(step->replica);
      *send.mutable_task_info() = step->info;
      co_return co_await Send<api::GeneralResponse>(step, "SendSnapshot", send);
    }
    case api::kLoadTable: {
      // Without a term: until its leader speaks to it, the replica takes what an old one sends
      // (H1).
      api::LoadTableRequest load;
      api::TableMeta* meta = load.mutable_table_meta();
      meta->set_tid(static_cast<int32_t>(table->tid()));
      meta->set_pid(static_cast<int32_t>(op->info.pid()));
      meta->set_name(table->name());
      meta->set_db(table->db());
      meta->set_seg_cnt(static_cast<int32_t>(table->seg_cnt()));
      meta->set_mode(step->is_leader ? api::kTableLeader : api::kTableFollower);
      meta->set_storage_mode(table->storage_mode());
      *load.mutable_task_info() = step->info;
      co_return co_await Send<api::GeneralResponse>(step, "LoadTable", load);
    }
    case api::kDropTable: {
      api::DropTableRequest drop;
      drop.set_tid(static_cast<int32_t>(table->tid()));
      drop.set_pid(static_cast<int32_t>(op->info.pid()));
      *drop.mutable_task_info() = step->info;
      co_return co_await Send<api::DropTableResponse>(step, "DropTable", drop);
    }
    case api::kAddReplica: {
      api::ReplicaRequest add;
      add.set_tid(table->tid());
      add.set_pid(op->info.pid());
      add.set_endpoint(step->replica);
      *add.mutable_task_info() = step->info;
      co_return co_await Send<api::AddReplicaResponse>(step, "AddReplica", add);
    }
    case api::kDelReplica:
      co_return co_await DelReplica(op, step);
    default:
      co_return api::kFailed;
  }
}

Task<api::TaskStatus> OpSteps::DelReplica(OpRef op, StepRef step) {
  api::ReplicaRequest request;
  request.set_tid(step->info.tid());
  request.set_pid(op->info.pid());
  request.set_endpoint(step->replica);
  *request.mutable_task_info() = step->info;
  absl::StatusOr<api::GeneralResponse> answer = co_await context_.CallTablet<api::GeneralResponse>(
      registry_.Address(step->info.endpoint()), "DelReplica", std::move(request));
  if (!answer.ok() || answer->code() != 0) co_return api::kFailed;
  step->info.set_is_rpc_send(true);
  // Nothing to remove: so fast an answer may be overwritten by the nameserver's own "doing" (H4).
  if (absl::StrContains(answer->msg(), "not exist") &&
      std::bernoulli_distribution(context_.options.lost_del_replica_probability)(
          context_.executor.random())) {
    step->lost = true;
  }
  co_return api::kDoing;
}

}  // namespace omdb::simulator
