#ifndef OMDB_TESTS_SIMULATOR_MODEL_BINLOG_H_
#define OMDB_TESTS_SIMULATOR_MODEL_BINLOG_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tablet.pb.h"
#include "tests/simulator/model/disk.h"

namespace omdb::simulator {

// The log of one replica: on disk in files named by their first index, the latest entries in memory
// too, since replication asks for those. Indexes rise, but nobody sees to it that none is missing
// (F5.2.1 d).
class Binlog {
 public:
  // `directory` holds the files; it need not exist.
  Binlog(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}

  // Names of the files on disk, oldest first, as paths.
  absl::StatusOr<std::vector<std::string>> Files() const;
  // The entries of one file. An entry that cannot be read ends it, as a torn write does.
  static absl::Status ReadFile(Disk& disk, const std::string& path,
                               const std::function<void(openmldb::api::LogEntry)>& entry);

  // Goes on after the last entry replayed, in a new file.
  void ContinueAfter(uint64_t offset) { last_offset_ = offset; }
  absl::Status Append(openmldb::api::LogEntry entry);
  // Index of the last entry; 0 for an empty log.
  uint64_t last_offset() const { return last_offset_; }

  // Calls `entry` for up to `count` entries from the first one whose index is above `offset`.
  absl::Status ReadAfter(uint64_t offset, size_t count,
                         const std::function<void(const openmldb::api::LogEntry&)>& entry) const;

 private:
  static constexpr size_t kEntriesPerFile = 8192;
  static constexpr size_t kEntriesInMemory = 512;

  // For entries too old to be in memory.
  absl::Status ReadFiles(uint64_t offset, size_t count,
                         const std::function<void(const openmldb::api::LogEntry&)>& entry) const;

  Disk& disk_;
  std::string directory_;
  std::string file_;  // being written; empty before the first append
  size_t entries_in_file_ = 0;
  uint64_t last_offset_ = 0;
  std::deque<openmldb::api::LogEntry> recent_;
  // The file that a follower far behind is being sent.
  mutable std::string cached_file_;
  mutable std::vector<openmldb::api::LogEntry> cached_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_BINLOG_H_
