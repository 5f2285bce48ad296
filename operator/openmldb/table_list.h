#ifndef OMDB_OPERATOR_OPENMLDB_TABLE_LIST_H_
#define OMDB_OPERATOR_OPENMLDB_TABLE_LIST_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controllers/openmldb.h"
#include "operator/openmldb/discovery.h"
#include "operator/openmldb/leader.h"

// Included by .cc files of this room only.
namespace omdb {

// All tables of a cluster, however many: a reply above about 4 MB does not arrive, so what is too
// large is asked for in parts, by database, and a database that is too large by table. Thread-safe.
class TableList {
 public:
  // Both outlive this.
  TableList(Discovery& discovery, Leader& leader) : discovery_(discovery), leader_(leader) {}

  // Sorted by (db, name).
  absl::StatusOr<std::vector<Table>> Read();
  // NotFound where there is no such table.
  absl::StatusOr<Table> Read(const std::string& db, const std::string& name);

 private:
  // By tid: tables without a database answer to every question, and count once.
  using TablesByTid = std::map<uint32_t, Table>;

  absl::Status Add(const openmldb::nameserver::ShowTableRequest& request, const std::string& what,
                   TablesByTid* tables);
  absl::Status AddOne(const std::string& db, const std::string& name, TablesByTid* tables);
  absl::Status AddByDatabase(TablesByTid* tables);
  absl::Status AddByName(const std::string& db, TablesByTid* tables);

  Discovery& discovery_;
  Leader& leader_;
  // Once one reply for all tables was too large it is not asked for again.
  std::atomic<bool> too_large_ = false;
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_TABLE_LIST_H_
