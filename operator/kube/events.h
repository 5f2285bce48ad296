#ifndef OMDB_OPERATOR_KUBE_EVENTS_H_
#define OMDB_OPERATOR_KUBE_EVENTS_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "controllers/clock.h"
#include "controllers/kubernetes.h"

namespace omdb::kube {

// What happened to an object, for `kubectl describe` and `kubectl events`.
struct EventNote {
  bool warning = false;
  std::string reason;  // CamelCase, at most 128 characters
  std::string action;  // what the operator did or tried, CamelCase
  std::string note;    // for people; cut at 1 kB
};

struct EventRecorderOptions {
  std::string controller = "openmldb.ai/openmldb-operator";
  std::string instance;  // of this process, e.g. the pod's name
  // The same note on the same object within this counts up one event instead of making another.
  absl::Duration series_window = absl::Minutes(6);
  // Of notes not yet written, and of notes remembered for their series. What does not fit is
  // dropped, the oldest first.
  size_t queue_limit = 256;
  size_t series_limit = 1024;
  std::function<void(const absl::Status&)> on_trouble;  // an event that was not written
};

// Writes events.k8s.io/v1 Events from a thread of its own: Record never waits, and a lost event
// never fails anything. Thread-safe.
class EventRecorder {
 public:
  // They outlive the recorder. Starts the thread.
  EventRecorder(Kubernetes* kubernetes, Clock* clock, EventRecorderOptions options);
  // Writes what is queued, for as long as `kubernetes` does it, and joins.
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // `regarding` is the object itself as the API server gave it.
  void Record(const Json& regarding, const EventNote& note);

  // Waits until everything recorded so far is written or lost.
  void Flush();

  int64_t dropped() const;

 private:
  struct Series {
    Json event;
    int64_t count = 0;
    absl::Time last;
    bool queued = false;
  };

  void Run();
  // Forgets series that are over.
  void Expire(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Forgets the one longest silent when there are too many.
  void MakeRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Kubernetes* const kubernetes_;
  Clock* const clock_;
  const EventRecorderOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Series> series_ ABSL_GUARDED_BY(mutex_);  // by object, reason and note
  std::deque<std::string> queue_ ABSL_GUARDED_BY(mutex_);         // keys of series_
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_EVENTS_H_
