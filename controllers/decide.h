#ifndef OMDB_CONTROLLERS_DECIDE_H_
#define OMDB_CONTROLLERS_DECIDE_H_

#include "controllers/decision.h"
#include "controllers/ledger.h"
#include "controllers/snapshot.h"

namespace omdb {

// All of the operator's knowledge of how a cluster is made and upgraded: what comes next, given
// what is seen and what is remembered. A pure function: no I/O, no clock, no state.
Decision Decide(const Snapshot& snapshot, const Ledger& ledger);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_DECIDE_H_
