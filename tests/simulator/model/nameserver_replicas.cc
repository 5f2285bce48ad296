// Requests that queue ops. None of them returns an op id (F3.0).
#include "tablet.pb.h"
#include "tests/simulator/model/nameserver_impl.h"

namespace omdb::simulator {

void NameServer::Impl::RegisterReplicaMethods() {
  const absl::Duration creation = context_.options.op_creation_time;
  On("ChangeLeader", &Impl::ChangeLeader, creation);
  On("OfflineEndpoint", &Impl::OfflineEndpoint);
  On("RecoverEndpoint", &Impl::RecoverEndpoint);
  On("RecoverTable", &Impl::RecoverTable);  // the target is demoted 6 ms later (M1)
  On("AddReplicaNS", &Impl::AddReplica, creation);
  On("DelReplicaNS", &Impl::DelReplica, creation);
  On("Migrate", &Impl::Migrate, creation);
  On("MakeSnapshotNS", &Impl::MakeSnapshot, creation);
}

NameServer::Impl::General NameServer::Impl::CheckPartition(const std::string& db,
                                                           const std::string& name, uint32_t pid) {
  nameserver::TableInfo* table = catalog_.Find(db, name);
  if (table == nullptr) return Say(code::kTableNotExist, "table does not exist");
  if (TableCatalog::FindPartition(*table, pid) == nullptr) {
    return Say(code::kPidNotExist, "pid does not exist");
  }
  return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::ChangeLeader(
    const nameserver::ChangeLeaderRequest& request) {
  if (context_.auto_failover) {
    return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  General checked = CheckPartition(request.db(), request.name(), request.pid());
  if (checked.code() != code::kOk) return checked;
  nameserver::TablePartition* partition =
      catalog_.FindPartition(request.db(), request.name(), request.pid());
  if (partition->partition_meta_size() == 1) {
    return Say(code::kNoFollower, "table has no follower");
  }
  const std::string leader = TableCatalog::AliveLeader(*partition);
  if (!request.has_candidate_leader() && !leader.empty()) {
    return Say(code::kLeaderIsAlive, "leader is alive");
  }
  bool has_follower = false;
  for (const auto& meta : partition->partition_meta()) {
    has_follower = has_follower || (meta.is_alive() && !meta.is_leader());
  }
  if (!has_follower) return Say(code::kNoAliveFollower, "no alive follower");
  absl::Status queued = ops_.ChangeLeader({request.db(), request.name(), request.pid()},
                                          request.candidate_leader(), /*restore=*/false, 0);
  if (!queued.ok()) return Say(code::kCreateOpFailed, "create op failed");
  return Say(code::kOk, "ok");
}

// All are created under one lock: none begins before the last one is there (M3).
Promise<Unit> NameServer::Impl::CreateManyOps(int count) {
  return Delay(context_.executor, count * context_.options.op_creation_time_of_many);
}

Task<NameServer::Impl::General> NameServer::Impl::OfflineEndpoint(
    nameserver::OfflineEndpointRequest request) {
  if (context_.auto_failover) {
    co_return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  if (request.concurrency() > context_.options.name_server_task_max_concurrency) {
    co_return Say(code::kInvalidParameter, "invalid parameter");
  }
  if (registry_.Find(request.endpoint()) == nullptr) {
    co_return Say(code::kEndpointNotExist, "endpoint does not exist");
  }
  co_await CreateManyOps(failover_.CountReplicas(request.endpoint(), /*alive_too=*/true));
  failover_.OfflineEndpoint(request.endpoint(), request.concurrency());
  co_return Say(code::kOk, "ok");
}

Task<NameServer::Impl::General> NameServer::Impl::RecoverEndpoint(
    nameserver::RecoverEndpointRequest request) {
  if (context_.auto_failover) {
    co_return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  if (request.concurrency() > context_.options.name_server_task_max_concurrency) {
    co_return Say(code::kInvalidParameter, "invalid parameter");
  }
  if (registry_.Find(request.endpoint()) == nullptr) {
    co_return Say(code::kEndpointNotExist, "endpoint does not exist");
  }
  if (!registry_.Healthy(request.endpoint())) {
    co_return Say(code::kTabletNotHealthy, "tablet is not healthy");
  }
  co_await CreateManyOps(failover_.CountReplicas(request.endpoint(), /*alive_too=*/false));
  failover_.RecoverEndpoint(request.endpoint(), request.need_restore(), request.concurrency());
  co_return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::RecoverTable(
    const nameserver::RecoverTableRequest& request) {
  if (context_.auto_failover) {
    return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  if (registry_.Find(request.endpoint()) == nullptr) {
    return Say(code::kEndpointNotExist, "endpoint does not exist");
  }
  if (!registry_.Healthy(request.endpoint())) {
    return Say(code::kTabletNotHealthy, "tablet is not healthy");
  }
  General checked = CheckPartition(request.db(), request.name(), request.pid());
  if (checked.code() != code::kOk) return checked;
  nameserver::PartitionMeta* meta = TableCatalog::FindMeta(
      *catalog_.FindPartition(request.db(), request.name(), request.pid()), request.endpoint());
  if (meta == nullptr) return Say(code::kPidNotExist, "endpoint is not in the partition");
  if (meta->is_alive()) return Say(code::kPartitionIsAlive, "partition is alive");
  // Whether there is an op now is not said (F5.5).
  ops_.RecoverTable({request.db(), request.name(), request.pid()}, request.endpoint(),
                    meta->is_leader(), context_.options.check_binlog_sync_progress_delta, 0)
      .IgnoreError();
  return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::AddReplica(
    const nameserver::AddReplicaNSRequest& request) {
  if (!registry_.Healthy(request.endpoint())) {
    return Say(code::kTabletNotHealthy, "tablet is not healthy");
  }
  if (catalog_.Find(request.db(), request.name()) == nullptr) {
    return Say(code::kTableNotExist, "table does not exist");
  }
  std::vector<uint32_t> pids(request.pid_group().begin(), request.pid_group().end());
  if (pids.empty()) pids.push_back(request.pid());
  for (uint32_t pid : pids) {
    nameserver::TablePartition* partition =
        catalog_.FindPartition(request.db(), request.name(), pid);
    if (partition == nullptr) return Say(code::kInvalidParameter, "invalid parameter");
    // Not seen while an earlier request is under way: the second is accepted (M5).
    if (TableCatalog::FindMeta(*partition, request.endpoint()) != nullptr) {
      return Say(code::kPidAlreadyExists, "pid already exists");
    }
  }
  for (uint32_t pid : pids) {
    if (!ops_.AddReplica({request.db(), request.name(), pid}, request.endpoint()).ok()) {
      return Say(code::kCreateOpFailed, "create op failed");
    }
  }
  return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::DelReplica(
    const nameserver::DelReplicaNSRequest& request) {
  if (!registry_.Healthy(request.endpoint())) {
    return Say(code::kTabletNotHealthy, "tablet is not healthy");
  }
  if (catalog_.Find(request.db(), request.name()) == nullptr) {
    return Say(code::kTableNotExist, "table does not exist");
  }
  std::vector<uint32_t> pids(request.pid_group().begin(), request.pid_group().end());
  if (pids.empty()) pids.push_back(request.pid());
  for (uint32_t pid : pids) {
    nameserver::TablePartition* partition =
        catalog_.FindPartition(request.db(), request.name(), pid);
    const nameserver::PartitionMeta* meta =
        partition == nullptr ? nullptr : TableCatalog::FindMeta(*partition, request.endpoint());
    if (meta == nullptr) return Say(code::kPidNotExist, "pid does not exist");
    if (meta->is_leader()) return Say(code::kTableIsLeader, "cannot delete leader");
  }
  for (uint32_t pid : pids) {
    if (!ops_.DelReplica({request.db(), request.name(), pid}, request.endpoint()).ok()) {
      return Say(code::kCreateOpFailed, "create op failed");
    }
  }
  return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::Migrate(const nameserver::MigrateRequest& request) {
  if (context_.auto_failover) {
    return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  if (!registry_.Healthy(request.src_endpoint())) {
    return Say(code::kMigrateSourceUnhealthy, "src_endpoint does not exist or is not healthy");
  }
  if (!registry_.Healthy(request.des_endpoint())) {
    return Say(code::kMigrateTargetUnhealthy, "des_endpoint does not exist or is not healthy");
  }
  if (catalog_.Find(request.db(), request.name()) == nullptr) {
    return Say(code::kTableNotExist, "table does not exist");
  }
  for (uint32_t pid : request.pid()) {
    nameserver::TablePartition* partition =
        catalog_.FindPartition(request.db(), request.name(), pid);
    if (partition == nullptr) return Say(code::kMigrateFailed, "no such partition");
    const std::string leader = TableCatalog::AliveLeader(*partition);
    if (leader.empty() || !registry_.Healthy(leader)) {
      return Say(code::kMigrateFailed, "leader is offline");
    }
    if (leader == request.src_endpoint()) {
      return Say(code::kMigrateFailed, "cannot migrate leader");
    }
    const auto* from = TableCatalog::FindMeta(*partition, request.src_endpoint());
    const auto* to = TableCatalog::FindMeta(*partition, request.des_endpoint());
    if (from == nullptr || !from->is_alive() || (to != nullptr && to->is_alive())) {
      return Say(code::kMigrateFailed, "partition cannot be migrated");
    }
  }
  for (uint32_t pid : request.pid()) {
    // One that cannot be queued is left out (F5.8).
    ops_.Migrate({request.db(), request.name(), pid}, request.src_endpoint(),
                 request.des_endpoint())
        .IgnoreError();
  }
  return Say(code::kOk, "ok");
}

Task<NameServer::Impl::General> NameServer::Impl::MakeSnapshot(
    nameserver::MakeSnapshotNSRequest request) {
  General checked = CheckPartition(request.db(), request.name(), request.pid());
  if (checked.code() != code::kOk) co_return checked;
  if (request.offset() == 0) {
    absl::Status queued = ops_.MakeSnapshot({request.db(), request.name(), request.pid()});
    if (!queued.ok()) co_return Say(code::kCreateOpFailed, "create op failed");
    co_return Say(code::kOk, "ok");
  }
  const nameserver::TableInfo table = *catalog_.Find(request.db(), request.name());
  if (table.storage_mode() != openmldb::common::kMemory) {
    co_return Say(code::kUnsupported, "only for memory tables");
  }
  for (const auto& partition : table.table_partition()) {
    if (partition.pid() != request.pid()) continue;
    for (const auto& meta : partition.partition_meta()) {
      if (!meta.is_alive() || !registry_.Healthy(meta.endpoint())) continue;
      api::GeneralRequest snapshot;
      snapshot.set_tid(static_cast<int32_t>(table.tid()));
      snapshot.set_pid(static_cast<int32_t>(request.pid()));
      snapshot.set_offset(request.offset());
      (void)co_await context_.CallTablet<api::GeneralResponse>(registry_.Address(meta.endpoint()),
                                                               "MakeSnapshot", snapshot);
    }
  }
  co_return Say(code::kOk, "ok");
}

}  // namespace omdb::simulator
