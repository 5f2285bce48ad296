#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "absl/strings/match.h"
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

// Before every third demotion the fence is lifted, and what is written then is not sent at once.
void LiftFences(Story& story) {
  auto& world = story.world();
  const auto held_back = std::make_shared<bool>(false);
  world.network.SetFilter([held_back](const simulator::FakeNetwork::Message& message) {
    return *held_back && message.method.ends_with("/AppendEntries")
               ? simulator::FakeNetwork::Fate::kRefuse
               : simulator::FakeNetwork::Fate::kDeliver;
  });
  story.operator_calls().SetListener([=, &story, &world, demotions = 0](const auto& call) mutable {
    if (!absl::StrContains(call.what, "kTableFollower") || ++demotions % 3 > 0) return;
    *held_back = true;
    for (int i = 0; i < story.shape().tablets; ++i)
      (void)story.openmldb().SetMode(story.tablet_name(i), false);
    world.executor.RunFor(4 * story.shape().write_interval);
    world.executor.Schedule(absl::Milliseconds(5), [held_back] { *held_back = false; });
  });
}

// The first failure of the scenario's seeds.
std::string First(Scenario (*scenario)(uint64_t), const std::set<Safeguard>& without,
                  uint64_t seeds) {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const Outcome outcome = Play(scenario(seed), {}, {false, without});
    if (!outcome.failure.empty()) return outcome.failure;
  }
  return "";
}

// The first failure of stories with those faults.
std::string ExploredWithout(Safeguard safeguard, const std::set<Fault>& faults, uint64_t seeds) {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const std::string failure = Explore(seed, faults, {false, {safeguard}}).failure;
    if (!failure.empty()) return failure;
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

TEST(Safeguards, LoseNothingTogether) { EXPECT_EQ(First(BusyTable, {}, 2), ""); }

// Its followers are hardly ever equal to it (M7).
Scenario TableThatIsWrittenToAllTheTime(uint64_t seed) {
  Scenario scenario = BusyTable(seed);
  scenario.shape.tables[0].partitions = 1;
  scenario.shape.write_interval = absl::Milliseconds(1);
  return scenario;
}

// In some of them such a moment is looked for over minutes.
TEST(Safeguards, LeaveATableWithoutALeaderNoLongerThoughItIsWrittenToAllTheTime) {
  EXPECT_EQ(First(TableThatIsWrittenToAllTheTime, {}, 10), "");
}

TEST(Safeguards, WithoutEqualityRowsAreLost) {
  EXPECT_THAT(First(BusyTable, {Safeguard::kEquality}, 5), HasSubstr("rows lost"));
}

// As the nameserver does at each change under /nodes (F5.2.4), and at the worst moment.
Scenario UnfencedBehindItsBack(uint64_t seed) {
  Scenario scenario = BusyTable(seed);
  scenario.besides = LiftFences;
  return scenario;
}

TEST(Safeguards, WithoutTheLookAfterTheDemotionRowsAreLostWhenAFenceIsLiftedByOthers) {
  EXPECT_EQ(First(UnfencedBehindItsBack, {}, 2), "");
  EXPECT_THAT(First(UnfencedBehindItsBack, {Safeguard::kOffsetsAfterDemotion}, 5),
              HasSubstr("rows lost"));
}

TEST(Safeguards, WithoutAFenceRowsAreLostUnlessThatIsSeenAfterTheDemotion) {
  EXPECT_EQ(First(BusyTable, {Safeguard::kFence}, 3), "");
  EXPECT_THAT(
      First(UnfencedBehindItsBack, {Safeguard::kFence, Safeguard::kOffsetsAfterDemotion}, 5),
      HasSubstr("rows lost"));
}

// In the middle of the first one, at another point for each seed.
Scenario NameserversDieInAChangeOfLeader(uint64_t seed) {
  Scenario scenario = BusyTable(seed);
  scenario.serves_all_the_time = false;
  scenario.besides = [seed](Story& story) {
    // So that the change is not given up before there is a nameserver again.
    story.spec()["upgrade"]["maxWritePause"] = "1500ms";
    story.Apply(kTo);
    story.operator_calls().SetListener([&story, seed, changes = 0](const auto& call) mutable {
      if (!absl::StrContains(call.what, "/ChangeLeader") || ++changes > 1) return;
      story.world().executor.Schedule(absl::Milliseconds(2 * seed), [&story] {
        for (int i = 0; i < story.shape().nameservers; ++i)
          story.node().Crash(story.nameserver_name(i));
      });
    });
  };
  return scenario;
}

TEST(Safeguards, WithoutTheTabletsTermsAHalfMadeChangeStays) {
  EXPECT_EQ(First(NameserversDieInAChangeOfLeader, {}, 30), "");
  EXPECT_THAT(First(NameserversDieInAChangeOfLeader, {Safeguard::kTerm}, 30),
              HasSubstr("not at its end"));
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
  EXPECT_NE(ExploredWithout(Safeguard::kLease, {Fault::kTwoOperators}, 400), "");
}

}  // namespace
}  // namespace omdb::explore
