#ifndef OMDB_TESTS_SIMULATOR_SERVER_FILE_DISK_H_
#define OMDB_TESTS_SIMULATOR_SERVER_FILE_DISK_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "tests/simulator/model/disk.h"

namespace omdb::simulator {

// A tablet's volume in real directories: "db/…" is under --db_root_path, "recycle/…" under
// --recycle_bin_root_path. Each record is written with one write(2), so it is in the page cache
// when the call returns. However many logs there are, only so many are open at a time. Not
// thread-safe.
class FileDisk : public Disk {
 public:
  FileDisk(std::filesystem::path db_root, std::filesystem::path recycle_root);
  ~FileDisk() override;

  static constexpr size_t kOpenLogs = 256;

  absl::Status Write(const std::string& path, std::string_view content) override;
  absl::StatusOr<std::string> Read(const std::string& path) override;
  absl::Status AppendRecord(const std::string& path, std::string_view record) override;
  absl::Status ReadRecords(const std::string& path,
                           const std::function<void(std::string_view)>& record) override;
  bool Exists(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;

 private:
  struct Log {
    int fd;
    uint64_t last_append;  // a count of appends
  };

  std::filesystem::path Real(const std::string& path) const;
  // Opens it for appending, in the place of the one that was not written for longest.
  absl::StatusOr<Log*> OpenLog(const std::string& path);
  void CloseLogs(const std::string& path);

  const std::filesystem::path db_root_;
  const std::filesystem::path recycle_root_;
  std::map<std::string, Log> logs_;  // open for appending
  uint64_t appends_ = 0;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_FILE_DISK_H_
