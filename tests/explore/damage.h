#ifndef OMDB_TESTS_EXPLORE_DAMAGE_H_
#define OMDB_TESTS_EXPLORE_DAMAGE_H_

#include <random>
#include <string>

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

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_DAMAGE_H_
