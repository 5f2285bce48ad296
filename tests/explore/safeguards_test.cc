#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/explore/exploration.h"
#include "tests/explore/scenarios.h"

// The exploration can fail: with a safeguard switched off it finds what that is for.
namespace omdb::explore {
namespace {

using testing::HasSubstr;

// Many rows are under way at each moment of a hand-over.
Scenario BusyTable(uint64_t seed) {
  Shape shape;
  shape.tablets = 3;
  shape.nameservers = 1;
  shape.tables = {{"t", 3, 3}};
  shape.write_interval = absl::Milliseconds(3);
  return {"busy", shape, {}, kTo, seed};
}

// What fails first.
std::string Without(const std::set<Safeguard>& safeguards, uint64_t seeds = 5) {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const Outcome outcome = Play(BusyTable(seed), {}, {false, safeguards});
    if (!outcome.failure.empty()) return outcome.failure;
  }
  return "";
}

// Of the plays in which the operator dies after one of its changes, the first that fails.
std::string KilledWithout(Safeguard safeguard, const std::string& scenario) {
  for (const Scenario& each : Scenarios()) {
    if (each.name != scenario) continue;
    for (const Strike& strike : StrikesOf(each)) {
      if (strike.fate != CallFate::kAnswerLost) continue;  // those that change something
      const Outcome outcome =
          Play(each, {strike.call, CallFate::kKilledAfter}, {false, {safeguard}});
      if (!outcome.failure.empty()) return outcome.failure;
    }
  }
  return "";
}

TEST(Safeguards, LoseNothingTogether) { EXPECT_EQ(Without({}, 2), ""); }

TEST(Safeguards, WithoutEqualityRowsAreLost) {
  EXPECT_THAT(Without({Safeguard::kEquality}), HasSubstr("rows lost"));
}

TEST(Safeguards, WithoutNewSessionsATabletThatTheNameserverMissedStaysAway) {
  std::set<Fault> all;
  for (const auto& [fault, name] : AllFaults()) all.insert(fault);
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const std::string failure = Explore(seed, all, {false, {Safeguard::kRenewSessions}}).failure;
    if (failure.empty()) continue;
    EXPECT_THAT(failure, HasSubstr("making tablets known"));
    EXPECT_EQ(Explore(seed, all, {}).failure, "");
    return;
  }
  FAIL() << "no seed shows it";
}

TEST(Safeguards, WithoutTheLedgerFirstARolloutIsForgottenMidway) {
  EXPECT_NE(KilledWithout(Safeguard::kLedgerFirst, "failover-off"), "");
}

TEST(Safeguards, WithoutTheLeaseTwoOperatorsDoHarm) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    if (!Explore(seed, {Fault::kTwoOperators}, {false, {Safeguard::kLease}}).failure.empty())
      return;
  }
  FAIL() << "no seed shows it";
}

}  // namespace
}  // namespace omdb::explore
