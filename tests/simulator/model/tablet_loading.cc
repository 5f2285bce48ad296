// How partitions come onto a tablet and go: CreateTable, LoadTable, DropTable (F5.6).
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/simulator/model/tablet_impl.h"

namespace omdb::simulator {
namespace {

using google::protobuf::TextFormat;

bool IsLegal(const api::TableMeta& meta) {
  return meta.has_tid() && meta.tid() > 0 && meta.has_pid() && meta.pid() >= 0 &&
         !meta.name().empty();
}

PartitionId IdOf(const api::TableMeta& meta) {
  return {static_cast<uint32_t>(meta.tid()), static_cast<uint32_t>(meta.pid())};
}

// What the file says, overlaid by what the request says; replicas are the request's alone. A file
// that cannot be read, as one of a newer version, counts for nothing and is overwritten (F5.6).
api::TableMeta Merge(const std::string& file, const api::TableMeta& request) {
  api::TableMeta merged;
  if (!TextFormat::ParseFromString(file, &merged)) merged.Clear();
  merged.clear_replicas();
  if (!request.column_desc().empty()) merged.clear_column_desc();
  if (!request.column_key().empty()) merged.clear_column_key();
  merged.clear_table_partition();
  merged.MergeFrom(request);
  return merged;
}

}  // namespace

api::CreateTableResponse TabletServer::Impl::CreateTable(api::CreateTableRequest& request) {
  using Response = api::CreateTableResponse;
  const api::TableMeta& meta = request.table_meta();
  if (!IsLegal(meta)) return Answer<Response>(kTableMetaIsIllegal, "table meta is illegal");
  PartitionId id = IdOf(meta);
  if (partitions_.contains(id)) {
    return Answer<Response>(kTableAlreadyExists, "table already exists");
  }
  if (!KnowsAll(meta.replicas())) {
    return Answer<Response>(kCreateTableFailed, "name not found in real_ep_map");
  }
  absl::Status written = WriteTableMeta(id, meta);
  if (!written.ok()) return Answer<Response>(kCreateTableFailed, written.ToString());
  auto partition = std::make_shared<Partition>(id, meta, options_, executor_, network_, disk_);
  partitions_[id] = partition;
  if (partition->leads) AddFollowers(*partition, meta.replicas());
  return Ok<Response>();
}

api::GeneralResponse TabletServer::Impl::LoadTable(api::LoadTableRequest& request) {
  using Response = api::GeneralResponse;
  if (!BeginTask(request, api::kLoadTable)) return Answer<Response>(kGenericError, kTaskExists);
  auto refuse = [&](int code, const std::string& message) {
    return EndTask(request, api::kLoadTable, Answer<Response>(code, message));
  };
  if (!IsLegal(request.table_meta())) return refuse(kTableMetaIsIllegal, "table meta is illegal");
  PartitionId id = IdOf(request.table_meta());
  if (partitions_.contains(id)) return refuse(kTableAlreadyExists, "table already exists");
  if (!disk_.Exists(PartitionDirectory(id))) {
    return refuse(kDbPathIsNotExist, "table db path is not exist");
  }
  if (!KnowsAll(request.table_meta().replicas())) {
    return refuse(kCreateTableFailed, "name not found in real_ep_map");
  }
  auto file = disk_.Read(TableMetaPath(id));
  api::TableMeta meta = Merge(file.ok() ? *file : "", request.table_meta());
  if (file.ok()) {
    std::string backup = absl::StrCat(TableMetaPath(id), ".", absl::ToUnixMicros(executor_.Now()));
    disk_.Rename(TableMetaPath(id), backup).IgnoreError();
  }
  absl::Status written = WriteTableMeta(id, meta);
  if (!written.ok()) return refuse(kGenericError, written.ToString());
  auto partition = std::make_shared<Partition>(id, meta, options_, executor_, network_, disk_);
  partition->state = api::kTableLoading;
  partitions_[id] = partition;
  task_pool_.Add(Load(partition, TaskOf(request)));
  return Ok<Response>();
}

Task<void> TabletServer::Impl::Load(PartitionPtr partition, Task_ task) {
  absl::Status replayed = co_await Replay(partition);
  auto found = partitions_.find(partition->id);
  bool dropped = found == partitions_.end() || found->second != partition;
  if (!replayed.ok() && !dropped) {
    partitions_.erase(found);
    Recycle(PartitionDirectory(partition->id), "");
  }
  FinishTask(task, api::kLoadTable, replayed.ok() && !dropped);
  if (!replayed.ok() || dropped) co_return;
  partition->state = api::kTableNormal;
  if (partition->leads) AddFollowers(*partition, partition->meta.replicas());
}

Task<absl::Status> TabletServer::Impl::Replay(PartitionPtr partition) {
  std::string directory = SnapshotDirectory(partition->id);
  auto manifest = ReadManifest(disk_, directory);
  if (!manifest.ok()) co_return manifest.status();
  uint64_t offset = 0;
  uint64_t rows = 0;
  absl::Time begin = executor_.Now();
  if (manifest->has_value()) {
    // A count that differs from the manifest's is only worth a warning (F5.6).
    absl::Status read = ReadSnapshot(disk_, directory, **manifest, [&](const api::LogEntry& row) {
      partition->rows.Apply(row);
      ++rows;
    });
    if (!read.ok()) co_return read;
    offset = (*manifest)->offset();
    partition->snapshot_offset = offset;
  }
  co_await Pace(rows, begin);
  auto files = partition->binlog.Files();
  if (!files.ok()) co_return files.status();
  for (const std::string& file : *files) {
    rows = 0;
    begin = executor_.Now();
    absl::Status read = Binlog::ReadFile(disk_, file, [&](const api::LogEntry& entry) {
      if (entry.log_index() <= offset) return;
      partition->rows.Apply(entry);
      offset = entry.log_index();  // a gap is only worth a warning (F5.6)
      ++rows;
    });
    if (!read.ok()) co_return read;
    co_await Pace(rows, begin);
  }
  partition->binlog.ContinueAfter(offset);
  co_return absl::OkStatus();
}

Promise<Unit> TabletServer::Impl::Pace(uint64_t rows, absl::Time begin) {
  absl::Time& core = *std::min_element(cores_busy_until_.begin(), cores_busy_until_.end());
  core = std::max(core, begin) + absl::Seconds(static_cast<double>(rows) /
                                               static_cast<double>(options_.load_rows_per_second));
  return Delay(executor_, std::max(absl::ZeroDuration(), core - executor_.Now()));
}

api::DropTableResponse TabletServer::Impl::DropTable(api::DropTableRequest& request) {
  using Response = api::DropTableResponse;
  if (!BeginTask(request, api::kDropTable)) return Answer<Response>(kGenericError, kTaskExists);
  PartitionId id{static_cast<uint32_t>(request.tid()), static_cast<uint32_t>(request.pid())};
  PartitionPtr partition = Find(id.first, id.second);
  if (partition == nullptr) {
    return EndTask(request, api::kDropTable,
                   Answer<Response>(kTableIsNotExist, "table is not exist"));
  }
  if (partition->state == api::kMakingSnapshot) {
    return EndTask(request, api::kDropTable,
                   Answer<Response>(kTableStatusIsMakingSnapshot, "making snapshot"));
  }
  partition->replicator.RemoveAll();
  partitions_.erase(id);
  Recycle(PartitionDirectory(id), "");
  return EndTask(request, api::kDropTable, Ok<Response>());
}

api::GeneralResponse TabletServer::Impl::DeleteBinlog(api::GeneralRequest& request) {
  PartitionId id{static_cast<uint32_t>(request.tid()), static_cast<uint32_t>(request.pid())};
  if (partitions_.contains(id)) {
    return Answer<api::GeneralResponse>(kTableAlreadyExists, "table is loaded");
  }
  Recycle(BinlogDirectory(id), "_binlog");
  return Ok<api::GeneralResponse>();
}

absl::Status TabletServer::Impl::WriteTableMeta(PartitionId id, const api::TableMeta& meta) {
  std::string text;
  TextFormat::PrintToString(meta, &text);
  return disk_.Write(TableMetaPath(id), text);
}

void TabletServer::Impl::Recycle(const std::string& path, const std::string& name) {
  if (!disk_.Exists(path)) return;
  if (!options_.recycle_bin_enabled) {
    disk_.Remove(path).IgnoreError();
    return;
  }
  // "db/12_3" and "db/12_3/binlog" both go by "12_3".
  std::string partition = path.substr(path.find('/') + 1);
  partition = partition.substr(0, partition.find('/'));
  std::string to =
      absl::StrCat("recycle/", partition, name, "_",
                   absl::FormatTime("%Y%m%d%H%M%E6S", executor_.Now(), absl::UTCTimeZone()));
  // A failure is ignored, as the servers do: the old files stay, and the next load finds them.
  disk_.Rename(path, to).IgnoreError();
}

bool TabletServer::Impl::KnowsAll(const Names& names) const {
  return std::all_of(names.begin(), names.end(),
                     [&](const std::string& name) { return AddressOf(name).has_value(); });
}

void TabletServer::Impl::AddFollowers(Partition& partition, const Names& names) {
  for (const std::string& name : names) {
    std::optional<std::string> address = AddressOf(name);
    if (address.has_value() && name != options_.endpoint) {
      partition.replicator.Add(name, *address);
    }
  }
}

}  // namespace omdb::simulator
