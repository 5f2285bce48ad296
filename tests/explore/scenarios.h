#ifndef OMDB_TESTS_EXPLORE_SCENARIOS_H_
#define OMDB_TESTS_EXPLORE_SCENARIOS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/explore/outcome.h"

namespace omdb::explore {

// A fixed upgrade, to be played once for each of the operator's calls.
struct Scenario {
  std::string name;
  Shape shape;
  // What else happens, from the moment on at which the upgrade is asked for. May be empty.
  std::function<void(Story&)> besides;
  std::string version = kTo;  // in the end
  uint64_t seed = 1;          // of what the world draws, such as delays
  // No partition is without a leader to write to for longer than the spec allows.
  bool serves_all_the_time = true;
};
const std::vector<Scenario>& Scenarios();

// What happens to which of the operator's calls after the upgrade was asked for; from 1.
struct Strike {
  uint64_t call = 0;  // 0: nothing happens
  CallFate fate = CallFate::kGoesOn;
};
// The operator is killed before and after each of its calls in an undisturbed play, where after one
// is before the next, and the answer of each that changes something is lost.
std::vector<Strike> StrikesOf(const Scenario& scenario);
Outcome Play(const Scenario& scenario, const Strike& strike, const Telling& telling = {});

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_SCENARIOS_H_
