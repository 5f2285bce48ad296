#ifndef OMDB_CONTROLLERS_ACT_H_
#define OMDB_CONTROLLERS_ACT_H_

#include "absl/status/status.h"
#include "controllers/clock.h"
#include "controllers/decision.h"
#include "controllers/kubernetes.h"
#include "controllers/openmldb.h"
#include "controllers/snapshot.h"

namespace omdb {

// Carries out `action`. What it learned that the cluster does not show (pauses, what was attached,
// what could not be loaded) goes into `ledger`, and what people should hear into `notes`. Safe to
// repeat.
absl::Status Act(Kubernetes& kubernetes, OpenMldb& openmldb, Clock& clock, const Snapshot& seen,
                 const Action& action, Ledger& ledger, std::vector<Note>& notes);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_ACT_H_
