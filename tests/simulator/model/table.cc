#include "tests/simulator/model/table.h"

#include <algorithm>

#include "tests/simulator/model/row.h"

namespace omdb::simulator {

namespace api = openmldb::api;

Table::Table(const api::TableMeta& meta) {
  *schema_.mutable_column_desc() = meta.column_desc();
  *schema_.mutable_column_key() = meta.column_key();
  size_t segments = meta.seg_cnt() > 0 ? static_cast<size_t>(meta.seg_cnt()) : 8;
  for (const auto& key : meta.column_key()) {
    indexes_.push_back(Index{key.index_name(), key.ts_name(), {}, std::vector<uint64_t>(segments)});
  }
  if (indexes_.empty()) {
    indexes_.push_back(Index{"idx0", "", {}, std::vector<uint64_t>(segments)});
  }
}

bool Table::Put(const api::LogEntry& entry) {
  if (entry.value().size() < kRowHeaderSize || entry.dimensions().empty()) return false;
  auto row =
      std::make_shared<Row>(Row{entry.value(), entry.ts(), entry.log_index(), entry.term(), {}});
  for (const api::Dimension& dimension : entry.dimensions()) {
    if (dimension.idx() >= indexes_.size() || dimension.key().empty()) return false;
    std::optional<uint64_t> ts = TimeIn(indexes_[dimension.idx()], entry);
    if (!ts.has_value()) return false;
    row->places.push_back(Place{dimension.idx(), dimension.key(), *ts});
  }
  row->references = row->places.size();
  for (const Place& place : row->places) {
    Times& times = indexes_[place.index].keys[place.key];
    times.emplace_hint(times.lower_bound(place.ts), place.ts, row);
    ++SegmentCount(indexes_[place.index], place.key);
  }
  ++record_count_;
  record_bytes_ += row->value.size();
  return true;
}

void Table::Delete(const api::LogEntry& entry) {
  for (const api::Dimension& dimension : entry.dimensions()) {
    if (dimension.idx() >= indexes_.size()) continue;
    Index& index = indexes_[dimension.idx()];
    auto key = index.keys.find(dimension.key());
    if (key == index.keys.end()) continue;
    Times& times = key->second;
    auto [begin, end] = Covered(times, entry);
    for (auto at = begin; at != end; at = times.erase(at)) {
      --SegmentCount(index, dimension.key());
      if (--at->second->references > 0) continue;
      --record_count_;
      record_bytes_ -= at->second->value.size();
    }
    if (times.empty()) index.keys.erase(key);
  }
}

std::vector<Table::RowPtr> Table::Matching(const api::LogEntry& deletion) const {
  std::vector<RowPtr> rows;
  const api::Dimension& dimension = deletion.dimensions(0);
  if (dimension.idx() >= indexes_.size()) return rows;
  const Times* times = Find(dimension.idx(), dimension.key());
  if (times == nullptr) return rows;
  auto [begin, end] = Covered(*times, deletion);
  for (auto at = begin; at != end; ++at) rows.push_back(at->second);
  return rows;
}

void Table::Apply(const api::LogEntry& entry) {
  if (entry.method_type() == api::kDelete) {
    Delete(entry);
  } else {
    Put(entry);
  }
}

std::optional<uint32_t> Table::FindIndex(const std::string& name) const {
  if (name.empty()) return 0;
  for (uint32_t i = 0; i < indexes_.size(); ++i) {
    if (indexes_[i].name == name) return i;
  }
  return std::nullopt;
}

const Table::Times* Table::Find(uint32_t index, const std::string& key) const {
  auto found = indexes_[index].keys.find(key);
  return found == indexes_[index].keys.end() ? nullptr : &found->second;
}

bool Table::Contains(const api::LogEntry& entry) const {
  for (const api::Dimension& dimension : entry.dimensions()) {
    if (dimension.idx() >= indexes_.size()) continue;
    const Times* times = Find(dimension.idx(), dimension.key());
    std::optional<uint64_t> ts = TimeIn(indexes_[dimension.idx()], entry);
    if (times == nullptr || !ts.has_value()) continue;
    auto [begin, end] = times->equal_range(*ts);
    if (std::any_of(begin, end,
                    [&](const auto& at) { return at.second->value == entry.value(); })) {
      return true;
    }
  }
  return false;
}

std::vector<Table::RowPtr> Table::RowsByLogIndex() const {
  std::vector<RowPtr> rows;
  for (const Index& index : indexes_) {
    for (const auto& [key, times] : index.keys) {
      for (const auto& [ts, row] : times) rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end(),
            [](const RowPtr& a, const RowPtr& b) { return a->log_index < b->log_index; });
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

uint64_t Table::key_count() const {
  uint64_t count = 0;
  for (const Index& index : indexes_) count += index.keys.size();
  return count;
}

std::pair<Table::Times::const_iterator, Table::Times::const_iterator> Table::Covered(
    const Times& times, const api::LogEntry& deletion) {
  uint64_t newest = deletion.has_ts() ? deletion.ts() : std::numeric_limits<uint64_t>::max();
  if (!deletion.has_end_ts()) return {times.lower_bound(newest), times.end()};
  if (newest <= deletion.end_ts()) return {times.end(), times.end()};
  return {times.lower_bound(newest), times.lower_bound(deletion.end_ts())};
}

uint64_t& Table::SegmentCount(Index& index, const std::string& key) {
  uint32_t hash = 2166136261u;
  for (unsigned char byte : key) hash = (hash ^ byte) * 16777619u;
  return index.segment_counts[hash % index.segment_counts.size()];
}

std::optional<uint64_t> Table::TimeIn(const Index& index, const api::LogEntry& entry) const {
  if (index.ts_column.empty()) return entry.ts();
  std::optional<int64_t> ts = IntegerColumn(schema_, index.ts_column, entry.value());
  if (!ts.has_value() || *ts < 0) return std::nullopt;
  return static_cast<uint64_t>(*ts);
}

}  // namespace omdb::simulator
