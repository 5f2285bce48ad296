#ifndef OMDB_CONTROLLERS_REPORT_H_
#define OMDB_CONTROLLERS_REPORT_H_

#include <string>

#include "controllers/decision.h"
#include "controllers/snapshot.h"

namespace omdb {

// The status that goes with what was seen and decided. Pure; a condition's transition time changes
// only with its status. `error` is what an action failed with.
ClusterStatus Report(const Snapshot& seen, const Decision& decision, const absl::Status& error);

// The status of a cluster about which nothing can be decided before a person acts.
ClusterStatus ReportStalled(const Cluster& cluster, absl::Time now, const std::string& reason,
                            const std::string& message);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_REPORT_H_
