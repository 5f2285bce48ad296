#ifndef OMDB_TESTS_SIMULATOR_SERVER_ON_EXECUTOR_H_
#define OMDB_TESTS_SIMULATOR_SERVER_ON_EXECUTOR_H_

#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/simulator/model/executor.h"

namespace omdb::simulator {

// Runs `work` on the executor's thread and waits on this one for what it passes to its argument, at
// most once and at any later time there. DeadlineExceeded when that takes longer than `patience`.
template <typename Value>
absl::StatusOr<Value> OnExecutor(Executor& executor, absl::Duration patience,
                                 std::function<void(std::function<void(Value)>)> work) {
  auto promise = std::make_shared<std::promise<Value>>();
  std::future<Value> answer = promise->get_future();
  executor.Schedule(absl::ZeroDuration(), [promise, work = std::move(work)] {
    work([promise](Value value) { promise->set_value(std::move(value)); });
  });
  if (answer.wait_for(absl::ToChronoNanoseconds(patience)) != std::future_status::ready) {
    return absl::DeadlineExceededError("the server did not answer itself in time");
  }
  return answer.get();
}

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_ON_EXECUTOR_H_
