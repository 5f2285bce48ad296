#ifndef OMDB_TESTS_SIMULATOR_MODEL_DISK_H_
#define OMDB_TESTS_SIMULATOR_MODEL_DISK_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace omdb::simulator {

// A tablet's volume: what survives its process. Paths are relative to its root ("db/12_3/binlog",
// "recycle/…"). What was appended is there after a crash of the process (F1.6: records are flushed
// one by one). Not thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;

  virtual absl::Status Write(const std::string& path, std::string_view content) = 0;
  virtual absl::StatusOr<std::string> Read(const std::string& path) = 0;
  // Records of a log, each length-framed; a torn last record is dropped on reading.
  virtual absl::Status AppendRecord(const std::string& path, std::string_view record) = 0;
  virtual absl::Status ReadRecords(const std::string& path,
                                   const std::function<void(std::string_view)>& record) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;    // files and directories
  virtual absl::Status Remove(const std::string& path) = 0;  // recursively
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_DISK_H_
