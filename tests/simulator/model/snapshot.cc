#include "tests/simulator/model/snapshot.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/binlog.h"
#include "tests/simulator/model/table.h"

namespace omdb::simulator {

namespace api = openmldb::api;

namespace {

api::LogEntry EntryOf(const Table::Row& row) {
  api::LogEntry entry;
  entry.set_log_index(row.log_index);
  entry.set_term(row.term);
  entry.set_ts(row.time);
  entry.set_value(row.value);
  for (const Table::Place& place : row.places) {
    api::Dimension* dimension = entry.add_dimensions();
    dimension->set_idx(place.index);
    dimension->set_key(place.key);
  }
  return entry;
}

absl::Status WriteSnapshot(Disk& disk, const std::string& directory, const Table& table,
                           const api::Manifest& manifest) {
  std::string path = absl::StrCat(directory, "/", manifest.name());
  if (disk.Exists(path)) {
    absl::Status removed = disk.Remove(path);
    if (!removed.ok()) return removed;
  }
  absl::Status written = disk.Write(path, "");
  for (const Table::RowPtr& row : table.RowsByLogIndex()) {
    if (!written.ok()) return written;
    written = disk.AppendRecord(path, EntryOf(*row).SerializeAsString());
  }
  if (!written.ok()) return written;
  std::string text;
  google::protobuf::TextFormat::PrintToString(manifest, &text);
  return disk.Write(absl::StrCat(directory, "/MANIFEST"), text);
}

}  // namespace

absl::StatusOr<std::optional<api::Manifest>> ReadManifest(Disk& disk,
                                                          const std::string& directory) {
  std::string path = absl::StrCat(directory, "/MANIFEST");
  if (!disk.Exists(path)) return std::nullopt;
  auto text = disk.Read(path);
  if (!text.ok()) return text.status();
  api::Manifest manifest;
  if (!google::protobuf::TextFormat::ParseFromString(*text, &manifest)) {
    return absl::DataLossError(absl::StrCat(path, " is not a manifest"));
  }
  return manifest;
}

absl::Status ReadSnapshot(Disk& disk, const std::string& directory, const api::Manifest& manifest,
                          const std::function<void(api::LogEntry)>& row) {
  return Binlog::ReadFile(disk, absl::StrCat(directory, "/", manifest.name()), row);
}

absl::StatusOr<api::Manifest> MakeSnapshot(Disk& disk, const api::TableMeta& meta,
                                           const std::string& directory,
                                           const std::string& binlog_directory, uint64_t end_offset,
                                           const std::string& name) {
  Table table(meta);
  api::Manifest made;
  auto last = ReadManifest(disk, directory);
  if (!last.ok()) return last.status();
  if (last->has_value()) {
    made.set_offset((*last)->offset());
    made.set_term((*last)->term());
    absl::Status read =
        ReadSnapshot(disk, directory, **last, [&](const api::LogEntry& row) { table.Apply(row); });
    if (!read.ok()) return read;
  }
  if (made.offset() > end_offset) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory, " has a snapshot at ", made.offset(), ", beyond the wanted ", end_offset));
  }
  auto files = Binlog(disk, binlog_directory).Files();
  if (!files.ok()) return files.status();
  for (const std::string& file : *files) {
    absl::Status read = Binlog::ReadFile(disk, file, [&](const api::LogEntry& entry) {
      if (entry.log_index() <= made.offset() || entry.log_index() > end_offset) return;
      table.Apply(entry);
      made.set_offset(entry.log_index());
      made.set_term(entry.term());
    });
    if (!read.ok()) return read;
  }
  made.set_name(name);
  made.set_count(table.record_count());
  absl::Status written = WriteSnapshot(disk, directory, table, made);
  if (!written.ok()) return written;
  if (last->has_value() && (*last)->name() != name) {
    disk.Remove(absl::StrCat(directory, "/", (*last)->name())).IgnoreError();
  }
  return made;
}

}  // namespace omdb::simulator
