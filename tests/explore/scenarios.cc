#include "tests/explore/scenarios.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace omdb::explore {
namespace {

// No larger than is needed for every kind of call to be made.
Shape Small(int tablets, std::vector<TableShape> tables, bool auto_failover) {
  Shape shape;
  shape.tablets = tablets;
  shape.tables = std::move(tables);
  shape.auto_failover = auto_failover;
  shape.write_interval = absl::Milliseconds(50);
  return shape;
}

std::function<void(Story&)> After(absl::Duration when, std::function<void(Story&)> happens) {
  return [when, happens = std::move(happens)](Story& story) {
    story.world().executor.Schedule(when, [&story, happens] { happens(story); });
  };
}

const std::string& ToString(CallFate fate) {
  static const std::vector<std::string> kNames = {"goes-on", "fails", "answer-lost",
                                                  "killed-before", "killed-after"};
  return kNames[static_cast<size_t>(fate)];
}

using Judge = OperatorCalls::Judge;

// For longer no partition may be without a leader to write to where the operator is killed (F10.3):
// until the next one has looked.
constexpr absl::Duration kLongestPauseOfKilled = absl::Seconds(4);

Outcome PlayJudged(const Scenario& scenario, const Judge& judge, absl::Duration longest_pause,
                   const Telling& telling) {
  Story story(scenario.seed, scenario.shape);
  Outcome outcome;
  Prepare(story, telling);
  if (!story.Begin(kFrom)) {
    outcome.failure = "the cluster was not created";
  } else {
    const Database before = story.database();
    const uint64_t first = story.operator_calls().count();
    story.operator_calls().SetJudge([&judge, first](OperatorCalls::Call call) {
      call.number -= first;
      return judge(call);
    });
    story.Apply(kTo);
    if (scenario.besides) scenario.besides(story);
    RunToTheEnd(story, before, scenario.version, nullptr, outcome);
    if (outcome.failure.empty() && scenario.serves_all_the_time) {
      outcome.failure = TooLongAPause(story, longest_pause);
    }
  }
  Conclude(story, outcome);
  return outcome;
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const auto* const kAll = new std::vector<Scenario>{
      {"three-replicas", Small(3, {{"t", 2, 3}}, true), {}},
      {"failover-off", Small(2, {{"t", 2, 2}}, false), {}},
      {"single-replica", Small(2, {{"t", 1, 1}}, true), {}},
      {"change-of-mind", Small(2, {{"t", 2, 2}}, true),
       After(absl::Seconds(12), [](Story& story) { story.Apply(kFrom); }), kFrom},
      {"tablet-crash", Small(3, {{"t", 2, 3}}, false),
       After(absl::Seconds(9), [](Story& story) { story.node().Crash(story.tablet_name(1)); }), kTo,
       1, /*serves_all_the_time=*/false},
  };
  return *kAll;
}

std::vector<Strike> StrikesOf(const Scenario& scenario) {
  std::vector<Strike> strikes;
  uint64_t last = 0;
  const auto note = [&](const OperatorCalls::Call& call) {
    last = call.number;
    strikes.push_back({call.number, CallFate::kKilledBefore});
    if (call.changes) strikes.push_back({call.number, CallFate::kAnswerLost});
    return CallFate::kGoesOn;
  };
  (void)PlayJudged(scenario, note, kLongestPause, {});
  strikes.push_back({last, CallFate::kKilledAfter});
  return strikes;
}

Outcome Play(const Scenario& scenario, const Strike& strike, const Telling& telling) {
  std::string what;
  const auto judge = [&](const OperatorCalls::Call& call) {
    if (call.number != strike.call) return CallFate::kGoesOn;
    what = call.what;
    return strike.fate;
  };
  const bool killed =
      strike.fate == CallFate::kKilledBefore || strike.fate == CallFate::kKilledAfter;
  Outcome outcome =
      PlayJudged(scenario, judge, killed ? kLongestPauseOfKilled : kLongestPause, telling);
  outcome.name = absl::StrCat(scenario.name, " call ", strike.call, " ", ToString(strike.fate));
  outcome.story.push_back(absl::StrCat(outcome.name, ": ", what));
  return outcome;
}

}  // namespace omdb::explore
