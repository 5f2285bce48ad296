// The tablet's rows: writes on the leader, reads on any replica (F3.4, F3.5).
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "tests/simulator/model/tablet_impl.h"

namespace omdb::simulator {
namespace {

template <typename Integer>
void AppendLittleEndian(std::string& to, Integer value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  to.append(bytes, sizeof value);
}

// Whether `ts` stands in that relation to `bound`.
bool Holds(api::GetType relation, uint64_t ts, uint64_t bound) {
  switch (relation) {
    case api::kSubKeyEq:
      return ts == bound;
    case api::kSubKeyLt:
      return ts < bound;
    case api::kSubKeyLe:
      return ts <= bound;
    case api::kSubKeyGt:
      return ts > bound;
    case api::kSubKeyGe:
      return ts >= bound;
  }
  return false;
}

// Deletions of a row from the indexes that `entry` does not name.
void AddOtherPlaces(const Table::Row& row, const api::LogEntry& entry,
                    std::vector<api::LogEntry>& entries) {
  for (const Table::Place& place : row.places) {
    if (place.index == entry.dimensions(0).idx()) continue;
    api::LogEntry other;
    other.set_method_type(api::kDelete);
    other.set_term(entry.term());
    other.set_ts(place.ts);
    if (place.ts > 0) other.set_end_ts(place.ts - 1);
    other.add_dimensions()->set_idx(place.index);
    other.mutable_dimensions(0)->set_key(place.key);
    entries.push_back(std::move(other));
  }
}

// Fills from the times of one key, after the row that the request names, up to its limit.
void TraverseKey(const std::string& key, const Table::Times& times,
                 const api::TraverseRequest& request, api::TraverseResponse& response) {
  bool resumes = request.has_pk() && request.pk() == key;
  uint32_t position = 0;  // among rows of the same time
  uint64_t last_ts = std::numeric_limits<uint64_t>::max();
  for (const auto& [ts, row] : times) {
    bool repeated = ts == last_ts && position > 0;
    position = repeated ? position + 1 : 1;
    last_ts = ts;
    if (resumes && ts > request.ts()) continue;
    if (resumes && ts == request.ts() && position <= std::max(1u, request.ts_pos())) continue;
    if (repeated && request.enable_remove_duplicated_record()) continue;
    if (response.count() >= request.limit()) {
      response.set_is_finish(false);
      return;
    }
    std::string& pairs = *response.mutable_pairs();
    AppendLittleEndian(pairs, static_cast<uint32_t>(8 + key.size() + row->value.size()));
    AppendLittleEndian(pairs, static_cast<uint32_t>(key.size()));
    AppendLittleEndian(pairs, ts);
    pairs += key;
    pairs += row->value;
    response.set_count(response.count() + 1);
    response.set_pk(key);
    response.set_ts(ts);
    response.set_ts_pos(position);
  }
}

}  // namespace

absl::Status TabletServer::Impl::Append(Partition& partition, api::LogEntry entry) {
  absl::Status appended = partition.binlog.Append(std::move(entry));
  if (appended.ok()) partition.replicator.Notify();
  return appended;
}

api::PutResponse TabletServer::Impl::Put(api::PutRequest& request) {
  using Response = api::PutResponse;
  if (fenced_) return Answer<Response>(kIsFollowerCluster, "is follower cluster");
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/true)) {
    return Answer<Response>(refusal->code, refusal->message);
  }
  bool valid = !request.dimensions().empty();
  for (const api::Dimension& dimension : request.dimensions()) {
    valid = valid && dimension.idx() < partition->rows.index_count() && !dimension.key().empty();
  }
  if (!valid) return Answer<Response>(kInvalidDimension, "invalid dimension parameter");
  api::LogEntry entry;
  entry.set_term(partition->term);
  entry.set_log_index(partition->binlog.last_offset() + 1);
  entry.set_ts(static_cast<uint64_t>(request.time()));
  entry.set_allocated_value(request.release_value());
  entry.mutable_dimensions()->Swap(request.mutable_dimensions());
  if (request.put_if_absent() && partition->rows.Contains(entry)) return Ok<Response>();
  if (!partition->rows.Put(entry)) return Answer<Response>(kPutFailed, "put failed");
  absl::Status appended = Append(*partition, std::move(entry));
  if (!appended.ok()) return Answer<Response>(kPutFailed, appended.ToString());
  return Ok<Response>();
}

api::GeneralResponse TabletServer::Impl::Delete(api::DeleteRequest& request) {
  using Response = api::GeneralResponse;
  if (fenced_) return Answer<Response>(kIsFollowerCluster, "is follower cluster");
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/true)) {
    return Answer<Response>(refusal->code, refusal->message);
  }
  api::LogEntry entry;
  entry.set_method_type(api::kDelete);
  entry.set_term(partition->term);
  entry.mutable_dimensions()->Swap(request.mutable_dimensions());
  if (entry.dimensions().empty()) {
    std::optional<uint32_t> index = partition->rows.FindIndex(request.idx_name());
    if (!index.has_value()) return Answer<Response>(kGenericError, "index is not exist");
    entry.add_dimensions()->set_idx(*index);
    entry.mutable_dimensions(0)->set_key(request.key());
  }
  if (request.has_ts()) entry.set_ts(request.ts());
  if (request.has_end_ts()) entry.set_end_ts(request.end_ts());
  std::vector<api::LogEntry> entries = {entry};
  if (request.enable_decode_value() && entry.dimensions_size() == 1) {
    for (const Table::RowPtr& row : partition->rows.Matching(entry)) {
      AddOtherPlaces(*row, entry, entries);
    }
  }
  for (api::LogEntry& each : entries) {
    each.set_log_index(partition->binlog.last_offset() + 1);
    partition->rows.Delete(each);
    absl::Status appended = Append(*partition, std::move(each));
    if (!appended.ok()) return Answer<Response>(kGenericError, appended.ToString());
  }
  return Ok<Response>();
}

api::GetResponse TabletServer::Impl::Get(api::GetRequest& request) {
  using Response = api::GetResponse;
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/false)) {
    return Answer<Response>(refusal->code, refusal->message);
  }
  std::optional<uint32_t> index = partition->rows.FindIndex(request.idx_name());
  if (!index.has_value()) return Answer<Response>(kGenericError, "index is not exist");
  const Table::Times* times = partition->rows.Find(*index, request.key());
  if (times != nullptr) {
    for (const auto& [ts, row] : *times) {
      if (request.ts() != 0 && !Holds(request.type(), ts, request.ts())) continue;
      if (request.has_et() && !Holds(request.et_type(), ts, request.et())) continue;
      auto response = Ok<Response>();
      response.set_key(request.key());
      response.set_ts(ts);
      response.set_value(row->value);
      return response;
    }
  }
  return Answer<Response>(kKeyNotFound, "key not found");
}

Reply TabletServer::Impl::Scan(const api::ScanRequest& request) {
  Reply reply;
  auto response = std::make_unique<api::ScanResponse>();
  PartitionPtr partition = Find(request.tid(), request.pid());
  auto refusal = Check(partition, /*leader=*/false);
  std::optional<uint32_t> index;
  if (!refusal.has_value()) index = partition->rows.FindIndex(request.idx_name());
  if (!refusal.has_value() && !index.has_value()) {
    refusal = Refusal{kGenericError, "index is not exist"};
  }
  if (refusal.has_value()) {
    *response = Answer<api::ScanResponse>(refusal->code, refusal->message);
    reply.message = std::move(response);
    return reply;
  }
  // The SDK wants bare rows in the attachment; each says its own size (F3.5).
  std::string& rows = request.use_attachment() ? reply.attachment : *response->mutable_pairs();
  uint32_t count = 0;
  uint32_t skipped = 0;
  std::optional<uint64_t> last_ts;
  const Table::Times* times = partition->rows.Find(*index, request.pk());
  static const Table::Times kNone;
  for (const auto& [ts, row] : times == nullptr ? kNone : *times) {
    if (request.st() > 0 && ts > request.st()) continue;
    if (request.et() > 0 && ts <= request.et()) break;
    if (request.enable_remove_duplicated_record() && last_ts == ts) continue;
    last_ts = ts;
    if (skipped < request.skip_record_num()) {
      ++skipped;
      continue;
    }
    if (request.limit() > 0 && count >= request.limit()) break;
    if (!request.use_attachment()) {
      AppendLittleEndian(rows, static_cast<uint32_t>(8 + row->value.size()));
      AppendLittleEndian(rows, ts);
    }
    rows += row->value;
    ++count;
  }
  response->set_code(kOk);
  response->set_count(count);
  response->set_buf_size(static_cast<uint32_t>(rows.size()));
  response->set_is_finish(true);
  reply.message = std::move(response);
  return reply;
}

api::CountResponse TabletServer::Impl::Count(api::CountRequest& request) {
  using Response = api::CountResponse;
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/false)) {
    return Answer<Response>(refusal->code, refusal->message);
  }
  std::optional<uint32_t> index = partition->rows.FindIndex(request.idx_name());
  if (!index.has_value()) return Answer<Response>(kGenericError, "index is not exist");
  uint32_t count = 0;
  std::optional<uint64_t> last_ts;
  if (const Table::Times* times = partition->rows.Find(*index, request.key())) {
    for (const auto& [ts, row] : *times) {
      if (request.st() > 0 && !Holds(request.st_type(), ts, request.st())) continue;
      if (request.et() > 0 && !Holds(request.et_type(), ts, request.et())) continue;
      if (request.enable_remove_duplicated_record() && last_ts == ts) continue;
      last_ts = ts;
      ++count;
    }
  }
  auto response = Ok<Response>();
  response.set_count(count);
  return response;
}

api::TraverseResponse TabletServer::Impl::Traverse(api::TraverseRequest& request) {
  using Response = api::TraverseResponse;
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/false)) {
    return Answer<Response>(refusal->code, refusal->message);
  }
  std::optional<uint32_t> index = partition->rows.FindIndex(request.idx_name());
  if (!index.has_value()) return Answer<Response>(kGenericError, "index is not exist");
  auto response = Ok<Response>();
  response.set_count(0);
  response.set_is_finish(true);
  const Table::Keys& keys = partition->rows.keys(*index);
  auto at = request.has_pk() ? keys.lower_bound(request.pk()) : keys.begin();
  for (; at != keys.end() && response.is_finish(); ++at) {
    if (request.skip_current_pk() && at->first == request.pk()) continue;
    TraverseKey(at->first, at->second, request, response);
  }
  return response;
}

api::QueryResponse TabletServer::Impl::Query(api::QueryRequest&) {
  return Answer<api::QueryResponse>(kGenericError, "this stand-in has no SQL engine");
}

}  // namespace omdb::simulator
