#ifndef OMDB_CONTROLLERS_SESSIONS_H_
#define OMDB_CONTROLLERS_SESSIONS_H_

#include <string>

#include "controllers/clock.h"
#include "controllers/snapshot.h"

// Tablets' ZooKeeper sessions: the nameserver looks at a tablet anew, and tells others where it is,
// only when one begins or ends (F1.3).
namespace omdb {

// Ends the session of the tablet at `address` (host:port) and begins another one; waits in between.
absl::Status RenewZooKeeperSession(OpenMldb& openmldb, Clock& clock, const std::string& address);

// Some tablet does not know where another one is: any new session lets the nameserver tell all. One
// of `endpoint` is tried first: it also lets the nameserver look anew where that one is. Nothing
// happens where it has just done that.
void TellAddresses(OpenMldb& openmldb, Clock& clock, const std::string& endpoint);

// The nameserver counts on tablets at addresses that they had before: each gets a new session.
void MakeKnownAnew(OpenMldb& openmldb, Clock& clock, const Database& database);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_SESSIONS_H_
