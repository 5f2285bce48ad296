#ifndef OMDB_CONTROLLERS_CHOOSE_TABLET_H_
#define OMDB_CONTROLLERS_CHOOSE_TABLET_H_

#include "controllers/plan.h"

namespace omdb {

// Puts the tablet of `pod` in the ledger with all that must be known to bring it back: its
// partitions, where each leader goes meanwhile (to the follower whose tablet leads least), and
// where partitions of a single replica get another one. False, with the reason in `plan`, when such
// a partition cannot get one and the spec does not allow its downtime.
bool TakeInHand(Plan& plan, const Pod& pod);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_CHOOSE_TABLET_H_
