#include "operator/openmldb/table_list.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "name_server.pb.h"
#include "operator/openmldb/convert.h"

namespace omdb {
namespace {

namespace ns = openmldb::nameserver;
using Stub = ns::NameServer::Stub;

// ShowDatabase hides them (F5.12).
constexpr const char* kInternalDatabases[] = {"INFORMATION_SCHEMA", "__INTERNAL_DB",
                                              "__PRE_AGG_DB"};

}  // namespace

absl::StatusOr<std::vector<Table>> TableList::Read() {
  TablesByTid by_tid;
  absl::Status status;
  if (!too_large_) {
    ns::ShowTableRequest request;
    request.set_show_all(true);
    status = Add(request, "ShowTable", &by_tid);
    if (absl::IsResourceExhausted(status)) too_large_ = true;
  }
  if (too_large_) status = AddByDatabase(&by_tid);
  if (!status.ok()) return status;
  std::vector<Table> tables;
  for (auto& [tid, table] : by_tid) tables.push_back(std::move(table));
  std::sort(tables.begin(), tables.end(), [](const Table& a, const Table& b) {
    return std::tie(a.db, a.name) < std::tie(b.db, b.name);
  });
  return tables;
}

absl::StatusOr<Table> TableList::Read(const std::string& db, const std::string& name) {
  TablesByTid by_tid;
  if (absl::Status status = AddOne(db, name, &by_tid); !status.ok()) return status;
  for (auto& [tid, table] : by_tid) {
    if (table.db == db && table.name == name) return std::move(table);
  }
  return absl::NotFoundError(absl::StrCat("there is no table ", db, ".", name));
}

absl::Status TableList::Add(const ns::ShowTableRequest& request, const std::string& what,
                            TablesByTid* tables) {
  const auto response = leader_.Call<ns::ShowTableResponse>(
      &Stub::PrepareAsyncShowTable, request, what, leader_.Options(Effect::kRepeatable));
  if (!response.ok()) return response.status();
  for (const ns::TableInfo& info : response->table_info()) {
    tables->insert_or_assign(info.tid(), ToTable(info));
  }
  return absl::OkStatus();
}

absl::Status TableList::AddOne(const std::string& db, const std::string& name,
                               TablesByTid* tables) {
  ns::ShowTableRequest request;
  request.set_db(db);
  request.set_name(name);
  return Add(request, absl::StrCat("ShowTable of ", db, ".", name), tables);
}

absl::Status TableList::AddByDatabase(TablesByTid* tables) {
  auto databases =
      leader_.Call<ns::ShowDatabaseResponse>(&Stub::PrepareAsyncShowDatabase, ns::GeneralRequest(),
                                             "ShowDatabase", leader_.Options(Effect::kRepeatable));
  if (!databases.ok()) return databases.status();
  for (const char* internal : kInternalDatabases) databases->add_db(internal);
  for (const std::string& db : databases->db()) {
    ns::ShowTableRequest request;
    request.set_db(db);
    absl::Status status = Add(request, absl::StrCat("ShowTable of database ", db), tables);
    if (absl::IsResourceExhausted(status)) status = AddByName(db, tables);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// The names of the database's tables come from ZooKeeper: no call lists names alone.
absl::Status TableList::AddByName(const std::string& db, TablesByTid* tables) {
  absl::StatusOr<std::vector<std::string>> stored = discovery_.StoredTables();
  if (!stored.ok()) return stored.status();
  for (const std::string& value : *stored) {
    ns::TableInfo info;
    if (!info.ParseFromString(value)) {
      return absl::InternalError(
          "a node below /table/db_table_data in ZooKeeper holds no table; check whether the "
          "cluster's version is supported");
    }
    if (info.db() != db) continue;
    if (absl::Status status = AddOne(db, info.name(), tables); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace omdb
