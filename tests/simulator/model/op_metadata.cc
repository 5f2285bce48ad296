// Steps that change only what the nameserver knows of a partition.
#include "tests/simulator/model/op_steps.h"

namespace omdb::simulator {

api::TaskStatus OpSteps::SaveAndNotify(const nameserver::TableInfo& table) {
  if (!catalog_.Save(table).ok()) return api::kFailed;
  catalog_.NotifyTables();
  return api::kDone;
}

api::TaskStatus OpSteps::UpdatePartitionStatus(const Op& op, const OpStep& step) {
  nameserver::TablePartition* partition = PartitionOf(op);
  if (partition == nullptr) return api::kFailed;
  nameserver::PartitionMeta* meta = TableCatalog::FindMeta(*partition, step.replica);
  if (meta == nullptr) return api::kFailed;
  meta->set_is_leader(step.is_leader);
  meta->set_is_alive(step.is_alive);
  return SaveAndNotify(*TableOf(op));
}

api::TaskStatus OpSteps::AddTableInfo(const Op& op, const OpStep& step) {
  nameserver::TablePartition* partition = PartitionOf(op);
  if (partition == nullptr) return api::kFailed;
  if (TableCatalog::FindMeta(*partition, step.replica) != nullptr) return api::kFailed;
  nameserver::PartitionMeta* meta = partition->add_partition_meta();
  meta->set_endpoint(step.replica);
  meta->set_is_leader(false);
  meta->set_is_alive(false);
  // Nobody is notified: it is not alive yet.
  return catalog_.Save(*TableOf(op)).ok() ? api::kDone : api::kFailed;
}

api::TaskStatus OpSteps::DelTableInfo(const Op& op, const OpStep& step) {
  nameserver::TablePartition* partition = PartitionOf(op);
  if (partition == nullptr) return api::kFailed;
  auto& metas = *partition->mutable_partition_meta();
  for (int i = 0; i < metas.size(); ++i) {
    if (metas[i].endpoint() != step.replica) continue;
    metas.DeleteSubrange(i, 1);
    return SaveAndNotify(*TableOf(op));
  }
  return api::kFailed;
}

// Of a migration: the source's meta goes, the destination's is alive (F5.8).
api::TaskStatus OpSteps::UpdateTableInfo(const Op& op) {
  nameserver::MigrateInfo data;
  nameserver::TablePartition* partition = PartitionOf(op);
  if (partition == nullptr || !data.ParseFromString(op.info.data())) return api::kFailed;
  auto& metas = *partition->mutable_partition_meta();
  for (int i = 0; i < metas.size(); ++i) {
    if (metas[i].endpoint() != data.src_endpoint()) continue;
    metas.DeleteSubrange(i, 1);
    break;
  }
  nameserver::PartitionMeta* target = TableCatalog::FindMeta(*partition, data.des_endpoint());
  if (target == nullptr) return api::kFailed;
  target->set_is_alive(true);
  return SaveAndNotify(*TableOf(op));
}

Task<api::TaskStatus> OpSteps::CheckBinlogSyncProgress(OpRef op, StepRef step) {
  const uint64_t reign = context_.reign;
  while (context_.Reigns(reign) && step->info.status() == api::kDoing) {
    nameserver::TablePartition* partition = PartitionOf(*op);
    if (partition == nullptr) co_return api::kFailed;
    if (partition->partition_meta_size() == 1) co_return api::kDone;
    const nameserver::PartitionMeta* leader =
        TableCatalog::FindMeta(*partition, TableCatalog::AliveLeader(*partition));
    const nameserver::PartitionMeta* replica = TableCatalog::FindMeta(*partition, step->replica);
    if (replica == nullptr) co_return api::kFailed;
    // Offsets of the last look at the tablets, up to 2 s old (F5.5): done means little.
    bool done = leader != nullptr && leader->offset() <= replica->offset() + step->lag_allowed;
    for (const nameserver::PartitionMeta& meta : partition->partition_meta()) {
      if (!meta.tablet_has_partition()) done = true;
    }
    if (done) co_return api::kDone;
    co_await Delay(context_.executor, context_.options.get_task_status_interval);
  }
  co_return api::kFailed;
}

}  // namespace omdb::simulator
