#ifndef OMDB_CONTROLLERS_GUARDS_H_
#define OMDB_CONTROLLERS_GUARDS_H_

#include <optional>
#include <string>

#include "controllers/snapshot.h"

// What must hold before a server is taken away. Each answers the first thing that does not hold, in
// words for a condition, or nothing. Pure functions.
namespace omdb {

struct Problem {
  std::string reason;  // CamelCase
  std::string message;
};

// ZooKeeper and the leading nameserver answer.
std::optional<Problem> NotReachable(const Snapshot& seen);
// Every tablet of the spec is registered, healthy and answers (M4 H6: registered but offline is
// named as such).
std::optional<Problem> TabletMissing(const Snapshot& seen);
// An op is queued or running (H3).
std::optional<Problem> OpUnderWay(const Database& database);
// One of this partition is: one op per partition at a time, whatever its lane (H5).
bool OpUnderWayOn(const Database& database, const PartitionId& id);
// One of those, and none that changes its leader.
bool CopiedByAnOp(const Database& database, const PartitionId& id);
// An ex-leader that still accepts writes: while there is one, no leader changes and no tablet is
// fenced (H1, H2).
std::optional<Problem> FormerLeaderNotDemoted(const Database& database);
// A partition without exactly one leader alive; a replica not alive, not loaded, or in another role
// than its meta says; an ex-leader that was not demoted (H1, H2).
std::optional<Problem> PartitionUnwell(const Snapshot& seen);
// All of these: nothing is taken away from a cluster that is not whole (F7.1).
std::optional<Problem> NotWhole(const Snapshot& seen);

// What a server calls its version is the one of that name. Real ones add their commit, as in
// "0.9.2-<commit>" (F1.5).
bool SameVersion(const std::string& reported, const std::string& version);
// The pod's server says that it is another version than the pod was made for.
bool ReportsAnotherVersion(const Pod& pod);

// It does not run, has never run, or runs something else: a correction of the spec may let it.
bool Broken(const Pod& pod);

// The tablet of the pod is of its version, and the nameserver knows it at its present address.
bool TabletServes(const Snapshot& seen, const Pod& pod);

// A pod of the component that is in trouble, or a server that reports another version than its pod
// is made for.
std::optional<Problem> PodTrouble(const Snapshot& seen, Component component);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_GUARDS_H_
