#ifndef OMDB_OPERATOR_KUBE_WATCH_STATE_H_
#define OMDB_OPERATOR_KUBE_WATCH_STATE_H_

#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// The life of a watch as a pure function: where each answer and each error of the API server leads.
// watcher.h does the requests.
//
//   empty ----- a page, more to come ----> listing
//   empty, listing ----- the last page ----> watching
//   watching ----- an event, a bookmark, an orderly end, a broken connection ----> watching
//   listing, watching ----- the version is gone (410), or watching keeps failing ----> empty
namespace omdb::kube {

enum class WatchPhase {
  // Nothing is known. Next: the first page of a list.
  kEmpty,
  // Some pages of a list have come, and count only when the last has. Next: the page at
  // `continue_token`.
  kListing,
  // Everything up to `resource_version` is known. Next: the events from there on, again and again.
  kWatching,
};
absl::string_view ToString(WatchPhase phase);

struct WatchState {
  WatchPhase phase = WatchPhase::kEmpty;
  std::string continue_token;    // of kListing
  std::string resource_version;  // of kWatching; the last that was seen
  // Lists come in pages, unless one outlived its version between two pages.
  bool paged = true;
  // Bookmarks keep `resource_version` young on quiet watches; an API server on an old etcd refuses
  // watches that ask for them.
  bool bookmarks = true;
  // In a row, without any event or an orderly end in between.
  int failures = 0;

  bool operator==(const WatchState&) const = default;
};
std::string ToString(const WatchState& state);

namespace watch {

// A page of a list; the last when `continue_token` is empty.
struct Page {
  std::string continue_token;
  std::string resource_version;
};
// A line of the stream: ADDED, MODIFIED or DELETED.
struct Event {
  std::string resource_version;
};
struct Bookmark {
  std::string resource_version;
};
// A request was answered with an error, or the stream ended in an ERROR event. `code` is the
// Status' own: the HTTP code of a stream is 200 whatever comes in it.
struct Refused {
  int code = 0;
  std::string message;
  std::optional<absl::Duration> retry_after;
};
// The server ended the stream in good order; too soon when it had lasted less than a second and
// brought nothing.
struct Ended {
  bool too_soon = false;
};
// No connection, a broken one, or silence for longer than bookmarks are apart.
struct Broken {};
// A line that is no watch event.
struct Garbage {};

}  // namespace watch

using WatchInput = std::variant<watch::Page, watch::Event, watch::Bookmark, watch::Refused,
                                watch::Ended, watch::Broken, watch::Garbage>;

struct WatchStep {
  enum class Effect {
    kNothing,
    kKeepPage,     // with those before it
    kDropPages,    // a list that was not finished begins anew
    kDeliverList,  // all pages and this one are the whole truth
    kDeliverEvent,
  };

  WatchState next;
  Effect effect = Effect::kNothing;
  // Whether the open stream goes on.
  bool stream_goes_on = false;
  // Before the next request: as the server said, or a back-off that grows with next.failures, or at
  // once.
  bool back_off = false;
  std::optional<absl::Duration> wait;
};

WatchStep NextStep(const WatchState& state, const WatchInput& input);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_WATCH_STATE_H_
