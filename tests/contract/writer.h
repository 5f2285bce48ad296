#ifndef OMDB_TESTS_CONTRACT_WRITER_H_
#define OMDB_TESTS_CONTRACT_WRITER_H_

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tests/contract/raw.h"

namespace omdb::contract {

// Writes numbered rows to one partition in a closed loop, as an SDK does it: to the leader of the
// metadata, which it reads again when it was refused. Begins at once with a row each `interval`,
// ends with Stop or its life.
class Writer {
 public:
  // Both outlive this.
  Writer(Raw& raw, OpenMldb& openmldb, const PartitionId& partition,
         absl::Duration interval = absl::Milliseconds(1))
      : raw_(raw), openmldb_(openmldb), partition_(partition), interval_(interval), thread_([this] {
          Write();
        }) {}
  ~Writer() { Stop(); }

  // Begins no further row.
  void End() { stop_ = true; }
  // Also waits until it has ended.
  void Stop();

  size_t acknowledged_count() const {
    absl::MutexLock lock(&mutex_);
    return acknowledged_.size();
  }
  // To be called after Stop.
  std::set<std::string> acknowledged() const {
    absl::MutexLock lock(&mutex_);
    return acknowledged_;
  }
  // Between two acknowledged rows.
  absl::Duration longest_pause() const {
    absl::MutexLock lock(&mutex_);
    return longest_pause_;
  }
  // From a refused row to the next acknowledged one, each time.
  std::vector<absl::Duration> refusals() const {
    absl::MutexLock lock(&mutex_);
    return refusals_;
  }
  uint64_t refused_count() const { return refused_; }
  const PartitionId& partition() const { return partition_; }

 private:
  void Write();

  Raw& raw_;
  OpenMldb& openmldb_;
  const PartitionId partition_;
  const absl::Duration interval_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> refused_ = 0;
  mutable absl::Mutex mutex_;
  std::set<std::string> acknowledged_ ABSL_GUARDED_BY(mutex_);
  absl::Duration longest_pause_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Duration> refusals_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace omdb::contract

#endif  // OMDB_TESTS_CONTRACT_WRITER_H_
