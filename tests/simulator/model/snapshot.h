#ifndef OMDB_TESTS_SIMULATOR_MODEL_SNAPSHOT_H_
#define OMDB_TESTS_SIMULATOR_MODEL_SNAPSHOT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tablet.pb.h"
#include "tests/simulator/model/disk.h"

namespace omdb::simulator {

// A replica's snapshot files: `<directory>/MANIFEST` and the file that it names, rows as log
// entries. `directory` is ".../snapshot".

// Nothing when no snapshot was ever made. An error for a MANIFEST that cannot be read.
absl::StatusOr<std::optional<openmldb::api::Manifest>> ReadManifest(Disk& disk,
                                                                    const std::string& directory);

// The rows of the snapshot that `manifest` names.
absl::Status ReadSnapshot(Disk& disk, const std::string& directory,
                          const openmldb::api::Manifest& manifest,
                          const std::function<void(openmldb::api::LogEntry)>& row);

// Writes a snapshot of a replica's log up to and including `end_offset` from the last snapshot and
// the binlog in `binlog_directory`, then the MANIFEST, then removes the old file. `name` is the new
// file's name. FailedPrecondition when the last snapshot goes further.
absl::StatusOr<openmldb::api::Manifest> MakeSnapshot(Disk& disk,
                                                     const openmldb::api::TableMeta& meta,
                                                     const std::string& directory,
                                                     const std::string& binlog_directory,
                                                     uint64_t end_offset, const std::string& name);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_SNAPSHOT_H_
