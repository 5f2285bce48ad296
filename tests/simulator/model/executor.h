#ifndef OMDB_TESTS_SIMULATOR_MODEL_EXECUTOR_H_
#define OMDB_TESTS_SIMULATOR_MODEL_EXECUTOR_H_

#include <random>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace omdb::simulator {

// Runs the model: one thread, one queue ordered by due time (first come first served within the
// same instant). The process front runs it on the wall clock, the exploration on a virtual one with
// a seeded order. Everything of a model server happens on its executor's thread; only Schedule of
// the process front may be called from elsewhere.
class Executor {
 public:
  using Work = absl::AnyInvocable<void()>;

  virtual ~Executor() = default;

  virtual absl::Time Now() = 0;
  virtual void Schedule(absl::Duration delay, Work work) = 0;
  // The only source of chance in the model.
  virtual std::mt19937_64& random() = 0;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_EXECUTOR_H_
