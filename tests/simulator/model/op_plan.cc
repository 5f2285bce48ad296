// The steps of each op, in their order (F5.2 to F5.8).
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/op_steps.h"

namespace omdb::simulator {
namespace {

// Builds the list of steps of one op.
class Planner {
 public:
  Planner(const api::OPInfo& info, const nameserver::TableInfo& table)
      : info_(info), table_(table) {}

  // A step that the nameserver does itself.
  OpStep& Own(api::TaskType type, const std::string& replica = "") {
    OpStep& step = steps_.emplace_back();
    step.info.set_op_id(info_.op_id());
    step.info.set_op_type(info_.op_type());
    step.info.set_task_type(type);
    step.info.set_status(api::kInited);
    step.info.set_tid(table_.tid());
    step.info.set_pid(info_.pid());
    step.replica = replica;
    return step;
  }
  OpStep& On(const std::string& tablet, api::TaskType type, const std::string& replica = "") {
    OpStep& step = Own(type, replica);
    step.info.set_endpoint(tablet);
    return step;
  }
  void SetStatus(const std::string& replica, bool is_leader, bool is_alive) {
    OpStep& step = Own(api::kUpdatePartitionStatus, replica);
    step.is_leader = is_leader;
    step.is_alive = is_alive;
  }
  void CheckProgress(const std::string& replica, uint64_t lag_allowed) {
    Own(api::kCheckBinlogSyncProgress, replica).lag_allowed = lag_allowed;
  }
  std::vector<OpStep> Done() { return std::move(steps_); }

 private:
  const api::OPInfo& info_;
  const nameserver::TableInfo& table_;
  std::vector<OpStep> steps_;
};

void PlanReAddReplica(Planner& plan, api::OPType type, const std::string& leader,
                      const std::string& replica, uint64_t lag_allowed) {
  const bool copy = type == api::kReAddReplicaOP || type == api::kReAddReplicaWithDropOP;
  const bool load = type != api::kReAddReplicaSimplifyOP;
  if (load) plan.On(leader, api::kPauseSnapshot);
  if (type == api::kReAddReplicaWithDropOP) plan.On(replica, api::kDropTable);
  if (copy) plan.On(leader, api::kSendSnapshot, replica);
  if (load) plan.On(replica, api::kLoadTable);
  plan.On(leader, api::kAddReplica, replica);
  if (load) plan.On(leader, api::kRecoverSnapshot);
  plan.CheckProgress(replica, lag_allowed);
  plan.SetStatus(replica, /*is_leader=*/false, /*is_alive=*/true);
}

void PlanAddReplica(Planner& plan, const std::string& leader, const std::string& replica,
                    uint64_t lag_allowed) {
  plan.On(leader, api::kPauseSnapshot);
  plan.On(leader, api::kSendSnapshot, replica);
  plan.On(replica, api::kLoadTable);
  plan.On(leader, api::kAddReplica, replica);
  plan.On(leader, api::kRecoverSnapshot);
  plan.Own(api::kAddTableInfo, replica);
  plan.CheckProgress(replica, lag_allowed);
  plan.SetStatus(replica, /*is_leader=*/false, /*is_alive=*/true);
}

void PlanMigrate(Planner& plan, const std::string& leader, const nameserver::MigrateInfo& data,
                 uint64_t lag_allowed) {
  plan.On(leader, api::kPauseSnapshot);
  plan.On(leader, api::kSendSnapshot, data.des_endpoint());
  plan.On(leader, api::kRecoverSnapshot);
  plan.On(data.des_endpoint(), api::kLoadTable);
  plan.On(leader, api::kAddReplica, data.des_endpoint());
  plan.Own(api::kAddTableInfo, data.des_endpoint());
  plan.CheckProgress(data.des_endpoint(), lag_allowed);
  plan.On(leader, api::kDelReplica, data.src_endpoint());
  plan.Own(api::kUpdateTableInfo);
  plan.On(data.src_endpoint(), api::kDropTable);
}

}  // namespace

absl::StatusOr<std::vector<OpStep>> OpSteps::Plan(const api::OPInfo& info) {
  nameserver::TableInfo* table = catalog_.Find(info.db(), info.name());
  nameserver::TablePartition* partition =
      table == nullptr ? nullptr : TableCatalog::FindPartition(*table, info.pid());
  if (partition == nullptr) return absl::NotFoundError("no such partition");
  const std::string leader = TableCatalog::AliveLeader(*partition);
  // Ops that begin at the leader need one, those that use a tablet need it healthy.
  auto need = [&](std::initializer_list<std::string> tablets) -> absl::Status {
    if (leader.empty()) return absl::FailedPreconditionError("no alive leader");
    for (const std::string& tablet : tablets) {
      if (!registry_.Healthy(tablet)) {
        return absl::FailedPreconditionError(absl::StrCat(tablet, " is not healthy"));
      }
    }
    return absl::OkStatus();
  };
  const uint64_t lag_allowed = context_.options.check_binlog_sync_progress_delta;
  absl::Status possible;
  Planner plan(info, *table);
  switch (info.op_type()) {
    case api::kChangeLeaderOP:
      plan.Own(api::kSelectLeader);
      plan.Own(api::kChangeLeader);
      plan.Own(api::kUpdateLeaderInfo);
      break;
    case api::kOfflineReplicaOP:
      possible = need({leader});
      plan.On(leader, api::kDelReplica, info.data());
      plan.SetStatus(info.data(), /*is_leader=*/false, /*is_alive=*/false);
      break;
    case api::kUpdatePartitionStatusOP: {
      nameserver::EndpointStatusData data;
      if (!data.ParseFromString(info.data())) return absl::DataLossError("bad data of the op");
      plan.SetStatus(data.endpoint(), data.is_leader(), data.is_alive());
      break;
    }
    case api::kRecoverTableOP: {
      nameserver::RecoverTableData data;
      if (!data.ParseFromString(info.data())) return absl::DataLossError("bad data of the op");
      if (!data.is_leader()) {
        possible = need({leader});
        plan.On(leader, api::kDelReplica, data.endpoint());
      }
      plan.Own(api::kRecoverTable, data.endpoint());
      break;
    }
    case api::kReAddReplicaOP:
    case api::kReAddReplicaNoSendOP:
    case api::kReAddReplicaWithDropOP:
    case api::kReAddReplicaSimplifyOP: {
      nameserver::RecoverTableData data;
      if (!data.ParseFromString(info.data())) return absl::DataLossError("bad data of the op");
      possible = need({leader, data.endpoint()});
      PlanReAddReplica(plan, info.op_type(), leader, data.endpoint(), data.offset_delta());
      break;
    }
    case api::kReLoadTableOP:
      if (!registry_.Healthy(info.data())) possible = absl::FailedPreconditionError("not healthy");
      plan.On(info.data(), api::kLoadTable).is_leader = true;
      plan.SetStatus(info.data(), /*is_leader=*/true, /*is_alive=*/true);
      break;
    case api::kAddReplicaOP: {
      nameserver::AddReplicaData data;
      if (!data.ParseFromString(info.data())) return absl::DataLossError("bad data of the op");
      possible = need({leader, data.endpoint()});
      PlanAddReplica(plan, leader, data.endpoint(), lag_allowed);
      break;
    }
    case api::kDelReplicaOP:
      possible = need({leader, info.data()});
      plan.On(leader, api::kDelReplica, info.data());
      plan.Own(api::kDelTableInfo, info.data());
      plan.On(info.data(), api::kDropTable);
      break;
    case api::kMigrateOP: {
      nameserver::MigrateInfo data;
      if (!data.ParseFromString(info.data())) return absl::DataLossError("bad data of the op");
      possible = need({leader, data.src_endpoint(), data.des_endpoint()});
      PlanMigrate(plan, leader, data, lag_allowed);
      break;
    }
    case api::kMakeSnapshotOP:
      possible = need({leader});
      plan.On(leader, api::kMakeSnapshot);
      break;
    default:
      return absl::UnimplementedError("not an op of this model");
  }
  if (!possible.ok()) return possible;
  return plan.Done();
}

}  // namespace omdb::simulator
