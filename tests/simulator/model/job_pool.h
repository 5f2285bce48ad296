#ifndef OMDB_TESTS_SIMULATOR_MODEL_JOB_POOL_H_
#define OMDB_TESTS_SIMULATOR_MODEL_JOB_POOL_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "tests/simulator/model/task.h"

namespace omdb::simulator {

// A server's pool of a few threads: jobs beyond their number wait in order. Its jobs die with it.
class JobPool {
 public:
  JobPool(Executor& executor, size_t threads) : free_(threads), scope_(executor) {}

  void Add(Task<void> job) { scope_.Spawn(Run(std::move(job))); }

 private:
  Task<void> Run(Task<void> job) {
    if (free_ == 0) {
      Promise<Unit> turn;
      waiting_.push_back(turn);
      co_await turn;
    } else {
      --free_;
    }
    co_await std::move(job);
    if (waiting_.empty()) {
      ++free_;
    } else {
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      // From the queue, so that a long row of short jobs does not nest.
      scope_.Post(absl::ZeroDuration(), [next] { next.Set(Unit{}); });
    }
  }

  size_t free_;
  std::deque<Promise<Unit>> waiting_;
  Scope scope_;  // last: its coroutines use the rest
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_JOB_POOL_H_
