#include "operator/kube/watch_state.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace omdb::kube {
namespace {

// After so many failures in a row with the same version a new list may mend what a new watch does
// not.
constexpr int kFailuresBeforeNewList = 3;

constexpr int kGone = 410;

WatchStep Listed(const WatchState& state, const watch::Page& page) {
  WatchStep step{.next = state};
  if (!page.continue_token.empty()) {
    step.next.phase = WatchPhase::kListing;
    step.next.continue_token = page.continue_token;
    step.effect = WatchStep::Effect::kKeepPage;
    return step;
  }
  step.next.phase = WatchPhase::kWatching;
  step.next.continue_token.clear();
  step.next.resource_version = page.resource_version;
  step.next.paged = true;
  step.effect = WatchStep::Effect::kDeliverList;
  return step;
}

// The stream brought something: what failed before is over.
WatchStep Progress(const WatchState& state, const std::string& resource_version) {
  WatchStep step{.next = state, .stream_goes_on = true};
  step.next.resource_version = resource_version;
  step.next.failures = 0;
  return step;
}

WatchStep Again(const WatchState& state) {
  WatchStep step{.next = state, .back_off = true};
  ++step.next.failures;
  return step;
}

// From the beginning; at once the first time, as a version that is gone is nothing unusual.
WatchStep ListAnew(const WatchState& state) {
  WatchStep step{.next = state, .effect = WatchStep::Effect::kDropPages};
  step.next.phase = WatchPhase::kEmpty;
  // Only between two pages can a version go while it is in use.
  step.next.paged = state.phase != WatchPhase::kListing && state.paged;
  step.next.continue_token.clear();
  step.next.resource_version.clear();
  step.back_off = state.failures > 0;
  ++step.next.failures;
  return step;
}

WatchStep TryAgain(const WatchState& state) {
  const bool stale =
      state.phase == WatchPhase::kWatching && state.failures + 1 >= kFailuresBeforeNewList;
  return stale ? ListAnew(state) : Again(state);
}

WatchStep Refused(const WatchState& state, const watch::Refused& refused) {
  if (refused.code == kGone) return ListAnew(state);
  if (state.bookmarks && absl::StrContains(refused.message, "RequestWatchProgress")) {
    WatchStep step = Again(state);
    step.next.bookmarks = false;
    return step;
  }
  WatchStep step = TryAgain(state);
  step.wait = refused.retry_after;
  return step;
}

struct Visitor {
  const WatchState& state;

  WatchStep operator()(const watch::Page& page) const { return Listed(state, page); }

  WatchStep operator()(const watch::Event& event) const {
    WatchStep step = Progress(state, event.resource_version);
    step.effect = WatchStep::Effect::kDeliverEvent;
    return step;
  }

  WatchStep operator()(const watch::Bookmark& bookmark) const {
    return Progress(state, bookmark.resource_version);
  }

  WatchStep operator()(const watch::Refused& refused) const { return Refused(state, refused); }

  WatchStep operator()(const watch::Ended& ended) const {
    if (ended.too_soon) return TryAgain(state);
    WatchStep step{.next = state};
    step.next.failures = 0;
    return step;
  }

  // The version is still good when the server is back, however long that takes; if not, it says so.
  WatchStep operator()(const watch::Broken&) const { return Again(state); }

  WatchStep operator()(const watch::Garbage&) const { return TryAgain(state); }
};

}  // namespace

absl::string_view ToString(WatchPhase phase) {
  switch (phase) {
    case WatchPhase::kEmpty:
      return "empty";
    case WatchPhase::kListing:
      return "listing";
    case WatchPhase::kWatching:
      return "watching";
  }
  return "unknown";
}

std::string ToString(const WatchState& state) {
  std::string text(ToString(state.phase));
  if (!state.resource_version.empty()) absl::StrAppend(&text, " from ", state.resource_version);
  if (!state.continue_token.empty()) absl::StrAppend(&text, " at ", state.continue_token);
  if (!state.paged) absl::StrAppend(&text, " without pages");
  if (!state.bookmarks) absl::StrAppend(&text, " without bookmarks");
  if (state.failures > 0) absl::StrAppend(&text, " after ", state.failures, " failures");
  return text;
}

WatchStep NextStep(const WatchState& state, const WatchInput& input) {
  return std::visit(Visitor{state}, input);
}

}  // namespace omdb::kube
