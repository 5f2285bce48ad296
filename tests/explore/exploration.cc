#include "tests/explore/exploration.h"

#include "absl/strings/str_cat.h"

namespace omdb::explore {

Outcome Explore(uint64_t seed, const std::set<Fault>& kinds, const Telling& telling) {
  std::mt19937_64 random(seed);
  Story story(seed, RandomShape(random));
  Outcome outcome;
  outcome.name = absl::StrCat("seed ", seed);
  Prepare(story, telling);
  if (!story.Begin(kFrom)) {
    outcome.failure = "the cluster was not created";
  } else {
    const Database before = story.database();
    Faults faults(story, random(), kinds, kFaultsFor);
    story.spec()["upgrade"]["allowSingleReplicaDowntime"] = true;
    story.Apply(kTo);
    RunToTheEnd(story, before, kTo, &faults, outcome);
  }
  Conclude(story, outcome);
  return outcome;
}

}  // namespace omdb::explore
