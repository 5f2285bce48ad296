#ifndef OMDB_OPERATOR_WORK_QUEUE_H_
#define OMDB_OPERATOR_WORK_QUEUE_H_

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "operator/monotonic_clock.h"

namespace omdb {

// The rules of the queue, without threads and with time from outside: `now` and `due` are what a
// MonotonicClock says. A key is in at most one of these: waiting for its time, ready, or in work;
// in work it may be wanted again.
class WorkQueueState {
 public:
  struct Options {
    // Of Retry: doubles with each failure of a key in a row.
    absl::Duration first_retry = absl::Milliseconds(100);
    absl::Duration longest_retry = absl::Minutes(1);
  };
  explicit WorkQueueState(Options options) : options_(options) {}

  // `due` or earlier; a key that is waiting for a later time is moved forward, never back.
  void Add(const std::string& key, absl::Duration due, absl::Duration now);
  void Retry(const std::string& key, absl::Duration now);
  void Forget(const std::string& key);

  // The key that has been ready longest, now in work; nothing when none is ready.
  std::optional<std::string> Take(absl::Duration now);
  // The key's work has ended; it is ready again if it was wanted meanwhile.
  void Done(const std::string& key, absl::Duration now);

  // When the next waiting key gets ready; infinite when none waits.
  absl::Duration NextDue() const;
  // Ready ones.
  size_t depth() const { return ready_.size(); }
  bool idle() const { return ready_.empty() && working_.empty(); }
  // The key that has been in work longest, and for how long.
  struct Running {
    std::string key;
    absl::Duration time;
  };
  std::optional<Running> LongestRunning(absl::Duration now) const;
  int failures(const std::string& key) const;

 private:
  void Promote(absl::Duration now);

  const Options options_;
  std::deque<std::string> ready_;
  std::set<std::string> is_ready_;
  std::map<std::string, absl::Duration> waiting_;
  struct Work {
    absl::Duration since;
    std::optional<absl::Duration> wanted_again;
  };
  std::map<std::string, Work> working_;
  std::map<std::string, int> failures_;
};

// Keys to be worked on by several threads, each key by one at a time. Adding a key that is already
// ready does nothing; adding one that is in work makes it ready again afterwards. Thread-safe.
class WorkQueue {
 public:
  using Options = WorkQueueState::Options;

  struct Metrics {
    size_t depth = 0;
    int64_t adds = 0;
    int64_t retries = 0;
  };

  // `clock` outlives the queue; threads wait in real time, at most a second at once, and look at it
  // again.
  WorkQueue(MonotonicClock* clock, Options options);

  void Add(const std::string& key);
  // No later than after `delay`: the earliest of several wins.
  void AddAfter(const std::string& key, absl::Duration delay);
  // After a failure: each one in a row doubles the wait.
  void AddRateLimited(const std::string& key);
  // The key's work succeeded: its next failure is a first one.
  void Forget(const std::string& key);

  // Waits for a key to work on, which must be given to Done. Nothing when the queue was shut down
  // and every ready key was taken.
  std::optional<std::string> Get();
  void Done(const std::string& key);

  // From now on keys are no longer added; ready ones are still worked on, waiting ones are dropped.
  void ShutDown();

  Metrics metrics() const;
  std::optional<WorkQueueState::Running> LongestRunning() const;

 private:
  MonotonicClock* const clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  WorkQueueState state_ ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t adds_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t retries_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_WORK_QUEUE_H_
