#ifndef OMDB_TESTS_UNIT_CONTROLLERS_FAKE_LEADERSHIP_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_FAKE_LEADERSHIP_H_

#include "controllers/leadership.h"

namespace omdb {

// Leads, unless a test says otherwise.
class FakeLeadership : public Leadership {
 public:
  absl::Status Leads() const override { return leads; }
  absl::Status Confirm() override {
    ++confirmed;
    return lease.ok() ? leads : lease;
  }

  absl::Status leads;
  absl::Status lease;  // as the API server has it
  int confirmed = 0;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_FAKE_LEADERSHIP_H_
