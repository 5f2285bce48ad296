#include "tests/explore/exploration.h"

#include "absl/strings/str_cat.h"

namespace omdb::explore {

Outcome Explore(uint64_t seed, const std::set<Fault>& kinds, const Telling& telling) {
  std::mt19937_64 random(seed);
  Shape shape = RandomShape(random);
  if (kinds.empty()) shape.retry_interval = absl::Milliseconds(50);  // pauses are measured
  shape.client_hears_after = absl::Milliseconds(seed % 151);
  if (seed % 8 == 1) shape.busy_interval = absl::Milliseconds(8);
  Story story(seed, shape);
  Outcome outcome;
  outcome.name = absl::StrCat("seed ", seed);
  Prepare(story, telling);
  // A rollback goes the same way back.
  const Change change = seed % 4 == 0 ? Change{kTo, kFrom} : Change{kFrom, kTo};
  if (!story.Begin(change.from)) {
    outcome.failure = "the cluster was not created";
  } else {
    const Database before = story.database();
    Faults faults(story, random(), kinds, change, kFaultsFor);
    story.spec()["upgrade"]["allowSingleReplicaDowntime"] = true;
    story.Apply(change.to);
    RunToTheEnd(story, before, change.to, &faults, outcome);
    // A single tablet takes its partitions with it.
    if (outcome.failure.empty() && kinds.empty() && shape.tablets > 1)
      outcome.failure = TooLongAPause(story, kLongestPause);
  }
  Conclude(story, outcome);
  return outcome;
}

}  // namespace omdb::explore
