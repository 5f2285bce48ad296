#include "tests/simulator/model/nameserver_catalog.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace omdb::simulator {

absl::Status TableCatalog::EnsureNode(const std::string& path, const std::string& value) {
  absl::StatusOr<std::string> created =
      context_.zk.Create(context_.Path(path), value, NodeMode::kPersistent);
  if (!created.ok() && !absl::IsAlreadyExists(created.status())) return created.status();
  return absl::OkStatus();
}

absl::Status TableCatalog::CreateLayout() {
  const std::pair<const char*, const char*> nodes[] = {
      {"/table/table_index", "1"},
      {"/table/term", "1"},
      {"/table/notify", "1"},
      {"/table/db_table_data", ""},
      {"/table/table_data", ""},
      {"/notify/global_variable", "1"},
      {"/op/op_index", "0"},
      {"/op/op_data", ""},
      {"/db", ""},
      {"/data/function", ""},
      {"/store_procedure/db_sp_data", ""},
      {"/map/names", ""},
      {"/map/sdkendpoints", ""},
  };
  for (const auto& [path, value] : nodes) {
    absl::Status made = EnsureNode(path, value);
    if (!made.ok()) return made;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> TableCatalog::ReadCounter(const std::string& path) {
  absl::StatusOr<std::string> text = context_.zk.Get(context_.Path(path));
  if (!text.ok()) return text.status();
  uint64_t value = 0;
  if (!absl::SimpleAtoi(*text, &value)) {
    return absl::DataLossError(absl::StrCat(path, " is not a number: ", *text));
  }
  return value;
}

absl::Status TableCatalog::Load() {
  absl::StatusOr<uint64_t> term = ReadCounter("/table/term");
  absl::StatusOr<uint64_t> table_index = ReadCounter("/table/table_index");
  absl::StatusOr<uint64_t> op_index = ReadCounter("/op/op_index");
  // A fresh cluster has none of them.
  for (const auto& read : {term, table_index, op_index}) {
    if (!read.ok() && !absl::IsNotFound(read.status())) return read.status();
  }
  absl::StatusOr<std::vector<std::string>> databases = context_.zk.Children(context_.Path("/db"));
  if (!databases.ok()) return databases.status();
  absl::StatusOr<std::vector<std::string>> ids =
      context_.zk.Children(context_.Path("/table/db_table_data"));
  if (!ids.ok()) return ids.status();
  term_ = term.value_or(1);
  table_index_ = table_index.value_or(1);
  op_index_ = op_index.value_or(0);
  databases_ = {databases->begin(), databases->end()};
  tables_.clear();
  for (const std::string& id : *ids) {
    absl::StatusOr<std::string> value =
        context_.zk.Get(context_.Path(absl::StrCat("/table/db_table_data/", id)));
    nameserver::TableInfo table;
    if (!value.ok() || !table.ParseFromString(*value)) continue;
    if (databases_.contains(table.db())) tables_[table.db()][table.name()] = std::move(table);
  }
  return absl::OkStatus();
}

nameserver::TableInfo* TableCatalog::Find(const std::string& db, const std::string& name) {
  auto in_db = tables_.find(db);
  if (in_db == tables_.end()) return nullptr;
  auto table = in_db->second.find(name);
  return table == in_db->second.end() ? nullptr : &table->second;
}

nameserver::TablePartition* TableCatalog::FindPartition(const std::string& db,
                                                        const std::string& name, uint32_t pid) {
  nameserver::TableInfo* table = Find(db, name);
  return table == nullptr ? nullptr : FindPartition(*table, pid);
}

nameserver::TablePartition* TableCatalog::FindPartition(nameserver::TableInfo& table,
                                                        uint32_t pid) {
  for (nameserver::TablePartition& partition : *table.mutable_table_partition()) {
    if (partition.pid() == pid) return &partition;
  }
  return nullptr;
}

nameserver::PartitionMeta* TableCatalog::FindMeta(nameserver::TablePartition& partition,
                                                  const std::string& endpoint) {
  for (nameserver::PartitionMeta& meta : *partition.mutable_partition_meta()) {
    if (meta.endpoint() == endpoint) return &meta;
  }
  return nullptr;
}

std::string TableCatalog::AliveLeader(const nameserver::TablePartition& partition) {
  for (const nameserver::PartitionMeta& meta : partition.partition_meta()) {
    if (meta.is_leader() && meta.is_alive()) return meta.endpoint();
  }
  return "";
}

absl::Status TableCatalog::CreateDatabase(const std::string& db) {
  absl::Status made = EnsureNode(absl::StrCat("/db/", db), "");
  if (made.ok()) databases_.insert(db);
  return made;
}

absl::Status TableCatalog::DropDatabase(const std::string& db) {
  absl::Status deleted = context_.zk.Delete(context_.Path(absl::StrCat("/db/", db)));
  if (!deleted.ok()) return deleted;
  databases_.erase(db);
  tables_.erase(db);
  return deleted;
}

std::string TableCatalog::TablePath(uint32_t tid) const {
  return context_.Path(absl::StrCat("/table/db_table_data/", tid));
}

absl::Status TableCatalog::AddTable(const nameserver::TableInfo& table) {
  absl::StatusOr<std::string> created =
      context_.zk.Create(TablePath(table.tid()), table.SerializeAsString(), NodeMode::kPersistent);
  if (!created.ok()) return created.status();
  tables_[table.db()][table.name()] = table;
  NotifyTables();
  return absl::OkStatus();
}

absl::Status TableCatalog::RemoveTable(const std::string& db, const std::string& name) {
  nameserver::TableInfo* table = Find(db, name);
  if (table == nullptr) return absl::NotFoundError(absl::StrCat("no table ", db, ".", name));
  absl::Status deleted = context_.zk.Delete(TablePath(table->tid()));
  if (!deleted.ok()) return deleted;
  tables_[db].erase(name);
  NotifyTables();
  return deleted;
}

absl::Status TableCatalog::Save(const nameserver::TableInfo& table) {
  return context_.zk.Set(TablePath(table.tid()), table.SerializeAsString());
}

void TableCatalog::Increment(const std::string& path) {
  absl::StatusOr<uint64_t> value = ReadCounter(path);
  if (value.ok()) context_.zk.Set(context_.Path(path), absl::StrCat(*value + 1)).IgnoreError();
}

absl::StatusOr<uint64_t> TableCatalog::RaiseTerm() {
  absl::Status set = context_.zk.Set(context_.Path("/table/term"), absl::StrCat(term_ + 2));
  if (!set.ok()) return set;
  return std::exchange(term_, term_ + 2);
}

absl::StatusOr<uint32_t> TableCatalog::NextTableId() {
  absl::Status set =
      context_.zk.Set(context_.Path("/table/table_index"), absl::StrCat(table_index_ + 1));
  if (!set.ok()) return set;
  return ++table_index_;
}

absl::StatusOr<uint64_t> TableCatalog::NextOpId() {
  absl::Status set = context_.zk.Set(context_.Path("/op/op_index"), absl::StrCat(op_index_ + 1));
  if (!set.ok()) return set;
  return ++op_index_;
}

}  // namespace omdb::simulator
