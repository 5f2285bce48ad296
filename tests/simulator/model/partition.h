#ifndef OMDB_TESTS_SIMULATOR_MODEL_PARTITION_H_
#define OMDB_TESTS_SIMULATOR_MODEL_PARTITION_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tablet.pb.h"
#include "tests/simulator/model/binlog.h"
#include "tests/simulator/model/replicator.h"
#include "tests/simulator/model/table.h"

namespace omdb::simulator {

// tid and pid, as a tablet knows its replicas by.
using PartitionId = std::pair<uint32_t, uint32_t>;

// Where a replica's files are on its tablet's volume.
inline std::string PartitionDirectory(PartitionId id) {
  return absl::StrCat("db/", id.first, "_", id.second);
}
inline std::string BinlogDirectory(PartitionId id) {
  return absl::StrCat(PartitionDirectory(id), "/binlog");
}
inline std::string SnapshotDirectory(PartitionId id) {
  return absl::StrCat(PartitionDirectory(id), "/snapshot");
}
inline std::string TableMetaPath(PartitionId id) {
  return absl::StrCat(PartitionDirectory(id), "/table_meta.txt");
}

// One replica that a tablet has loaded or is loading. Its role and term live here and nowhere else:
// what is on disk is what the last CreateTable or LoadTable said (F5.6). A follower has no term
// until a leader shakes hands with it, whatever it was loaded with (H1, M12).
struct Partition {
  Partition(PartitionId partition_id, openmldb::api::TableMeta table_meta, const Options& options,
            Executor& executor, Network& network, Disk& disk)
      : id(partition_id),
        meta(std::move(table_meta)),
        leads(meta.mode() == openmldb::api::kTableLeader),
        term(leads ? meta.term() : 0),
        rows(meta),
        binlog(disk, BinlogDirectory(id)),
        replicator(id.first, id.second, options, executor, network, binlog, term) {}

  const PartitionId id;
  const openmldb::api::TableMeta meta;
  openmldb::api::TableState state = openmldb::api::kTableNormal;
  bool leads;
  uint64_t term;
  uint64_t snapshot_offset = 0;
  bool sending_snapshot = false;
  Table rows;
  Binlog binlog;
  Replicator replicator;  // after what it reads
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_PARTITION_H_
