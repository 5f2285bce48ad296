#ifndef OMDB_OPERATOR_KUBE_STOP_SIGNAL_H_
#define OMDB_OPERATOR_KUBE_STOP_SIGNAL_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace omdb::kube {

// Tells threads and the requests that they are blocked in to end, once and for good. Thread-safe;
// outlives everything that was given a pointer to it.
class StopSignal {
 public:
  StopSignal() = default;
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void Stop();
  bool stopped() const;

  // Waits for `duration` on the monotonic clock; false at once when stopped before it has passed.
  bool SleepFor(absl::Duration duration);

  // Runs `callback` when stopped (at once when that has happened already), unless the returned
  // handle is destroyed first; its destructor waits for a running callback. The callback must not
  // block and must not use this object.
  class Registration {
   public:
    Registration(StopSignal* signal, int id) : signal_(signal), id_(id) {}
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    StopSignal* signal_;
    int id_;
  };
  [[nodiscard]] std::unique_ptr<Registration> OnStop(std::function<void()> callback);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  int next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int, std::function<void()>> callbacks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_STOP_SIGNAL_H_
