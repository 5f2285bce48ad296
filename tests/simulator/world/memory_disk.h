#ifndef OMDB_TESTS_SIMULATOR_WORLD_MEMORY_DISK_H_
#define OMDB_TESTS_SIMULATOR_WORLD_MEMORY_DISK_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulator/model/disk.h"

namespace omdb::simulator {

// A volume in memory. It outlives the process whose data it holds; drop it to lose the volume.
class MemoryDisk : public Disk {
 public:
  absl::Status Write(const std::string& path, std::string_view content) override;
  absl::StatusOr<std::string> Read(const std::string& path) override;
  absl::Status AppendRecord(const std::string& path, std::string_view record) override;
  absl::Status ReadRecords(const std::string& path,
                           const std::function<void(std::string_view)>& record) override;
  bool Exists(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;

  // Every later change fails with this (a full disk); OkStatus ends it.
  void FailChanges(absl::Status status) { failure_ = std::move(status); }

 private:
  // A log is a file of framed records, so that it can be read as a file, written elsewhere and read
  // as a log there.
  std::map<std::string, std::string> files_;
  absl::Status failure_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_WORLD_MEMORY_DISK_H_
