#ifndef OMDB_TESTS_SIMULATOR_SERVER_EVENT_LOOP_H_
#define OMDB_TESTS_SIMULATOR_SERVER_EVENT_LOOP_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <random>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "tests/simulator/model/executor.h"

namespace omdb::simulator {

// The executor of a real process: the wall clock, and the thread that calls Run. Schedule may be
// called from any thread, everything else from Run's only.
class EventLoop : public Executor {
 public:
  EventLoop() : random_(std::random_device()()) {}

  absl::Time Now() override;
  void Schedule(absl::Duration delay, Work work) override;
  std::mt19937_64& random() override { return random_; }

  // Until Stop.
  void Run();
  void Stop();

 private:
  struct Item {
    absl::Time due;
    uint64_t order;
    Work work;
    bool operator>(const Item& other) const {
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> items_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_order_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::mt19937_64 random_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_EVENT_LOOP_H_
