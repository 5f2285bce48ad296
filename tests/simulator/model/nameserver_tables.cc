#include "tests/simulator/model/nameserver_tables.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tablet.pb.h"
#include "tests/simulator/model/nameserver_codes.h"

namespace omdb::simulator {
namespace {

// A table of 8 partitions and 3 replicas is made in 0.04 to 0.13 s (M9).
constexpr absl::Duration kReplicaTime = absl::Milliseconds(3);

nameserver::GeneralResponse Say(int code, std::string message) {
  nameserver::GeneralResponse response;
  response.set_code(code);
  response.set_msg(std::move(message));
  return response;
}

bool IsFloating(openmldb::type::DataType type) {
  return type == openmldb::type::kFloat || type == openmldb::type::kDouble;
}

}  // namespace

bool TableMaker::HasContiguousPids(const nameserver::TableInfo& table) {
  std::set<uint32_t> pids;
  for (const nameserver::TablePartition& partition : table.table_partition()) {
    if (partition.partition_meta_size() == 0) return false;
    pids.insert(partition.pid());
  }
  return static_cast<int>(pids.size()) == table.table_partition_size() && !pids.empty() &&
         *pids.rbegin() + 1 == pids.size();
}

nameserver::GeneralResponse TableMaker::Complete(nameserver::TableInfo& table) {
  std::set<std::string> columns;
  for (const auto& column : table.column_desc()) columns.insert(column.name());
  if (columns.empty() || static_cast<int>(columns.size()) != table.column_desc_size()) {
    return Say(code::kInvalidParameter, "invalid columns");
  }
  if (table.column_key_size() == 0) {
    for (const auto& column : table.column_desc()) {
      if (IsFloating(column.data_type())) continue;
      auto* key = table.add_column_key();
      key->set_index_name(column.name());
      key->add_col_name(column.name());
      break;
    }
  }
  for (const auto& key : table.column_key()) {
    bool known = key.col_name_size() > 0;
    for (const std::string& column : key.col_name()) known = known && columns.contains(column);
    if (key.has_ts_name() && !key.ts_name().empty())
      known = known && columns.contains(key.ts_name());
    if (!known) return Say(code::kInvalidParameter, "invalid index");
  }
  if (table.table_partition_size() > 0) {
    if (!HasContiguousPids(table)) return Say(code::kInvalidParameter, "invalid partitions");
    for (auto& partition : *table.mutable_table_partition()) {
      for (auto& meta : *partition.mutable_partition_meta()) {
        if (!registry_.Healthy(meta.endpoint())) {
          return Say(code::kSetPartitionInfoFailed, "set partition info failed");
        }
        meta.set_is_alive(true);
      }
    }
    table.set_partition_num(table.table_partition_size());
    if (!table.has_replica_num()) {
      table.set_replica_num(table.table_partition(0).partition_meta_size());
    }
    return Say(code::kOk, "ok");
  }
  return Place(table);
}

// Round robin over the healthy tablets in some order; the leader goes to the replica whose tablet
// leads the fewest partitions of the database (F3.5).
nameserver::GeneralResponse TableMaker::Place(nameserver::TableInfo& table) {
  std::vector<std::string> tablets = registry_.HealthyNames();
  const uint32_t partitions =
      table.partition_num() > 0 ? table.partition_num() : context_.options.partition_num;
  const uint32_t replicas = table.replica_num() > 0
                                ? table.replica_num()
                                : std::min<uint32_t>(context_.options.replica_num, tablets.size());
  if (tablets.empty() || tablets.size() < replicas) {
    return Say(code::kSetPartitionInfoFailed, "not enough healthy tablets");
  }
  std::map<std::string, int> leaders;
  for (const auto& [name, other] : catalog_.tables()[table.db()]) {
    for (const auto& partition : other.table_partition()) {
      ++leaders[TableCatalog::AliveLeader(partition)];
    }
  }
  std::shuffle(tablets.begin(), tablets.end(), context_.executor.random());
  size_t next = 0;
  for (uint32_t pid = 0; pid < partitions; ++pid) {
    nameserver::TablePartition* partition = table.add_table_partition();
    partition->set_pid(pid);
    nameserver::PartitionMeta* leader = nullptr;
    for (uint32_t i = 0; i < replicas; ++i) {
      nameserver::PartitionMeta* meta = partition->add_partition_meta();
      meta->set_endpoint(tablets[next++ % tablets.size()]);
      meta->set_is_leader(false);
      meta->set_is_alive(true);
    }
    for (auto& meta : *partition->mutable_partition_meta()) {
      if (leader == nullptr || leaders[meta.endpoint()] < leaders[leader->endpoint()]) {
        leader = &meta;
      }
    }
    leader->set_is_leader(true);
    ++leaders[leader->endpoint()];
  }
  table.set_partition_num(partitions);
  table.set_replica_num(replicas);
  return Say(code::kOk, "ok");
}

api::TableMeta TableMaker::MetaFor(const nameserver::TableInfo& table,
                                   const nameserver::TablePartition& partition, bool leader) {
  api::TableMeta meta;
  meta.set_tid(static_cast<int32_t>(table.tid()));
  meta.set_pid(static_cast<int32_t>(partition.pid()));
  meta.set_name(table.name());
  meta.set_db(table.db());
  meta.set_seg_cnt(static_cast<int32_t>(table.seg_cnt()));
  meta.set_mode(leader ? api::kTableLeader : api::kTableFollower);
  meta.set_term(partition.term_offset(0).term());
  meta.set_compress_type(table.compress_type());
  if (table.has_key_entry_max_height()) {
    meta.set_key_entry_max_height(table.key_entry_max_height());
  }
  *meta.mutable_column_desc() = table.column_desc();
  *meta.mutable_column_key() = table.column_key();
  *meta.mutable_added_column_desc() = table.added_column_desc();
  *meta.mutable_schema_versions() = table.schema_versions();
  meta.set_format_version(table.format_version());
  meta.set_storage_mode(table.storage_mode());
  meta.set_base_table_tid(table.base_table_tid());
  for (const auto& other : table.table_partition()) {
    auto* known = meta.add_table_partition();
    known->set_pid(other.pid());
    for (const auto& replica : other.partition_meta()) {
      auto* entry = known->add_partition_meta();
      entry->set_endpoint(replica.endpoint());
      entry->set_is_leader(replica.is_leader());
      entry->set_is_alive(replica.is_alive());
    }
  }
  if (leader) {
    for (const auto& replica : partition.partition_meta()) {
      if (!replica.is_leader()) meta.add_replicas(replica.endpoint());
    }
  }
  return meta;
}

Task<bool> TableMaker::CreateOnTablets(nameserver::TableInfo table, bool leaders) {
  for (const auto& partition : table.table_partition()) {
    for (const auto& replica : partition.partition_meta()) {
      if (replica.is_leader() != leaders) continue;
      api::CreateTableRequest request;
      *request.mutable_table_meta() = MetaFor(table, partition, leaders);
      co_await Delay(context_.executor, kReplicaTime);
      absl::StatusOr<api::CreateTableResponse> answer =
          co_await context_.CallTablet<api::CreateTableResponse>(
              registry_.Address(replica.endpoint()), "CreateTable", std::move(request));
      if (!answer.ok() || answer->code() != 0) co_return false;
    }
  }
  co_return true;
}

Task<nameserver::GeneralResponse> TableMaker::Create(nameserver::TableInfo table) {
  nameserver::GeneralResponse complete = Complete(table);
  if (complete.code() != code::kOk) co_return complete;
  absl::StatusOr<uint32_t> tid = catalog_.NextTableId();
  if (!tid.ok()) co_return Say(code::kSetZkFailed, "set zk failed");
  table.set_tid(*tid);
  for (auto& partition : *table.mutable_table_partition()) {
    partition.clear_term_offset();
    nameserver::TermPair* start = partition.add_term_offset();
    start->set_term(catalog_.term());
    start->set_offset(0);
  }
  if (table.schema_versions_size() == 0) {
    auto* version = table.add_schema_versions();
    version->set_id(1);
    version->set_field_count(table.column_desc_size());
  }
  // Followers first, so that the leaders find them.
  bool made = co_await CreateOnTablets(table, /*leaders=*/false);
  if (made) made = co_await CreateOnTablets(table, /*leaders=*/true);
  if (!made) co_return Say(code::kCreateTableOnTabletFailed, "create table failed on tablet");
  if (catalog_.Find(table.db(), table.name()) != nullptr) {
    co_return Say(code::kTableExists, "table already exists");  // made meanwhile, #3121
  }
  if (!catalog_.AddTable(table).ok()) co_return Say(code::kSetZkFailed, "set zk failed");
  co_return Say(code::kOk, "ok");
}

Task<nameserver::GeneralResponse> TableMaker::Drop(std::string db, std::string name) {
  const nameserver::TableInfo table = *catalog_.Find(db, name);
  if (!catalog_.RemoveTable(db, name).ok()) co_return Say(code::kSetZkFailed, "set zk failed");
  for (const auto& partition : table.table_partition()) {
    for (const auto& replica : partition.partition_meta()) {
      if (!replica.is_alive() || !registry_.Healthy(replica.endpoint())) continue;
      api::DropTableRequest request;
      request.set_tid(static_cast<int32_t>(table.tid()));
      request.set_pid(static_cast<int32_t>(partition.pid()));
      (void)co_await context_.CallTablet<api::DropTableResponse>(
          registry_.Address(replica.endpoint()), "DropTable", request);
    }
  }
  co_return Say(code::kOk, "ok");
}

}  // namespace omdb::simulator
