#ifndef OMDB_TESTS_SIMULATOR_MODEL_TABLE_H_
#define OMDB_TESTS_SIMULATOR_MODEL_TABLE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
#include "tablet.pb.h"

namespace omdb::simulator {

// The rows of one replica in memory, by index, key and time. What arrives is a log entry, on the
// leader as on followers and in loading, so that replicas with the same log are the same.
// Rows do not expire: time to live is not modelled.
class Table {
 public:
  struct Place {
    uint32_t index;  // its position
    std::string key;
    uint64_t ts;  // what this index sorts by
  };
  struct Row {
    std::string value;
    uint64_t time;       // of the put, milliseconds
    uint64_t log_index;  // of the entry that put it
    uint64_t term;       // likewise
    absl::InlinedVector<Place, 1> places;
    size_t references = 0;  // places where it still is
  };
  using RowPtr = std::shared_ptr<Row>;
  // Newest first; among equal times the last put first.
  using Times = std::multimap<uint64_t, RowPtr, std::greater<>>;
  using Keys = absl::btree_map<std::string, Times>;

  explicit Table(const openmldb::api::TableMeta& meta);

  // False, and nothing changed, when a dimension names no index, or the row lacks the time column
  // of its index (F3.5).
  bool Put(const openmldb::api::LogEntry& entry);
  // Takes rows with end_ts < ts <= entry.ts out of the indexes that the entry names; without ts
  // from the newest, without end_ts to the oldest.
  void Delete(const openmldb::api::LogEntry& entry);
  void Apply(const openmldb::api::LogEntry& entry);
  // The rows that Delete would take out of the first index the entry names.
  std::vector<RowPtr> Matching(const openmldb::api::LogEntry& deletion) const;

  // Position of an index; the first one for an empty name.
  std::optional<uint32_t> FindIndex(const std::string& name) const;
  const Keys& keys(uint32_t index) const { return indexes_[index].keys; }
  // Null when there is no such key.
  const Times* Find(uint32_t index, const std::string& key) const;
  bool Contains(const openmldb::api::LogEntry& entry) const;
  // Rows in the order of their log entries.
  std::vector<RowPtr> RowsByLogIndex() const;

  size_t index_count() const { return indexes_.size(); }
  const std::string& index_name(uint32_t index) const { return indexes_[index].name; }
  // Rows of an index in each of its segments.
  const std::vector<uint64_t>& segment_counts(uint32_t index) const {
    return indexes_[index].segment_counts;
  }
  uint64_t record_count() const { return record_count_; }
  uint64_t record_bytes() const { return record_bytes_; }
  uint64_t key_count() const;

 private:
  struct Index {
    std::string name;
    std::string ts_column;  // empty: sorted by the put's own time
    Keys keys;
    std::vector<uint64_t> segment_counts;
  };

  // The times of a key that a deletion covers.
  static std::pair<Times::const_iterator, Times::const_iterator> Covered(
      const Times& times, const openmldb::api::LogEntry& deletion);
  uint64_t& SegmentCount(Index& index, const std::string& key);
  std::optional<uint64_t> TimeIn(const Index& index, const openmldb::api::LogEntry& entry) const;

  openmldb::api::TableMeta schema_;
  std::vector<Index> indexes_;
  uint64_t record_count_ = 0;
  uint64_t record_bytes_ = 0;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_TABLE_H_
