#ifndef OMDB_CONTROLLERS_OBSERVE_H_
#define OMDB_CONTROLLERS_OBSERVE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "controllers/clock.h"
#include "controllers/kubernetes.h"
#include "controllers/openmldb.h"
#include "controllers/snapshot.h"

namespace omdb {

// What servers reported by /version, by pod UID and number of restarts: a running process does not
// change its version.
using VersionCache = std::map<std::string, std::string>;

// One look at everything. Errors only where Kubernetes cannot be read; what OpenMLDB does not
// answer is in the snapshot.
absl::StatusOr<Snapshot> Observe(Kubernetes& kubernetes, OpenMldb& openmldb, Clock& clock,
                                 const Cluster& cluster, VersionCache& versions);

// By op id: the task in which it was seen last, and since when.
using TaskTimes = std::map<uint64_t, std::pair<std::string, absl::Time>>;

// Writes into each op since when it has been in its task.
void TimeTasks(std::vector<Op>& ops, absl::Time now, TaskTimes& times);

// Asks every leader for its followers and every replica for its term, into `database.closely`. Two
// calls for each partition.
void LookClosely(OpenMldb& openmldb, Database& database);

// The parts, for tests.
Pod ReadPod(const Json& object);
Workload ReadWorkload(SharedJson object);
absl::StatusOr<Database> ReadDatabase(OpenMldb& openmldb, bool with_jobs);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_OBSERVE_H_
