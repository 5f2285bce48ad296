// Snapshots and their states (F5.9, F5.7).
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/simulator/model/tablet_impl.h"

namespace omdb::simulator {
namespace {

using Response = api::GeneralResponse;

}  // namespace

api::GeneralResponse TabletServer::Impl::MakeSnapshot(api::GeneralRequest& request) {
  constexpr auto kType = api::kMakeSnapshot;
  if (!BeginTask(request, kType)) return Answer<Response>(kGenericError, kTaskExists);
  PartitionPtr partition =
      Find(static_cast<uint32_t>(request.tid()), static_cast<uint32_t>(request.pid()));
  if (partition == nullptr) {
    return EndTask(request, kType, Answer<Response>(kSnapshotIsNotExist, "snapshot is not exist"));
  }
  if (partition->state != api::kTableNormal) {
    return EndTask(request, kType,
                   Answer<Response>(kTableStatusIsNotNormal, "table status is not kNormal"));
  }
  snapshot_pool_.Add(Snapshot(partition, request.offset(), TaskOf(request)));
  return Ok<Response>();
}

Task<void> TabletServer::Impl::Snapshot(PartitionPtr partition, uint64_t end_offset, Task_ task) {
  uint64_t last = partition->binlog.last_offset();
  bool worth_it = last - partition->snapshot_offset >= options_.make_snapshot_threshold_offset;
  if (partition->state != api::kTableNormal) {
    FinishTask(task, api::kMakeSnapshot, false);
    co_return;
  }
  if (end_offset == 0 && !worth_it) {  // counts as done, and nothing is made (F5.9, M9)
    FinishTask(task, api::kMakeSnapshot, true);
    co_return;
  }
  partition->state = api::kMakingSnapshot;
  absl::Time begin = executor_.Now();
  std::string name =
      absl::StrCat(absl::FormatTime("%Y%m%d%H%M%E3S", begin, absl::UTCTimeZone()), ".sdb");
  auto manifest = omdb::simulator::MakeSnapshot(
      disk_, partition->meta, SnapshotDirectory(partition->id), BinlogDirectory(partition->id),
      end_offset == 0 ? last : end_offset, name);
  if (manifest.ok()) {
    co_await Pace(manifest->count(), begin);
    partition->snapshot_offset = manifest->offset();
  }
  partition->state = api::kTableNormal;
  FinishTask(task, api::kMakeSnapshot, manifest.ok());
}

api::GeneralResponse TabletServer::Impl::PauseSnapshot(api::GeneralRequest& request) {
  constexpr auto kType = api::kPauseSnapshot;
  if (!BeginTask(request, kType)) return Answer<Response>(kGenericError, kTaskExists);
  PartitionPtr partition =
      Find(static_cast<uint32_t>(request.tid()), static_cast<uint32_t>(request.pid()));
  if (partition == nullptr) {
    return EndTask(request, kType, Answer<Response>(kTableIsNotExist, "table is not exist"));
  }
  if (partition->state == api::kSnapshotPaused) {
    return EndTask(request, kType, Answer<Response>(kOk, "table status is kSnapshotPaused"));
  }
  if (partition->state != api::kTableNormal) {
    return EndTask(request, kType,
                   Answer<Response>(kTableStatusIsNotNormal, "table status is not kTableNormal"));
  }
  partition->state = api::kSnapshotPaused;
  return EndTask(request, kType, Ok<Response>());
}

api::GeneralResponse TabletServer::Impl::RecoverSnapshot(api::GeneralRequest& request) {
  constexpr auto kType = api::kRecoverSnapshot;
  if (!BeginTask(request, kType)) return Answer<Response>(kGenericError, kTaskExists);
  PartitionPtr partition =
      Find(static_cast<uint32_t>(request.tid()), static_cast<uint32_t>(request.pid()));
  if (partition == nullptr) {
    return EndTask(request, kType, Answer<Response>(kTableIsNotExist, "table is not exist"));
  }
  if (partition->state != api::kTableNormal && partition->state != api::kSnapshotPaused) {
    return EndTask(request, kType,
                   Answer<Response>(kTableStatusIsNotPaused, "table status is not paused"));
  }
  partition->state = api::kTableNormal;
  return EndTask(request, kType, Ok<Response>());
}

api::GetManifestResponse TabletServer::Impl::GetManifest(api::GetManifestRequest& request) {
  auto manifest = ReadManifest(disk_, SnapshotDirectory({request.tid(), request.pid()}));
  if (!manifest.ok()) {
    return Answer<api::GetManifestResponse>(kGenericError, manifest.status().ToString());
  }
  auto response = Ok<api::GetManifestResponse>();
  response.mutable_manifest()->set_offset(0);
  if (manifest->has_value()) *response.mutable_manifest() = **manifest;
  return response;
}

api::TableSnapshotOffsetResponse TabletServer::Impl::GetAllSnapshotOffset(api::EmptyRequest&) {
  auto response = Ok<api::TableSnapshotOffsetResponse>();
  api::TableSnapshotOffsetResponse::Table* table = nullptr;
  for (const auto& [id, partition] : partitions_) {
    if (table == nullptr || table->tid() != id.first) {
      table = response.add_tables();
      table->set_tid(id.first);
    }
    api::PartSnapshotOffset* part = table->add_parts();
    part->set_pid(id.second);
    part->set_offset(partition->snapshot_offset);
  }
  return response;
}

}  // namespace omdb::simulator
