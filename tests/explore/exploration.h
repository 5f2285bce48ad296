#ifndef OMDB_TESTS_EXPLORE_EXPLORATION_H_
#define OMDB_TESTS_EXPLORE_EXPLORATION_H_

#include <cstdint>
#include <set>

#include "tests/explore/outcome.h"

namespace omdb::explore {

// One seed is one story: a random cluster, a random change, random faults, and what must hold all
// the same.
Outcome Explore(uint64_t seed, const std::set<Fault>& kinds, const Telling& telling = {});

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_EXPLORATION_H_
