#include "tests/simulator/model/op_factory.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace omdb::simulator {

absl::Status OpFactory::Create(api::OPType type, const PartitionKey& partition, std::string data,
                               uint32_t concurrency, const Op* parent) {
  OpEngine::Request request;
  request.type = type;
  request.db = partition.db;
  request.table = partition.table;
  request.pid = partition.pid;
  request.data = std::move(data);
  request.concurrency = concurrency;
  request.parent = parent;
  return engine_.Create(std::move(request));
}

absl::Status OpFactory::ChangeLeader(const PartitionKey& partition, const std::string& candidate,
                                     bool restore, uint32_t concurrency) {
  nameserver::TableInfo* table = catalog_.Find(partition.db, partition.table);
  nameserver::TablePartition* entry =
      table == nullptr ? nullptr : TableCatalog::FindPartition(*table, partition.pid);
  if (entry == nullptr) return absl::NotFoundError("no such partition");
  std::vector<std::string> followers;
  for (const nameserver::PartitionMeta& meta : entry->partition_meta()) {
    if (!meta.is_alive()) continue;
    if (!meta.is_leader() && registry_.Healthy(meta.endpoint())) {
      followers.push_back(meta.endpoint());
    }
  }
  if (restore && !candidate.empty()) followers.push_back(candidate);
  if (followers.empty()) return absl::OkStatus();
  nameserver::ChangeLeaderData data;
  if (!candidate.empty() && candidate != "auto") {
    if (std::find(followers.begin(), followers.end(), candidate) == followers.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(candidate, " is no alive follower on a healthy tablet"));
    }
    data.set_candidate_leader(candidate);
  }
  data.set_db(partition.db);
  data.set_name(partition.table);
  data.set_tid(table->tid());
  data.set_pid(partition.pid);
  *data.mutable_follower() = {followers.begin(), followers.end()};
  return Create(api::kChangeLeaderOP, partition, data.SerializeAsString(), concurrency);
}

absl::Status OpFactory::OfflineReplica(const PartitionKey& partition, const std::string& endpoint,
                                       uint32_t concurrency) {
  return Create(api::kOfflineReplicaOP, partition, endpoint, concurrency);
}

absl::Status OpFactory::UpdatePartitionStatus(const PartitionKey& partition,
                                              const std::string& endpoint, bool is_leader,
                                              bool is_alive, uint32_t concurrency,
                                              const Op* parent) {
  nameserver::EndpointStatusData data;
  data.set_endpoint(endpoint);
  data.set_is_leader(is_leader);
  data.set_is_alive(is_alive);
  return Create(api::kUpdatePartitionStatusOP, partition, data.SerializeAsString(), concurrency,
                parent);
}

absl::Status OpFactory::RecoverTable(const PartitionKey& partition, const std::string& endpoint,
                                     bool is_leader, uint64_t lag_allowed, uint32_t concurrency) {
  nameserver::RecoverTableData data;
  data.set_endpoint(endpoint);
  data.set_is_leader(is_leader);
  data.set_offset_delta(lag_allowed);
  data.set_concurrency(concurrency);
  return Create(api::kRecoverTableOP, partition, data.SerializeAsString(), concurrency);
}

absl::Status OpFactory::ReAddReplica(api::OPType type, const std::string& endpoint,
                                     uint64_t lag_allowed, const Op& parent) {
  nameserver::RecoverTableData data;
  data.set_endpoint(endpoint);
  data.set_offset_delta(lag_allowed);
  return Create(type, KeyOf(parent), data.SerializeAsString(), 0, &parent);
}

absl::Status OpFactory::ReLoadTable(const std::string& endpoint, const Op& parent) {
  return Create(api::kReLoadTableOP, KeyOf(parent), endpoint, 0, &parent);
}

absl::Status OpFactory::AddReplica(const PartitionKey& partition, const std::string& endpoint) {
  nameserver::AddReplicaData data;
  data.set_db(partition.db);
  data.set_name(partition.table);
  data.set_pid(partition.pid);
  data.set_endpoint(endpoint);
  return Create(api::kAddReplicaOP, partition, data.SerializeAsString(), /*concurrency=*/1);
}

absl::Status OpFactory::DelReplica(const PartitionKey& partition, const std::string& endpoint) {
  return Create(api::kDelReplicaOP, partition, endpoint, 0);
}

absl::Status OpFactory::Migrate(const PartitionKey& partition, const std::string& from,
                                const std::string& to) {
  nameserver::MigrateInfo data;
  data.set_src_endpoint(from);
  data.set_des_endpoint(to);
  return Create(api::kMigrateOP, partition, data.SerializeAsString(), 0);
}

absl::Status OpFactory::MakeSnapshot(const PartitionKey& partition) {
  nameserver::MakeSnapshotNSRequest data;
  data.set_db(partition.db);
  data.set_name(partition.table);
  data.set_pid(partition.pid);
  return Create(api::kMakeSnapshotOP, partition, data.SerializeAsString(), 0);
}

}  // namespace omdb::simulator
