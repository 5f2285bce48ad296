#ifndef OMDB_TESTS_EXPLORE_DAMAGE_H_
#define OMDB_TESTS_EXPLORE_DAMAGE_H_

#include <cstddef>
#include <map>
#include <random>
#include <string>

#include "controllers/snapshot.h"
#include "tests/simulator/model/tablet.h"
#include "tests/simulator/world/process.h"

namespace omdb::explore {

// Damages what one of a tablet's replicas has on its volume, while its process is away, and tells
// what it did: everything is gone, or the last rows of its log, or some in the middle (F10.2).
// Replicas that lead, and those without a leader elsewhere, are left alone: then nothing is lost
// that another replica does not have. Empty when there is none to damage.
std::string DamageAReplica(simulator::World& world,
                           simulator::Process<simulator::TabletServer>& tablet,
                           std::mt19937_64& random);

// Logs by their paths, and how many of their records a loss of power does not take.
using SyncedLogs = std::map<std::string, size_t>;

// All that a tablet's logs have by now; its server sees to that every five seconds (F1.2).
SyncedLogs Sync(simulator::World& world, simulator::Process<simulator::TabletServer>& tablet);

// Cuts the logs of a tablet, whose process has just died, to what was synced; not those with rows
// that no other replica is known to have, by `others`: then something would be lost for good. Tells
// what it did.
std::string LosePower(simulator::World& world, simulator::Process<simulator::TabletServer>& tablet,
                      const SyncedLogs& synced, const Database& others);

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_DAMAGE_H_
