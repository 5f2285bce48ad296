// A snapshot's way from one tablet to another (F5.9).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/tablet_impl.h"

namespace omdb::simulator {
namespace {

constexpr size_t kBlockSize = 1 << 20;
constexpr int kTries = 3;  // F1.2, send_file_max_try
// F1.2, retry_send_file_wait_time_ms; twice as long before the last try: it fails after 14 s (M5).
constexpr absl::Duration kRetry = absl::Seconds(3);
constexpr absl::Duration kClose = absl::Seconds(1);  // each file's stream (F5.9)

std::string PathOf(PartitionId id, const std::string& directory, const std::string& name) {
  return directory.empty() ? absl::StrCat(PartitionDirectory(id), "/", name)
                           : absl::StrCat(PartitionDirectory(id), "/", directory, "/", name);
}

}  // namespace

api::GeneralResponse TabletServer::Impl::SendSnapshot(api::SendSnapshotRequest& request) {
  using Response = api::GeneralResponse;
  constexpr auto kType = api::kSendSnapshot;
  if (!BeginTask(request, kType)) return Answer<Response>(kGenericError, kTaskExists);
  auto refuse = [&](int code, const std::string& message) {
    return EndTask(request, kType, Answer<Response>(code, message));
  };
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (partition == nullptr) return refuse(kTableIsNotExist, "table is not exist");
  if (!partition->leads) return refuse(kTableIsFollower, "table is follower");
  if (partition->state != api::kSnapshotPaused) {
    return refuse(kTableStatusIsNotPaused, "table status is not kSnapshotPaused");
  }
  if (partition->sending_snapshot) return refuse(kSnapshotIsSending, "snapshot is sending");
  std::optional<std::string> address = AddressOf(request.endpoint());
  if (!address.has_value()) return refuse(kServerNameNotFound, "name not found in real_ep_map");
  partition->sending_snapshot = true;
  task_pool_.Add(Send(partition, *address, TaskOf(request)));
  return Ok<Response>();
}

Task<void> TabletServer::Impl::Send(PartitionPtr partition, std::string address, Task_ task) {
  // The manifest comes last: what it names is there.
  bool sent = co_await SendFile(partition->id, address, "", "table_meta.txt");
  auto manifest = ReadManifest(disk_, SnapshotDirectory(partition->id));
  sent = sent && manifest.ok();
  if (sent && manifest->has_value()) {
    sent = co_await SendFile(partition->id, address, "snapshot", (*manifest)->name());
    if (sent) sent = co_await SendFile(partition->id, address, "snapshot", "MANIFEST");
  }
  partition->sending_snapshot = false;
  FinishTask(task, api::kSendSnapshot, sent);
}

Task<bool> TabletServer::Impl::SendFile(PartitionId id, std::string address, std::string directory,
                                        std::string name) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    co_await Delay(executor_, attempt * kRetry);
    auto content = disk_.Read(PathOf(id, directory, name));
    if (!content.ok()) continue;
    FileBlock block;
    block.set_tid(id.first);
    block.set_pid(id.second);
    block.set_file_name(name);
    block.set_dir_name(directory);
    bool accepted = true;
    for (size_t at = 0; accepted && (at == 0 || at < content->size()); at += kBlockSize) {
      block.set_block_id(at / kBlockSize);
      block.set_content(content->substr(at, kBlockSize));
      block.set_block_size(static_cast<uint32_t>(block.content().size()));
      block.set_eof(at + kBlockSize >= content->size());
      auto response = co_await CallPeer<api::GeneralResponse>(
          network_, address, "openmldb.api.TabletServer/SendData", block, options_.request_timeout);
      accepted = response.ok() && response->code() == kOk;
      co_await Delay(executor_, absl::Seconds(static_cast<double>(block.block_size()) /
                                              static_cast<double>(std::max<uint64_t>(
                                                  1, options_.stream_bandwidth_limit_bytes))));
    }
    co_await Delay(executor_, kClose);
    if (accepted) co_return true;
  }
  co_return false;
}

api::GeneralResponse TabletServer::Impl::SendData(FileBlock& block) {
  using Response = api::GeneralResponse;
  PartitionId id{block.tid(), block.pid()};
  if (partitions_.contains(id)) {
    return Answer<Response>(kTableAlreadyExists, "table already exists");
  }
  std::string path = PathOf(id, block.dir_name(), block.file_name());
  if (block.block_id() == 0) arriving_[path].clear();
  auto file = arriving_.find(path);
  if (file == arriving_.end() || file->second.size() != block.block_id() * kBlockSize) {
    return Answer<Response>(kGenericError, "a block is missing");  // or this process is a new one
  }
  file->second += block.content();
  if (!block.eof()) return Ok<Response>();
  absl::Status written = disk_.Write(path, file->second);
  arriving_.erase(file);
  if (!written.ok()) return Answer<Response>(kGenericError, written.ToString());
  return Ok<Response>();
}

api::GeneralResponse TabletServer::Impl::CheckFile(api::CheckFileRequest& request) {
  auto content =
      disk_.Read(PathOf({request.tid(), request.pid()}, request.dir_name(), request.file()));
  if (!content.ok() || content->size() != request.size()) {
    return Answer<api::GeneralResponse>(kGenericError, "check size failed");
  }
  return Ok<api::GeneralResponse>();
}

}  // namespace omdb::simulator
