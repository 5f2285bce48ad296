#ifndef OMDB_TESTS_EXPLORE_OUTCOME_H_
#define OMDB_TESTS_EXPLORE_OUTCOME_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/explore/faults.h"
#include "tests/explore/safeguards.h"
#include "tests/explore/story.h"

// What comes of a story about an upgrade.
namespace omdb::explore {

inline constexpr char kFrom[] = "0.9.1";
inline constexpr char kTo[] = "0.9.2";
inline constexpr absl::Duration kLongestPause = absl::Seconds(1);  // as the spec has it by default
inline constexpr absl::Duration kFaultsFor = absl::Seconds(40);    // from the change on

struct Outcome {
  std::string name;                // by which it is played again
  std::string failure;             // empty when all held
  std::vector<std::string> story;  // to be read after a failure
  uint64_t rows = 0;               // acknowledged
  uint64_t operator_calls = 0;
  absl::Duration rollout;  // in virtual time
  uint64_t digest = 0;     // the same for the same story
};

struct Telling {
  bool trace = false;  // the story tells every change that the operator makes
  std::set<Safeguard> without = {};
};

// Before anything happens in the story.
void Prepare(Story& story, const Telling& telling);
// From the moment at which `version` was asked for, with the database as it was before that, until
// everything holds that must hold in the end (F10.3), or not. `faults` may be null.
void RunToTheEnd(Story& story, const Database& before, const std::string& version, Faults* faults,
                 Outcome& outcome);
// Empty when nobody had to wait for longer than `most` to write to a partition (F10.3).
std::string TooLongAPause(Story& story, absl::Duration most);
void Conclude(Story& story, Outcome& outcome);

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_OUTCOME_H_
