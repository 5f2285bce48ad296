#ifndef OMDB_CONTROLLERS_MEND_STEPS_H_
#define OMDB_CONTROLLERS_MEND_STEPS_H_

#include <string>

#include "absl/time/time.h"
#include "controllers/plan.h"

// The steps of mending. Each returns true when there is nothing to do for it and the next one may
// begin. All of them look at the database, which is there.
namespace omdb {

bool MakeTabletsKnown(Plan& plan);
bool KeepFailoverOff(Plan& plan);    // mend_failover.cc
bool TakeOver(Plan& plan);           // mend_failover.cc
bool FreeLanes(Plan& plan);          // mend.cc
bool BringReplicasBack(Plan& plan);  // mend_replicas.cc
bool FailOver(Plan& plan);           // mend_failover.cc
bool GiveFailoverBack(Plan& plan);   // mend_failover.cc

// An op that will never end (M6).
bool Stuck(const Op& op, const Snapshot& seen);

// The nameserver counts on the tablet, and it answers.
bool Serves(const Database& database, const std::string& endpoint);

// So long a tablet is awaited that has rows which nobody else may have; as long as the nameserver
// itself waits by its release configuration: a tablet that comes back has every row, a follower
// lacks the last of them (M13).
inline constexpr absl::Duration kGivenUpAfter = absl::Seconds(60);
bool GivenUp(const Database& database, const std::string& endpoint);

// There are actions that mend something.
bool Mends(Plan& plan, const std::string& doing);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_MEND_STEPS_H_
