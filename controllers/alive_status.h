#ifndef OMDB_CONTROLLERS_ALIVE_STATUS_H_
#define OMDB_CONTROLLERS_ALIVE_STATUS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "controllers/openmldb.h"

// Tells the nameserver on which replicas of a table it may count, in as few edits of its metadata
// as is safe: each is written to ZooKeeper, and one for a whole table costs as much as one for a
// partition (M9). `table` is as it was right before; what it has to be true of is read again.
namespace omdb {

// It does not count on the tablet's replicas of `partitions` any more. None of them leads.
absl::Status MarkNotAlive(OpenMldb& openmldb, const Table& table, const std::string& tablet,
                          const std::vector<PartitionId>& partitions);

// It counts on them again, as followers. What is alive already is left as it is.
absl::Status MarkAlive(OpenMldb& openmldb, const Table& table, const std::string& tablet,
                       const std::vector<PartitionId>& partitions);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_ALIVE_STATUS_H_
