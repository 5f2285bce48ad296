#include "operator/kube/watch_state.h"

#include <ostream>

#include "gtest/gtest.h"

namespace omdb::kube {

// For the messages of failed expectations.
void PrintTo(const WatchState& state, std::ostream* out) { *out << ToString(state); }

namespace {

using Effect = WatchStep::Effect;

WatchState Listing(const std::string& token) {
  return {.phase = WatchPhase::kListing, .continue_token = token};
}

WatchState Watching(const std::string& version, int failures = 0) {
  return {.phase = WatchPhase::kWatching, .resource_version = version, .failures = failures};
}

watch::Refused Gone() { return {410, "Expired: too old resource version: 5 (90)", std::nullopt}; }

TEST(WatchState, AListOfOnePageLeadsToWatchingFromItsVersion) {
  const WatchStep step = NextStep({}, watch::Page{"", "40"});
  EXPECT_EQ(step.next, Watching("40"));
  EXPECT_EQ(step.effect, Effect::kDeliverList);
  EXPECT_FALSE(step.back_off);
}

TEST(WatchState, PagesAreKeptUntilTheLastOne) {
  const WatchStep first = NextStep({}, watch::Page{"page2", "40"});
  EXPECT_EQ(first.next, Listing("page2"));
  EXPECT_EQ(first.effect, Effect::kKeepPage);
  const WatchStep last = NextStep(first.next, watch::Page{"", "40"});
  EXPECT_EQ(last.next, Watching("40"));
  EXPECT_EQ(last.effect, Effect::kDeliverList);
}

TEST(WatchState, AListThatOutlivesItsVersionBeginsAnewWithoutPages) {
  const WatchStep step = NextStep(Listing("page2"), Gone());
  EXPECT_EQ(step.next.phase, WatchPhase::kEmpty);
  EXPECT_FALSE(step.next.paged);
  EXPECT_EQ(step.effect, Effect::kDropPages);
  EXPECT_FALSE(step.back_off);
  EXPECT_TRUE(NextStep(step.next, watch::Page{"", "50"}).next.paged);
}

TEST(WatchState, APageThatDoesNotComeIsAskedForAgain) {
  const WatchStep step = NextStep(Listing("page2"), watch::Broken{});
  EXPECT_EQ(step.next.phase, WatchPhase::kListing);
  EXPECT_EQ(step.next.continue_token, "page2");
  EXPECT_TRUE(step.back_off);
}

TEST(WatchState, AForbiddenListIsTriedAgainAndAgainWithGrowingBackOff) {
  WatchState state;
  for (int i = 1; i <= 5; ++i) {
    const WatchStep step = NextStep(state, watch::Refused{403, "pods is forbidden"});
    EXPECT_EQ(step.next.phase, WatchPhase::kEmpty);
    EXPECT_EQ(step.next.failures, i);
    EXPECT_TRUE(step.back_off);
    state = step.next;
  }
}

TEST(WatchState, AnEventMovesTheVersionAndEndsARowOfFailures) {
  const WatchStep step = NextStep(Watching("40", 2), watch::Event{"41"});
  EXPECT_EQ(step.next, Watching("41"));
  EXPECT_EQ(step.effect, Effect::kDeliverEvent);
  EXPECT_TRUE(step.stream_goes_on);
}

TEST(WatchState, ABookmarkMovesTheVersionOnly) {
  const WatchStep step = NextStep(Watching("40", 2), watch::Bookmark{"77"});
  EXPECT_EQ(step.next, Watching("77"));
  EXPECT_EQ(step.effect, Effect::kNothing);
  EXPECT_TRUE(step.stream_goes_on);
}

TEST(WatchState, AnOrderlyEndGoesOnAtOnceFromTheSameVersion) {
  const WatchStep step = NextStep(Watching("40", 1), watch::Ended{});
  EXPECT_EQ(step.next, Watching("40"));
  EXPECT_FALSE(step.stream_goes_on);
  EXPECT_FALSE(step.back_off);
}

TEST(WatchState, AnEndThatComesTooSoonIsAFailure) {
  const WatchStep step = NextStep(Watching("40"), watch::Ended{.too_soon = true});
  EXPECT_EQ(step.next, Watching("40", 1));
  EXPECT_TRUE(step.back_off);
}

TEST(WatchState, ABrokenConnectionNeverCostsTheVersion) {
  const WatchStep step = NextStep(Watching("40", 50), watch::Broken{});
  EXPECT_EQ(step.next, Watching("40", 51));
  EXPECT_TRUE(step.back_off);
}

TEST(WatchState, AGoneVersionIsListedAnewAtOnceTheFirstTimeAndThenWithBackOff) {
  const WatchStep step = NextStep(Watching("40"), Gone());
  EXPECT_EQ(step.next.phase, WatchPhase::kEmpty);
  EXPECT_EQ(step.next.resource_version, "");
  EXPECT_TRUE(step.next.paged);
  EXPECT_FALSE(step.back_off);
  const WatchStep listed = NextStep(step.next, watch::Page{"", "60"});
  EXPECT_TRUE(NextStep(listed.next, Gone()).back_off);
}

TEST(WatchState, AServerThatCannotDoBookmarksIsWatchedWithoutThem) {
  const watch::Refused refused{
      500,
      "a watch stream was requested but the required storage feature RequestWatchProgress is "
      "disabled"};
  const WatchStep step = NextStep(Watching("40"), refused);
  EXPECT_EQ(step.next.phase, WatchPhase::kWatching);
  EXPECT_EQ(step.next.resource_version, "40");
  EXPECT_FALSE(step.next.bookmarks);
  EXPECT_TRUE(step.back_off);
  EXPECT_EQ(NextStep(step.next, refused).next.failures, 2) << "the second time it is like any 500";
}

TEST(WatchState, ErrorsThatStayLeadToANewList) {
  const watch::Refused refused{500, "etcdserver: leader changed"};
  WatchStep step = NextStep(Watching("40"), refused);
  EXPECT_EQ(step.next, Watching("40", 1));
  step = NextStep(step.next, refused);
  EXPECT_EQ(step.next, Watching("40", 2));
  step = NextStep(step.next, refused);
  EXPECT_EQ(step.next.phase, WatchPhase::kEmpty);
  EXPECT_TRUE(step.back_off);
}

TEST(WatchState, GarbageThatStaysLeadsToANewList) {
  const WatchStep step = NextStep(Watching("40"), watch::Garbage{});
  EXPECT_EQ(step.next, Watching("40", 1));
  EXPECT_TRUE(step.back_off);
  EXPECT_EQ(NextStep(Watching("40", 2), watch::Garbage{}).next.phase, WatchPhase::kEmpty);
}

TEST(WatchState, AnOverloadedServerSaysWhenToComeBack) {
  const WatchStep step =
      NextStep(Watching("40"), watch::Refused{429, "too many requests", absl::Seconds(7)});
  EXPECT_EQ(step.next, Watching("40", 1));
  EXPECT_EQ(step.wait, absl::Seconds(7));
  EXPECT_TRUE(step.back_off);
  EXPECT_TRUE(
      NextStep(Watching("40", 2), watch::Refused{429, "too many requests", absl::Seconds(7)})
          .back_off)
      << "also before a new list";
}

TEST(WatchState, AListWithoutPagesThatIsRefusedStaysWithoutPages) {
  const WatchStep step = NextStep({.paged = false, .failures = 1}, Gone());
  EXPECT_EQ(step.next.phase, WatchPhase::kEmpty);
  EXPECT_FALSE(step.next.paged);
  EXPECT_TRUE(step.back_off);
}

TEST(WatchState, PrintsItself) {
  EXPECT_EQ(ToString(WatchState{}), "empty");
  EXPECT_EQ(ToString(Watching("40", 2)), "watching from 40 after 2 failures");
  EXPECT_EQ(ToString(WatchState{.phase = WatchPhase::kListing,
                                .continue_token = "x",
                                .paged = false,
                                .bookmarks = false}),
            "listing at x without pages without bookmarks");
  EXPECT_EQ(ToString(static_cast<WatchPhase>(-1)), "unknown");
}

}  // namespace
}  // namespace omdb::kube
