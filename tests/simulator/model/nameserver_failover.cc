#include "tests/simulator/model/nameserver_failover.h"

#include "absl/status/statusor.h"
#include "absl/strings/match.h"

namespace omdb::simulator {

void Failover::OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) {
  for (auto& [db, tables] : catalog_.tables()) {
    for (auto& [name, table] : tables) {
      for (nameserver::TablePartition& partition : *table.mutable_table_partition()) {
        const nameserver::PartitionMeta* meta = TableCatalog::FindMeta(partition, endpoint);
        if (meta == nullptr) continue;
        const PartitionKey key{db, name, partition.pid()};
        const std::string leader = TableCatalog::AliveLeader(partition);
        absl::Status queued;  // a partition without op is nobody's concern (F5.3)
        if (partition.partition_meta_size() == 1) {
          queued = ops_.UpdatePartitionStatus(key, endpoint, /*is_leader=*/true,
                                              /*is_alive=*/false, concurrency, nullptr);
        } else if (leader.empty() || leader == endpoint) {
          queued = ops_.ChangeLeader(key, "", /*restore=*/false, concurrency);
        } else if (!meta->is_leader()) {
          queued = ops_.OfflineReplica(key, endpoint, concurrency);
        }
        queued.IgnoreError();
      }
    }
  }
}

void Failover::RecoverEndpoint(const std::string& endpoint, bool need_restore,
                               uint32_t concurrency) {
  const uint64_t usual_lag = context_.options.check_binlog_sync_progress_delta;
  bool has_global_variables = false;
  for (auto& [db, tables] : catalog_.tables()) {
    for (auto& [name, table] : tables) {
      for (nameserver::TablePartition& partition : *table.mutable_table_partition()) {
        const nameserver::PartitionMeta* meta = TableCatalog::FindMeta(partition, endpoint);
        if (meta == nullptr) continue;
        if (name == "GLOBAL_VARIABLES") has_global_variables = true;
        if (meta->is_alive() && partition.partition_meta_size() > 1) continue;
        const PartitionKey key{db, name, partition.pid()};
        const bool is_leader = meta->is_leader();
        ops_.RecoverTable(key, endpoint, is_leader, need_restore ? 0 : usual_lag, concurrency)
            .IgnoreError();
        if (need_restore && is_leader) {
          ops_.ChangeLeader(key, endpoint, /*restore=*/true, concurrency).IgnoreError();
          ops_.RecoverTable(key, kOfflineLeader, /*is_leader=*/true, usual_lag, concurrency)
              .IgnoreError();
        }
      }
    }
  }
  if (!has_global_variables) catalog_.NotifyGlobalVariables();
}

int Failover::CountReplicas(const std::string& endpoint, bool alive_too) const {
  int count = 0;
  for (auto& [db, tables] : catalog_.tables()) {
    for (auto& [name, table] : tables) {
      for (nameserver::TablePartition& partition : *table.mutable_table_partition()) {
        const nameserver::PartitionMeta* meta = TableCatalog::FindMeta(partition, endpoint);
        if (meta == nullptr) continue;
        if (alive_too || !meta->is_alive() || partition.partition_meta_size() == 1) ++count;
      }
    }
  }
  return count;
}

void Failover::OnOffline(const std::string& endpoint) {
  const bool watched = !offline_since_.try_emplace(endpoint).second;
  offline_since_[endpoint] = context_.executor.Now();
  if (!watched && context_.leading) WatchOffline(endpoint);
}

void Failover::OnOnline(const std::string& endpoint) {
  queue_.Add([this, endpoint] { return ComeBack(endpoint); });
}

void Failover::RecoverOfflineTablets() {
  offline_since_.clear();
  for (const auto& [name, tablet] : registry_.tablets()) {
    if (tablet.healthy) continue;
    offline_since_[name] = tablet.since;
    WatchOffline(name);
  }
}

void Failover::WatchOffline(const std::string& endpoint) {
  context_.scope->Post(context_.options.tablet_offline_check_interval, [this, endpoint] {
    queue_.Add([this, endpoint] { return CheckOffline(endpoint, /*restarted=*/false); });
  });
}

Task<void> Failover::CheckOffline(std::string endpoint, bool restarted) {
  auto since = offline_since_.find(endpoint);
  if (!context_.leading || since == offline_since_.end()) co_return;
  if (!restarted) {
    if (registry_.Healthy(endpoint)) co_return;
    if (context_.executor.Now() < since->second + context_.options.tablet_heartbeat_timeout) {
      WatchOffline(endpoint);
      co_return;
    }
  }
  // Off at this moment, nobody looks again when it is on later (F5.10).
  if (!context_.auto_failover) co_return;
  MarkNotAlive(endpoint);
  OfflineEndpoint(endpoint, context_.options.name_server_task_concurrency);
}

Task<void> Failover::ComeBack(std::string endpoint) {
  if (!context_.leading) co_return;
  if (!context_.auto_failover) {
    offline_since_.erase(endpoint);
    co_return;
  }
  auto since = offline_since_.find(endpoint);
  if (since == offline_since_.end()) co_return;
  absl::StatusOr<std::string> value = context_.zk.Get(context_.Path("/nodes/") + endpoint);
  if (!value.ok()) {
    offline_since_.erase(since);
    co_return;
  }
  const bool restarted = absl::StartsWith(*value, "startup_");
  const absl::Duration away = context_.executor.Now() - since->second;
  if (!restarted && away < context_.options.tablet_heartbeat_timeout) {
    offline_since_.erase(since);
    co_return;
  }
  if (restarted) co_await CheckOffline(endpoint, /*restarted=*/true);
  RecoverEndpoint(endpoint, /*need_restore=*/false, context_.options.name_server_task_concurrency);
  offline_since_.erase(endpoint);
}

void Failover::MarkNotAlive(const std::string& endpoint) {
  bool changed_any = false;
  for (auto& [db, tables] : catalog_.tables()) {
    for (auto& [name, table] : tables) {
      bool changed = false;
      for (nameserver::TablePartition& partition : *table.mutable_table_partition()) {
        int alive = 0;
        for (const auto& meta : partition.partition_meta()) alive += meta.is_alive() ? 1 : 0;
        nameserver::PartitionMeta* meta = TableCatalog::FindMeta(partition, endpoint);
        if (meta == nullptr || !meta->is_alive() || alive == 1) continue;
        meta->set_is_alive(false);
        changed = true;
      }
      if (changed) catalog_.Save(table).IgnoreError();
      changed_any = changed_any || changed;
    }
  }
  if (changed_any) catalog_.NotifyTables();
}

}  // namespace omdb::simulator
