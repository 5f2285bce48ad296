#include "operator/monotonic_clock.h"

#include <time.h>

namespace omdb {

absl::Duration MonotonicClock::Elapsed() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace omdb
