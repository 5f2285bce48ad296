#ifndef OMDB_TESTS_UNIT_CONTROLLERS_FAKE_CLOCK_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_FAKE_CLOCK_H_

#include "controllers/clock.h"

namespace omdb {

// Time passes only when something sleeps.
class FakeClock : public Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration duration) override { now_ += duration; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1700000000);
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_FAKE_CLOCK_H_
