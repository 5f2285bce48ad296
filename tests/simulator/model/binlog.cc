#include "tests/simulator/model/binlog.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace omdb::simulator {

namespace api = openmldb::api;

namespace {

bool IndexIsAbove(uint64_t offset, const api::LogEntry& entry) {
  return offset < entry.log_index();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Binlog::Files() const {
  auto names = disk_.List(directory_);
  if (absl::IsNotFound(names.status())) return std::vector<std::string>();
  if (!names.ok()) return names;
  std::sort(names->begin(), names->end());
  for (std::string& name : *names) name = absl::StrCat(directory_, "/", name);
  return names;
}

absl::Status Binlog::ReadFile(Disk& disk, const std::string& path,
                              const std::function<void(api::LogEntry)>& entry) {
  bool torn = false;
  return disk.ReadRecords(path, [&](std::string_view record) {
    api::LogEntry parsed;
    torn = torn || !parsed.ParseFromArray(record.data(), static_cast<int>(record.size()));
    if (!torn) entry(std::move(parsed));
  });
}

absl::Status Binlog::Append(api::LogEntry entry) {
  if (file_.empty() || entries_in_file_ >= kEntriesPerFile) {
    file_ = absl::StrFormat("%s/%020d.log", directory_, entry.log_index());
    entries_in_file_ = 0;
    // A log of another life that went further than this one, as after a failed load.
    if (disk_.Exists(file_)) {
      absl::Status removed = disk_.Remove(file_);
      if (!removed.ok()) return removed;
    }
  }
  absl::Status written = disk_.AppendRecord(file_, entry.SerializeAsString());
  if (!written.ok()) return written;
  ++entries_in_file_;
  last_offset_ = entry.log_index();
  recent_.push_back(std::move(entry));
  if (recent_.size() > kEntriesInMemory) recent_.pop_front();
  return absl::OkStatus();
}

absl::Status Binlog::ReadAfter(uint64_t offset, size_t count,
                               const std::function<void(const api::LogEntry&)>& entry) const {
  if (offset >= last_offset_) return absl::OkStatus();
  // In memory only if the entry before is known to be the last that the reader has.
  if (recent_.empty() || recent_.front().log_index() > offset + 1) {
    return ReadFiles(offset, count, entry);
  }
  cached_file_.clear();
  cached_.clear();
  auto at = std::upper_bound(recent_.begin(), recent_.end(), offset, IndexIsAbove);
  for (; at != recent_.end() && count > 0; ++at, --count) entry(*at);
  return absl::OkStatus();
}

absl::Status Binlog::ReadFiles(uint64_t offset, size_t count,
                               const std::function<void(const api::LogEntry&)>& entry) const {
  auto files = Files();
  if (!files.ok()) return files.status();
  // The last file that starts at or before offset + 1; the names sort like their first indexes.
  std::string wanted = absl::StrFormat("%s/%020d.log", directory_, offset + 1);
  auto at = std::upper_bound(files->begin(), files->end(), wanted);
  if (at != files->begin()) --at;
  for (; at != files->end() && count > 0; ++at) {
    bool grown = *at == file_ && (cached_.empty() || cached_.back().log_index() <= offset);
    if (*at != cached_file_ || grown) {
      cached_file_ = *at;
      cached_.clear();
      absl::Status read =
          ReadFile(disk_, *at, [&](api::LogEntry each) { cached_.push_back(std::move(each)); });
      if (!read.ok()) return read;
    }
    auto next = std::upper_bound(cached_.begin(), cached_.end(), offset, IndexIsAbove);
    for (; next != cached_.end() && count > 0; ++next, --count) entry(*next);
  }
  return absl::OkStatus();
}

}  // namespace omdb::simulator
