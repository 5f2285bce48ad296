#include "tests/simulator/server/file_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace omdb::simulator {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const std::string& what, const fs::path& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat(what, " ", path.string()));
}

absl::Status Failed(const std::string& what, const fs::path& path, const std::error_code& error) {
  return absl::UnknownError(absl::StrCat(what, " ", path.string(), ": ", error.message()));
}

}  // namespace

FileDisk::FileDisk(fs::path db_root, fs::path recycle_root)
    : db_root_(std::move(db_root)), recycle_root_(std::move(recycle_root)) {}

FileDisk::~FileDisk() {
  for (const auto& [path, log] : logs_) close(log.fd);
}

fs::path FileDisk::Real(const std::string& path) const {
  if (path == "db" || absl::StartsWith(path, "db/"))
    return db_root_ / path.substr(path.size() > 2 ? 3 : 2);
  if (path == "recycle" || absl::StartsWith(path, "recycle/")) {
    return recycle_root_ / path.substr(path.size() > 7 ? 8 : 7);
  }
  return db_root_ / path;
}

void FileDisk::CloseLogs(const std::string& path) {
  for (auto log = logs_.begin(); log != logs_.end();) {
    if (log->first == path || absl::StartsWith(log->first, path + "/")) {
      close(log->second.fd);
      log = logs_.erase(log);
    } else {
      ++log;
    }
  }
}

absl::Status FileDisk::Write(const std::string& path, std::string_view content) {
  const fs::path real = Real(path);
  std::error_code error;
  fs::create_directories(real.parent_path(), error);
  const fs::path temporary = real.string() + ".tmp";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file.flush()) return Failed("write", real, errno);
  }
  fs::rename(temporary, real, error);
  return error ? Failed("rename", real, error) : absl::OkStatus();
}

absl::StatusOr<std::string> FileDisk::Read(const std::string& path) {
  std::ifstream file(Real(path), std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " does not exist"));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

absl::StatusOr<FileDisk::Log*> FileDisk::OpenLog(const std::string& path) {
  if (auto open_one = logs_.find(path); open_one != logs_.end()) return &open_one->second;
  if (logs_.size() >= kOpenLogs) {
    auto oldest = std::min_element(logs_.begin(), logs_.end(), [](const auto& a, const auto& b) {
      return a.second.last_append < b.second.last_append;
    });
    close(oldest->second.fd);
    logs_.erase(oldest);
  }
  const fs::path real = Real(path);
  std::error_code error;
  fs::create_directories(real.parent_path(), error);
  const int fd = open(real.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Failed("open", real, errno);
  return &logs_.emplace(path, Log{fd, 0}).first->second;
}

absl::Status FileDisk::AppendRecord(const std::string& path, std::string_view record) {
  absl::StatusOr<Log*> log = OpenLog(path);
  if (!log.ok()) return log.status();
  (*log)->last_append = ++appends_;
  const auto size = static_cast<uint32_t>(record.size());
  std::string framed(sizeof(size), '\0');
  std::memcpy(framed.data(), &size, sizeof(size));
  framed.append(record);
  const ssize_t written = write((*log)->fd, framed.data(), framed.size());
  return written == static_cast<ssize_t>(framed.size()) ? absl::OkStatus()
                                                        : Failed("append to", Real(path), errno);
}

absl::Status FileDisk::ReadRecords(const std::string& path,
                                   const std::function<void(std::string_view)>& record) {
  absl::StatusOr<std::string> content = Read(path);
  if (!content.ok()) return content.status();
  std::string_view rest = *content;
  uint32_t size = 0;
  while (rest.size() >= sizeof(size)) {
    std::memcpy(&size, rest.data(), sizeof(size));
    if (rest.size() - sizeof(size) < size) break;  // torn
    record(rest.substr(sizeof(size), size));
    rest.remove_prefix(sizeof(size) + size);
  }
  return absl::OkStatus();
}

bool FileDisk::Exists(const std::string& path) { return fs::exists(Real(path)); }

absl::StatusOr<std::vector<std::string>> FileDisk::List(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(Real(directory), error)) {
    names.push_back(entry.path().filename());
  }
  if (error) return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status FileDisk::Rename(const std::string& from, const std::string& to) {
  CloseLogs(from);
  std::error_code error;
  fs::create_directories(Real(to).parent_path(), error);
  fs::rename(Real(from), Real(to), error);
  return error ? Failed("rename", Real(from), error) : absl::OkStatus();
}

absl::Status FileDisk::Remove(const std::string& path) {
  CloseLogs(path);
  std::error_code error;
  fs::remove_all(Real(path), error);
  return error ? Failed("remove", Real(path), error) : absl::OkStatus();
}

}  // namespace omdb::simulator
