#include "operator/openmldb/convert.h"

#include <algorithm>
#include <utility>

#include "name_server.pb.h"
#include "tablet.pb.h"

namespace omdb {
namespace {

OpState ToOpState(const std::string& text) {
  if (text == "kInited") return OpState::kInited;
  if (text == "kDone") return OpState::kDone;
  if (text == "kFailed") return OpState::kFailed;
  if (text == "kCanceled") return OpState::kCanceled;
  return OpState::kDoing;
}

}  // namespace

Tablet ToTablet(const openmldb::nameserver::TabletStatus& message) {
  Tablet tablet;
  tablet.endpoint = message.endpoint();
  tablet.healthy = message.state() == "kHealthy";
  tablet.state_age = absl::Milliseconds(message.age());
  // Given only by servers with use_name; without it the endpoint is the address (F3.3).
  tablet.real_endpoint =
      message.real_endpoint().empty() ? message.endpoint() : message.real_endpoint();
  return tablet;
}

Partition ToPartition(PartitionId id, const openmldb::nameserver::TablePartition& message) {
  Partition partition;
  partition.id = std::move(id);
  for (const auto& meta : message.partition_meta()) {
    partition.replicas.push_back({.endpoint = meta.endpoint(),
                                  .is_leader = meta.is_leader(),
                                  .is_alive = meta.is_alive(),
                                  .tablet_has_partition = meta.tablet_has_partition(),
                                  .offset = meta.offset()});
  }
  for (const auto& pair : message.term_offset()) {
    partition.term_offsets.push_back({.term = pair.term(), .offset = pair.offset()});
  }
  return partition;
}

Table ToTable(const openmldb::nameserver::TableInfo& message) {
  Table table;
  table.db = message.db();
  table.name = message.name();
  table.tid = message.tid();
  table.replica_num = message.replica_num();
  table.seg_cnt = message.seg_cnt();
  table.storage_mode = ToStorageMode(message.storage_mode());
  table.base_table_tid = message.base_table_tid();
  for (const auto& partition : message.table_partition()) {
    table.partitions.push_back(
        ToPartition({table.db, table.name, table.tid, partition.pid()}, partition));
  }
  std::sort(table.partitions.begin(), table.partitions.end(),
            [](const Partition& a, const Partition& b) { return a.id.pid < b.id.pid; });
  return table;
}

Op ToOp(const openmldb::nameserver::OPStatus& message) {
  Op op;
  op.id = message.op_id();
  op.type = message.op_type();
  op.state = ToOpState(message.status());
  op.task = message.task_type();
  op.db = message.db();
  op.table = message.name();
  op.pid = message.pid();
  if (message.start_time() > 0)
    op.started = absl::FromUnixSeconds(static_cast<int64_t>(message.start_time()));
  if (message.end_time() > 0)
    op.ended = absl::FromUnixSeconds(static_cast<int64_t>(message.end_time()));
  return op;
}

ReplicaStatus ToReplicaStatus(const openmldb::api::TableStatus& message) {
  ReplicaStatus status;
  status.tid = message.tid();
  status.pid = message.pid();
  status.offset = message.offset();
  status.mode =
      message.mode() == openmldb::api::kTableLeader ? TableMode::kLeader : TableMode::kFollower;
  switch (message.state()) {
    case openmldb::api::kTableNormal:
      status.state = TableState::kNormal;
      break;
    case openmldb::api::kTableLoading:
      status.state = TableState::kLoading;
      break;
    case openmldb::api::kMakingSnapshot:
      status.state = TableState::kMakingSnapshot;
      break;
    case openmldb::api::kSnapshotPaused:
      status.state = TableState::kSnapshotPaused;
      break;
    case openmldb::api::kTableUndefined:
      status.state = TableState::kUndefined;
      break;
  }
  status.record_count = message.record_cnt();
  return status;
}

openmldb::api::LoadTableRequest ToLoadTableRequest(const LoadRequest& request) {
  openmldb::api::LoadTableRequest message;
  openmldb::api::TableMeta& meta = *message.mutable_table_meta();
  meta.set_tid(static_cast<int32_t>(request.partition.tid));
  meta.set_pid(static_cast<int32_t>(request.partition.pid));
  meta.set_name(request.partition.table);
  meta.set_db(request.partition.db);
  // Without a mode the partition would come back in the role it was created with (F5.6).
  meta.set_mode(request.mode == TableMode::kLeader ? openmldb::api::kTableLeader
                                                   : openmldb::api::kTableFollower);
  meta.set_term(request.term);
  meta.set_seg_cnt(static_cast<int32_t>(request.seg_cnt));
  meta.set_storage_mode(
      static_cast<openmldb::common::StorageMode>(ToStorageNumber(request.storage_mode)));
  for (const std::string& replica : request.replicas) meta.add_replicas(replica);
  return message;
}

int ToStorageNumber(StorageMode mode) {
  switch (mode) {
    case StorageMode::kMemory:
      return openmldb::common::kMemory;
    case StorageMode::kSsd:
      return openmldb::common::kSSD;
    case StorageMode::kHdd:
      return openmldb::common::kHDD;
  }
  return openmldb::common::kMemory;
}

StorageMode ToStorageMode(int number) {
  if (number == openmldb::common::kSSD) return StorageMode::kSsd;
  if (number == openmldb::common::kHDD) return StorageMode::kHdd;
  return StorageMode::kMemory;
}

}  // namespace omdb
