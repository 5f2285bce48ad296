#include "tests/simulator/world/memory_disk.h"

#include <cstdint>
#include <cstring>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace omdb::simulator {

absl::Status MemoryDisk::Write(const std::string& path, std::string_view content) {
  if (!failure_.ok()) return failure_;
  files_[path] = content;
  return absl::OkStatus();
}

absl::StatusOr<std::string> MemoryDisk::Read(const std::string& path) {
  auto found = files_.find(path);
  if (found == files_.end()) return absl::NotFoundError(absl::StrCat("no file ", path));
  return found->second;
}

absl::Status MemoryDisk::AppendRecord(const std::string& path, std::string_view record) {
  if (!failure_.ok()) return failure_;
  std::string& content = files_[path];
  const auto size = static_cast<uint32_t>(record.size());
  content.append(reinterpret_cast<const char*>(&size), sizeof size);
  content.append(record);
  return absl::OkStatus();
}

absl::Status MemoryDisk::ReadRecords(const std::string& path,
                                     const std::function<void(std::string_view)>& record) {
  auto found = files_.find(path);
  if (found == files_.end()) return absl::NotFoundError(absl::StrCat("no log ", path));
  std::string_view rest = found->second;
  while (rest.size() >= sizeof(uint32_t)) {
    uint32_t size;
    std::memcpy(&size, rest.data(), sizeof size);
    if (rest.size() < sizeof size + size) break;
    record(rest.substr(sizeof size, size));
    rest.remove_prefix(sizeof size + size);
  }
  return absl::OkStatus();
}

bool MemoryDisk::Exists(const std::string& path) {
  if (files_.contains(path)) return true;
  std::string prefix = absl::StrCat(path, "/");
  auto found = files_.lower_bound(prefix);
  return found != files_.end() && absl::StartsWith(found->first, prefix);
}

absl::StatusOr<std::vector<std::string>> MemoryDisk::List(const std::string& directory) {
  std::string prefix = directory.empty() ? "" : absl::StrCat(directory, "/");
  std::set<std::string> names;
  for (auto at = files_.lower_bound(prefix);
       at != files_.end() && absl::StartsWith(at->first, prefix); ++at) {
    std::string_view rest = std::string_view(at->first).substr(prefix.size());
    names.emplace(rest.substr(0, rest.find('/')));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::Status MemoryDisk::Rename(const std::string& from, const std::string& to) {
  if (!failure_.ok()) return failure_;
  if (!Exists(from)) return absl::NotFoundError(absl::StrCat("no file ", from));
  if (Exists(to)) return absl::AlreadyExistsError(absl::StrCat(to, " exists"));
  std::map<std::string, std::string> moved;
  std::string prefix = absl::StrCat(from, "/");
  for (auto at = files_.lower_bound(from); at != files_.end();) {
    if (at->first == from || absl::StartsWith(at->first, prefix)) {
      auto node = files_.extract(at++);
      node.key() = absl::StrCat(to, node.key().substr(from.size()));
      moved.insert(std::move(node));
    } else if (absl::StartsWith(at->first, from)) {
      ++at;  // a longer name that sorts between "from" and "from/"
    } else {
      break;
    }
  }
  files_.merge(moved);
  return absl::OkStatus();
}

absl::Status MemoryDisk::Remove(const std::string& path) {
  if (!failure_.ok()) return failure_;
  std::string prefix = absl::StrCat(path, "/");
  std::erase_if(files_, [&](const auto& file) {
    return file.first == path || absl::StartsWith(file.first, prefix);
  });
  return absl::OkStatus();
}

}  // namespace omdb::simulator
