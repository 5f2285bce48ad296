#ifndef OMDB_CONTROLLERS_CHOOSE_TABLET_H_
#define OMDB_CONTROLLERS_CHOOSE_TABLET_H_

#include "controllers/plan.h"

namespace omdb {

// Puts the tablet of `pod` in the ledger with all that must be known to bring it back: its
// partitions, where each leader goes meanwhile (to the follower whose tablet leads least), and
// where partitions of a single replica get another one. False, with the reason in `plan`, when such
// a partition cannot get one and the spec does not allow its downtime.
bool TakeInHand(Plan& plan, const Pod& pod);

// What the tablet in hand has come to hold since, or to lead, is held like the rest: of a table
// that was created, or moved by somebody else; and a leader whose follower went away gets another
// place to go to. Sends the tablet back to the step that makes extra replicas where one is needed.
// False as for TakeInHand.
bool HoldWhatCame(Plan& plan);

// The tablet in hand leads a partition that is not to stay with it.
bool LeadsWhatMustGo(const Plan& plan);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_CHOOSE_TABLET_H_
