#ifndef OMDB_OPERATOR_MONOTONIC_CLOCK_H_
#define OMDB_OPERATOR_MONOTONIC_CLOCK_H_

#include "absl/time/time.h"

namespace omdb {

// Time that no one sets: for how long ago something happened, on this machine. Thread-safe.
class MonotonicClock {
 public:
  virtual ~MonotonicClock() = default;

  // Since some fixed instant. Goes on while the machine is suspended, so that a Lease runs out for
  // its holder too.
  virtual absl::Duration Elapsed();
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_MONOTONIC_CLOCK_H_
