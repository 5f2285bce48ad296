// Requests about databases, tables and the entries of partitions.
#include "tests/simulator/model/nameserver_impl.h"

namespace omdb::simulator {

void NameServer::Impl::RegisterSchemaMethods() {
  On("CreateDatabase", &Impl::CreateDatabase);
  On("UseDatabase", &Impl::UseDatabase);
  On("DropDatabase", &Impl::DropDatabase);
  On("ShowDatabase", &Impl::ShowDatabase);
  On("CreateTable", &Impl::CreateTable);
  On("DropTable", &Impl::DropTable);
  On("ShowTable", &Impl::ShowTable);
  On("GetTablePartition", &Impl::GetTablePartition);
  const absl::Duration write = context_.options.zookeeper_write_time;
  On("SetTablePartition", &Impl::SetTablePartition, write);
  On("UpdateTableAliveStatus", &Impl::UpdateTableAliveStatus, 2 * write);
}

NameServer::Impl::General NameServer::Impl::CreateDatabase(
    const nameserver::CreateDatabaseRequest& request) {
  if (request.db().empty()) return Say(code::kInvalidParameter, "db is empty");
  if (catalog_.databases().contains(request.db())) {
    if (request.if_not_exists()) return Say(code::kOk, "ok");
    return Say(code::kDatabaseExists, "database already exists");
  }
  if (!catalog_.CreateDatabase(request.db()).ok()) {
    return Say(code::kSetZkFailed, "set zk failed");
  }
  return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::UseDatabase(
    const nameserver::UseDatabaseRequest& request) {
  if (!catalog_.databases().contains(request.db())) {
    return Say(code::kDatabaseNotFound, "database not found");
  }
  return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::DropDatabase(
    const nameserver::DropDatabaseRequest& request) {
  if (!catalog_.databases().contains(request.db())) {
    return Say(code::kDatabaseNotFound, "database not found");
  }
  auto tables = catalog_.tables().find(request.db());
  if (tables != catalog_.tables().end() && !tables->second.empty()) {
    return Say(code::kDatabaseNotEmpty, "database is not empty");
  }
  if (!catalog_.DropDatabase(request.db()).ok()) return Say(code::kSetZkFailed, "set zk failed");
  return Say(code::kOk, "ok");
}

nameserver::ShowDatabaseResponse NameServer::Impl::ShowDatabase(const nameserver::GeneralRequest&) {
  nameserver::ShowDatabaseResponse response;
  for (const std::string& db : catalog_.databases()) {
    if (db != kInternalDb && db != kPreAggDb && db != kInformationSchemaDb) response.add_db(db);
  }
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

Task<NameServer::Impl::General> NameServer::Impl::CreateTable(
    nameserver::CreateTableRequest request) {
  const nameserver::TableInfo& table = request.table_info();
  if (table.db().empty() || !catalog_.databases().contains(table.db())) {
    co_return Say(code::kDatabaseNotFound, "database not found");
  }
  if (table.name().empty()) co_return Say(code::kInvalidParameter, "table name is empty");
  if (catalog_.Find(table.db(), table.name()) != nullptr) {
    if (request.create_if_not_exist()) co_return Say(code::kOk, "ok");
    co_return Say(code::kTableExists, "table already exists");
  }
  co_return co_await table_maker_.Create(table);
}

Task<NameServer::Impl::General> NameServer::Impl::DropTable(nameserver::DropTableRequest request) {
  if (catalog_.Find(request.db(), request.name()) == nullptr) {
    co_return Say(code::kTableNotExist, "table does not exist");
  }
  for (const std::shared_ptr<const Op>& listed : engine_.List()) {
    std::shared_ptr<Op> op = engine_.FindUnfinished(listed->info.op_id());
    if (op != nullptr && op->info.db() == request.db() && op->info.name() == request.name()) {
      engine_.Cancel(*op);
    }
  }
  co_return co_await table_maker_.Drop(request.db(), request.name());
}

nameserver::ShowTableResponse NameServer::Impl::ShowTable(
    const nameserver::ShowTableRequest& request) {
  nameserver::ShowTableResponse response;
  for (const auto& [db, tables] : catalog_.tables()) {
    if (!request.show_all() && db != request.db()) continue;
    for (const auto& [name, table] : tables) {
      // A filter whenever it is there, even if empty (F3.3).
      if (request.has_name() && name != request.name()) continue;
      nameserver::TableInfo* shown = response.add_table_info();
      *shown = table;
      shown->clear_column_key();
      for (const auto& key : table.column_key()) {
        if (key.flag() == 0) *shown->add_column_key() = key;
      }
    }
  }
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

nameserver::GetTablePartitionResponse NameServer::Impl::GetTablePartition(
    const nameserver::GetTablePartitionRequest& request) {
  nameserver::GetTablePartitionResponse response;
  nameserver::TableInfo* table = catalog_.Find(request.db(), request.name());
  if (table == nullptr) {
    response.set_code(code::kTableNotExist);
    response.set_msg("table does not exist");
    return response;
  }
  const nameserver::TablePartition* partition = TableCatalog::FindPartition(*table, request.pid());
  if (partition != nullptr) *response.mutable_table_partition() = *partition;
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

// Nothing is checked and nobody is notified (F3.3, M12).
NameServer::Impl::General NameServer::Impl::SetTablePartition(
    const nameserver::SetTablePartitionRequest& request) {
  if (context_.auto_failover) {
    return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  nameserver::TableInfo* table = catalog_.Find(request.db(), request.name());
  if (table == nullptr) return Say(code::kTableNotExist, "table does not exist");
  nameserver::TableInfo changed = *table;
  nameserver::TablePartition* partition =
      TableCatalog::FindPartition(changed, request.table_partition().pid());
  if (partition == nullptr) return Say(code::kOk, "ok");
  *partition = request.table_partition();
  if (!catalog_.Save(changed).ok()) return Say(code::kSetZkFailed, "set zk failed");
  *table = changed;
  return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::UpdateTableAliveStatus(
    const nameserver::UpdateTableAliveRequest& request) {
  if (context_.auto_failover) {
    return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  if (registry_.Find(request.endpoint()) == nullptr) {
    return Say(code::kEndpointNotExist, "endpoint does not exist");
  }
  nameserver::TableInfo* table = catalog_.Find(request.db(), request.name());
  if (table == nullptr) return Say(code::kTableNotExist, "table does not exist");
  nameserver::TableInfo changed = *table;
  bool updated = false;
  for (nameserver::TablePartition& partition : *changed.mutable_table_partition()) {
    if (request.has_pid() && partition.pid() != request.pid()) continue;
    nameserver::PartitionMeta* meta = TableCatalog::FindMeta(partition, request.endpoint());
    if (meta == nullptr) continue;
    meta->set_is_alive(request.is_alive());
    updated = true;
  }
  if (!updated) return Say(code::kNoPidUpdated, "no pid has been updated");
  if (!catalog_.Save(changed).ok()) return Say(code::kSetZkFailed, "set zk failed");
  *table = changed;
  catalog_.NotifyTables();
  return Say(code::kOk, "ok");
}

}  // namespace omdb::simulator
