// RecoverTable (F5.5): looks at what a replica has and queues the op that brings it back.
#include <utility>

#include "tablet.pb.h"
#include "tests/simulator/model/op_steps.h"

namespace omdb::simulator {
namespace {

// Between the start of the op and its first request; the demotion came 6 ms after the RPC (M1).
constexpr absl::Duration kLookUpTime = absl::Milliseconds(3);

}  // namespace

bool OpSteps::MatchTermOffset(const nameserver::TablePartition& partition, bool loaded,
                              uint64_t term, uint64_t offset) {
  if (!loaded && offset == 0) return false;
  const auto& history = partition.term_offset();
  for (int i = 0; i < history.size(); ++i) {
    if (history[i].term() != term) continue;
    // Where the term began there is nothing of it yet.
    if (offset < history[i].offset()) return offset + 1 == history.rbegin()->offset();
    return i + 1 == history.size() || offset < history[i + 1].offset();
  }
  return false;
}

nameserver::PartitionMeta* OpSteps::MetaToRecover(const Op& op, const std::string& endpoint) {
  nameserver::TablePartition* partition = PartitionOf(op);
  if (partition == nullptr) return nullptr;
  if (endpoint != kOfflineLeader) return TableCatalog::FindMeta(*partition, endpoint);
  for (nameserver::PartitionMeta& meta : *partition->mutable_partition_meta()) {
    if (meta.is_leader() && !meta.is_alive()) return &meta;
  }
  return nullptr;
}

Task<api::TaskStatus> OpSteps::RecoverSingleReplica(OpRef op, std::string endpoint) {
  api::GetTermPairRequest request;
  request.set_tid(TableOf(*op)->tid());
  request.set_pid(op->info.pid());
  absl::StatusOr<api::GetTermPairResponse> has =
      co_await context_.CallTablet<api::GetTermPairResponse>(registry_.Address(endpoint),
                                                             "GetTermPair", request);
  if (!has.ok() || has->code() != 0) co_return api::kFailed;
  const PartitionKey partition{op->info.db(), op->info.name(), op->info.pid()};
  absl::Status queued = has->has_table() ? factory_->UpdatePartitionStatus(
                                               partition, endpoint, /*is_leader=*/true,
                                               /*is_alive=*/true, /*concurrency=*/0, op.get())
                                         : factory_->ReLoadTable(endpoint, *op);
  co_return queued.ok() ? api::kDone : api::kFailed;
}

Task<api::TaskStatus> OpSteps::RecoverTable(OpRef op) {
  co_await Delay(context_.executor, kLookUpTime);
  nameserver::RecoverTableData data;
  if (!data.ParseFromString(op->info.data())) co_return api::kFailed;
  const nameserver::PartitionMeta* meta = MetaToRecover(*op, data.endpoint());
  if (meta == nullptr) co_return api::kFailed;
  if (meta->is_alive()) co_return api::kDone;
  const std::string endpoint = meta->endpoint();
  const nameserver::TableInfo* table = TableOf(*op);
  if (!registry_.Healthy(endpoint)) co_return api::kFailed;
  if (PartitionOf(*op)->partition_meta_size() == 1) {
    co_return co_await RecoverSingleReplica(op, endpoint);
  }
  const std::string leader = TableCatalog::AliveLeader(*PartitionOf(*op));
  if (leader.empty() || !registry_.Healthy(leader)) co_return api::kFailed;
  const uint32_t tid = table->tid();
  const uint32_t pid = op->info.pid();
  const auto storage_mode = table->storage_mode();

  api::GetTermPairRequest ask_term;
  ask_term.set_tid(tid);
  ask_term.set_pid(pid);
  ask_term.set_storage_mode(storage_mode);
  absl::StatusOr<api::GetTermPairResponse> has =
      co_await context_.CallTablet<api::GetTermPairResponse>(registry_.Address(endpoint),
                                                             "GetTermPair", ask_term);
  if (!has.ok() || has->code() != 0) co_return api::kFailed;
  if (has->has_table() && has->is_leader()) {
    api::ChangeRoleRequest demote;
    demote.set_tid(tid);
    demote.set_pid(pid);
    demote.set_mode(api::kTableFollower);
    absl::StatusOr<api::ChangeRoleResponse> demoted =
        co_await context_.CallTablet<api::ChangeRoleResponse>(registry_.Address(endpoint),
                                                              "ChangeRole", demote);
    if (!demoted.ok() || demoted->code() != 0) co_return api::kFailed;
  }
  if (!has->has_table()) {
    // The local binlog goes to the recycle bin: only the snapshot counts from here on.
    api::GeneralRequest forget;
    forget.set_tid(static_cast<int32_t>(tid));
    forget.set_pid(static_cast<int32_t>(pid));
    forget.set_storage_mode(storage_mode);
    absl::StatusOr<api::GeneralResponse> forgot =
        co_await context_.CallTablet<api::GeneralResponse>(registry_.Address(endpoint),
                                                           "DeleteBinlog", forget);
    if (!forgot.ok() || forgot->code() != 0) co_return api::kFailed;
  }
  api::GetManifestRequest ask_manifest;
  ask_manifest.set_tid(tid);
  ask_manifest.set_pid(pid);
  ask_manifest.set_storage_mode(storage_mode);
  absl::StatusOr<api::GetManifestResponse> manifest =
      co_await context_.CallTablet<api::GetManifestResponse>(registry_.Address(leader),
                                                             "GetManifest", ask_manifest);
  if (!manifest.ok() || manifest->code() != 0) co_return api::kFailed;
  const nameserver::TablePartition* partition = PartitionOf(*op);
  if (partition == nullptr) co_return api::kFailed;
  const bool usable = MatchTermOffset(*partition, has->has_table(), has->term(), has->offset()) &&
                      has->offset() >= manifest->manifest().offset();
  api::OPType way;
  if (has->has_table()) {
    way = usable ? api::kReAddReplicaSimplifyOP : api::kReAddReplicaWithDropOP;
  } else {
    way = usable ? api::kReAddReplicaNoSendOP : api::kReAddReplicaOP;
  }
  absl::Status queued = factory_->ReAddReplica(way, endpoint, data.offset_delta(), *op);
  co_return queued.ok() ? api::kDone : api::kFailed;
}

}  // namespace omdb::simulator
