#include "absl/strings/match.h"
#include "tests/bench/measured.h"

namespace omdb::bench {
namespace {

constexpr absl::Duration kAtMost = absl::Hours(1);
// Servers look after their sessions every 15 s (F2): upgrades begin at other times between two
// looks.
constexpr absl::Duration kApart = absl::Milliseconds(3100);

// What the operator was at in its last reconcile.
std::string PartOf(explore::Story& story) {
  if (const auto hand = story.ledger().tablet) return ToString(hand->step);
  const std::string progress = story.status().progress;
  for (const auto& [prefix, part] :
       {std::pair("nameserver", "nameservers"), std::pair("taskmanager", "task managers"),
        std::pair("apiserver", "API servers"), std::pair("preflight", "preflight")}) {
    if (absl::StartsWith(progress, prefix)) return part;
  }
  return "in between";
}

}  // namespace

Measured ByOperator(int partitions, uint64_t seed) {
  explore::Story story(seed, ShapeOf(partitions));
  Measured measured;
  measured.way = "the operator";
  measured.partitions = partitions;
  if (!story.Begin(kFrom)) {
    measured.failure = "the cluster was not created";
    return measured;
  }
  story.RunUntilTrue([] { return false; }, kApart * static_cast<int64_t>(seed));
  const uint64_t calls = story.operator_calls().count();
  const absl::Time began = story.world().executor.Now();
  story.Apply(kTo);
  absl::Time looked = began;
  const auto look = [&] {
    const bool ready = story.IsReady(kTo);
    // Its last step ends when it says that it is ready.
    const absl::Time now = ready ? story.reconciled() : story.world().executor.Now();
    if (now > looked) measured.Add(PartOf(story), now - looked);
    looked = now;
    return ready;
  };
  if (!story.RunUntilTrue(look, kAtMost)) measured.failure = story.status().progress;
  measured.total = looked - began;
  measured.calls = story.operator_calls().count() - calls;
  measured.fences = story.operators_openmldb().fences;
  for (const TabletReport& report : story.status().tablets)
    measured.leaders_moved += report.leaders_moved + report.leaders_returned;
  measured.Conclude(story);
  return measured;
}

}  // namespace omdb::bench
