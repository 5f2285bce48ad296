#ifndef OMDB_OPERATOR_PROCESS_H_
#define OMDB_OPERATOR_PROCESS_H_

#include "absl/status/status.h"
#include "operator/config.h"

namespace omdb {

// Runs the operator until SIGTERM or SIGINT. Order: connection, watches, health, leader election;
// workers reconcile only while this process leads. At the end the reconciles under way are
// finished, then the Lease is given back. An error is what kept it from running. Where it stops
// leading the process ends at once: another may act by then.
absl::Status RunOperator(const Config& config);

}  // namespace omdb

#endif  // OMDB_OPERATOR_PROCESS_H_
