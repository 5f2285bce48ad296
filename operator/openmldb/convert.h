#ifndef OMDB_OPERATOR_OPENMLDB_CONVERT_H_
#define OMDB_OPERATOR_OPENMLDB_CONVERT_H_

#include <string>

#include "controllers/openmldb.h"

namespace openmldb::nameserver {
class OPStatus;
class TableInfo;
class TablePartition;
class TabletStatus;
}  // namespace openmldb::nameserver
namespace openmldb::api {
class LoadTableRequest;
class TableStatus;
}  // namespace openmldb::api

// Messages of OpenMLDB as the plain data of controllers/openmldb.h and back. Pure functions.
namespace omdb {

Tablet ToTablet(const openmldb::nameserver::TabletStatus& message);

// `id` is taken as given: the message knows only the pid.
Partition ToPartition(PartitionId id, const openmldb::nameserver::TablePartition& message);

// Partitions sorted by pid.
Table ToTable(const openmldb::nameserver::TableInfo& message);

// A state with an unknown name counts as kDoing: an op that may be under way is waited for.
Op ToOp(const openmldb::nameserver::OPStatus& message);

ReplicaStatus ToReplicaStatus(const openmldb::api::TableStatus& message);

// Only what the request must say: the tablet keeps the rest in the table_meta.txt on its disk
// (F5.6).
openmldb::api::LoadTableRequest ToLoadTableRequest(const LoadRequest& request);

// The number of openmldb.common.StorageMode.
int ToStorageNumber(StorageMode mode);
// The reverse; unknown numbers are kMemory, as in the servers' default.
StorageMode ToStorageMode(int number);

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_CONVERT_H_
