#ifndef OMDB_CONTROLLERS_LEADERSHIP_H_
#define OMDB_CONTROLLERS_LEADERSHIP_H_

#include "absl/status/status.h"

namespace omdb {

// Whether this operator is the one that acts. Two can believe it for a moment: one was paused, or
// its clock jumped. Thread-safe.
class Leadership {
 public:
  virtual ~Leadership() = default;

  // By its own monotonic clock at this instant; without a call, so that it can be asked before
  // every change. Cancelled when it does not lead.
  virtual absl::Status Leads() const = 0;

  // As the API server has it at this instant: the Lease's holder and its count of transitions are
  // this operator's. For what cannot be undone. Cancelled when they are not; another error when
  // the API server was not reached.
  virtual absl::Status Confirm() = 0;
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_LEADERSHIP_H_
