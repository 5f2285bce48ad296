#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CATALOG_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CATALOG_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "name_server.pb.h"
#include "tests/simulator/model/nameserver_context.h"

namespace omdb::simulator {

namespace api = ::openmldb::api;
namespace nameserver = ::openmldb::nameserver;

// Databases and tables: the nameserver's memory, and what it wrote of it to ZooKeeper (F2). A
// standby has what was there when it started; only a new leader reads again (F1.4).
class TableCatalog {
 public:
  using Tables = std::map<std::string, nameserver::TableInfo>;  // by name

  explicit TableCatalog(NameServerContext& context) : context_(context) {}

  // Reads everything from ZooKeeper in place of what was in memory.
  absl::Status Load();
  // Creates the counters and folders that a fresh cluster lacks.
  absl::Status CreateLayout();

  std::set<std::string>& databases() { return databases_; }
  // By database; the order in which ops over all tables are created (M3).
  std::map<std::string, Tables>& tables() { return tables_; }

  // Null when there is none; valid until the table is dropped or Load.
  nameserver::TableInfo* Find(const std::string& db, const std::string& name);
  nameserver::TablePartition* FindPartition(const std::string& db, const std::string& name,
                                            uint32_t pid);
  static nameserver::TablePartition* FindPartition(nameserver::TableInfo& table, uint32_t pid);
  static nameserver::PartitionMeta* FindMeta(nameserver::TablePartition& partition,
                                             const std::string& endpoint);
  // The meta with is_leader and is_alive (F5.0); empty when there is none.
  static std::string AliveLeader(const nameserver::TablePartition& partition);

  absl::Status CreateDatabase(const std::string& db);
  absl::Status DropDatabase(const std::string& db);
  absl::Status AddTable(const nameserver::TableInfo& table);
  absl::Status RemoveTable(const std::string& db, const std::string& name);
  // Writes the table to ZooKeeper as it is in memory.
  absl::Status Save(const nameserver::TableInfo& table);
  // Tells tablets and SDKs to read the tables again.
  void NotifyTables() { Increment("/table/notify"); }
  void NotifyGlobalVariables() { Increment("/notify/global_variable"); }

  uint64_t term() const { return term_; }
  // The global term grows by 2 (F5.2). Returns the one before.
  absl::StatusOr<uint64_t> RaiseTerm();
  absl::StatusOr<uint32_t> NextTableId();
  absl::StatusOr<uint64_t> NextOpId();

 private:
  absl::Status EnsureNode(const std::string& path, const std::string& value);
  absl::StatusOr<uint64_t> ReadCounter(const std::string& path);
  void Increment(const std::string& path);
  std::string TablePath(uint32_t tid) const;

  NameServerContext& context_;
  std::set<std::string> databases_;
  std::map<std::string, Tables> tables_;
  uint64_t term_ = 1;
  uint64_t table_index_ = 1;
  uint64_t op_index_ = 0;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CATALOG_H_
