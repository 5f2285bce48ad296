#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_TABLES_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_TABLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "name_server.pb.h"
#include "tests/simulator/model/nameserver_catalog.h"
#include "tests/simulator/model/nameserver_context.h"
#include "tests/simulator/model/nameserver_registry.h"

namespace omdb::simulator {

inline constexpr char kInternalDb[] = "__INTERNAL_DB";
inline constexpr char kPreAggDb[] = "__PRE_AGG_DB";
inline constexpr char kInformationSchemaDb[] = "INFORMATION_SCHEMA";
inline constexpr char kUserTable[] = "USER";

// Makes tables, on the tablets and in the catalog (F3.5).
class TableMaker {
 public:
  TableMaker(NameServerContext& context, TableCatalog& catalog, TabletRegistry& registry)
      : context_(context), catalog_(catalog), registry_(registry) {}

  // The database exists and the table does not. Returns what the request is answered with.
  Task<nameserver::GeneralResponse> Create(nameserver::TableInfo table);
  // On every tablet with an alive replica, the others keep theirs (M9); then in the catalog.
  Task<nameserver::GeneralResponse> Drop(std::string db, std::string name);

  // Databases and tables that every cluster has, where absent (F1.4, F5.12). An error is the exit
  // of the process.
  Task<absl::Status> CreateSystemTables(uint64_t reign);

 private:
  // OK, or the answer to a schema or placement that cannot be.
  nameserver::GeneralResponse Complete(nameserver::TableInfo& table);
  nameserver::GeneralResponse Place(nameserver::TableInfo& table);
  static bool HasContiguousPids(const nameserver::TableInfo& table);
  Task<bool> CreateOnTablets(nameserver::TableInfo table, bool leaders);
  static api::TableMeta MetaFor(const nameserver::TableInfo& table,
                                const nameserver::TablePartition& partition, bool leader);
  Task<absl::Status> CreateSystemTable(nameserver::TableInfo table);
  Task<absl::Status> InsertRoot();

  NameServerContext& context_;
  TableCatalog& catalog_;
  TabletRegistry& registry_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_TABLES_H_
