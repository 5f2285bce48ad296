#ifndef OMDB_TESTS_UNIT_KUBE_SET_CLOCK_H_
#define OMDB_TESTS_UNIT_KUBE_SET_CLOCK_H_

#include <atomic>

#include "controllers/clock.h"
#include "operator/monotonic_clock.h"

namespace omdb::kube {

// Time passes only when a test says so, or sleeps. Thread-safe.
class SetClock : public Clock, public MonotonicClock {
 public:
  static constexpr int64_t kStart = 1'800'000'000;

  absl::Time Now() override { return absl::FromUnixSeconds(kStart) + Elapsed(); }
  void Sleep(absl::Duration duration) override { Advance(duration); }
  absl::Duration Elapsed() override { return absl::Microseconds(elapsed_.load()); }
  void Advance(absl::Duration duration) { elapsed_ += absl::ToInt64Microseconds(duration); }

 private:
  std::atomic<int64_t> elapsed_ = 0;  // in microseconds
};

}  // namespace omdb::kube

#endif  // OMDB_TESTS_UNIT_KUBE_SET_CLOCK_H_
