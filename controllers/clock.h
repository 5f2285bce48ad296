#ifndef OMDB_CONTROLLERS_CLOCK_H_
#define OMDB_CONTROLLERS_CLOCK_H_

#include "absl/time/time.h"

namespace omdb {

// The only source of time for everything in controllers/. The process uses the wall clock, the
// exploration a virtual one. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual absl::Time Now() = 0;

  // Returns after `duration` has passed. Only the fenced critical section of a hand-over and
  // bounded waits within one action sleep; a reconcile never does.
  virtual void Sleep(absl::Duration duration) = 0;
};

// Within an action, how often is looked at what takes some milliseconds.
inline constexpr absl::Duration kPoll = absl::Milliseconds(5);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_CLOCK_H_
