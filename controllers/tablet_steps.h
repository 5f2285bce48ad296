#ifndef OMDB_CONTROLLERS_TABLET_STEPS_H_
#define OMDB_CONTROLLERS_TABLET_STEPS_H_

#include <string>

#include "controllers/plan.h"

// The steps of replacing one tablet. Each returns true when it is done and the next one may begin.
// All of them read the tablet in hand from the ledger, which is there.
namespace omdb {

bool TurnFailoverOff(Plan& plan);
bool AddExtraReplicas(Plan& plan);       // tablet_extra_replicas.cc
bool HandOverLeaders(Plan& plan);        // tablet_leaders.cc
bool Detach(Plan& plan);                 // tablet_restart.cc
bool Restart(Plan& plan);                // tablet_restart.cc
bool Load(Plan& plan);                   // tablet_rejoin.cc
bool Attach(Plan& plan);                 // tablet_rejoin.cc
bool MarkAlive(Plan& plan);              // tablet_rejoin.cc
bool ReturnLeaders(Plan& plan);          // tablet_leaders.cc
bool ReattachFormerLeaders(Plan& plan);  // tablet_rejoin.cc
bool RemoveExtraReplicas(Plan& plan);    // tablet_extra_replicas.cc
bool Verify(Plan& plan);
bool TurnFailoverBack(Plan& plan);

// Lets leaders forget the tablet where they may replicate to it. True when none does.
bool DetachFromLeaders(Plan& plan);  // tablet_restart.cc

// The tablet was replaced and does not serve, and its pod is not of the template that is wanted by
// now: a correction of the spec may be what it needs. It leads nothing yet.
bool KeptFromServing(const Plan& plan);  // tablet_restart.cc

// "tablet 2/3: c-tablet-1: handing over leaders 5/16"
std::string Progress(const Plan& plan, const std::string& doing);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_TABLET_STEPS_H_
