#ifndef OMDB_OPERATOR_KUBE_WATCHER_H_
#define OMDB_OPERATOR_KUBE_WATCHER_H_

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "controllers/kubernetes.h"
#include "operator/kube/rest.h"
#include "operator/kube/watch_state.h"

namespace omdb::kube {

// Which objects to watch.
struct WatchScope {
  ResourceType type;
  std::string ns;                             // empty: all
  std::map<std::string, std::string> labels;  // objects that have all of these

  bool Contains(const Json& object) const;
};

enum class EventType { kAdded, kModified, kDeleted };

// Where a watcher delivers, in its own thread. Objects carry apiVersion and kind.
class WatchSink {
 public:
  virtual ~WatchSink() = default;

  // A list is about to be asked for. It may be begun again before it is delivered.
  virtual void ListBegins() = 0;
  // All objects of the scope, as they were at some instant after the last ListBegins.
  virtual void List(std::vector<Json> objects) = 0;
  virtual void Event(EventType type, Json object) = 0;
};

struct WatcherOptions {
  // Back-off between failed requests, see Backoff.
  absl::Duration first_pause = absl::Milliseconds(200);
  absl::Duration longest_pause = absl::Seconds(20);
  // Above the minute that bookmarks are apart.
  absl::Duration longest_silence = absl::Seconds(150);
  // The server ends a watch after this, or up to twice this, so that connections spread over its
  // replicas again. Without bookmarks after two thirds of longest_silence.
  absl::Duration server_timeout = absl::Minutes(5);
  int page_size = 500;
  // Each step that was not in good order: the scope, the error, and what comes next. For the log.
  std::function<void(const WatchScope&, const std::string& trouble)> on_trouble;
  // Instead of waiting, for tests; false when everything stops.
  std::function<bool(absl::Duration)> sleeper;
};

// Keeps a sink up to date with the API server for as long as `rest` is not stopped, through
// whatever happens to the server and the connection (watch_state.h). A list is always consistent
// (without a resourceVersion), so an answer of a server that lags behind never takes the sink back
// in time.
class Watcher {
 public:
  // All of it outlives the watcher. `rest` should do no retries of its own: the back-off is here.
  Watcher(Rest* rest, WatchScope scope, WatcherOptions options, WatchSink* sink);
  // Waits for the thread; `rest` must be stopped.
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // In a thread of its own, named after the type.
  void Start();
  // In the caller's thread, until `rest` is stopped.
  void Run();

 private:
  void RequestPage();
  void RequestEvents();
  WatchInput ReadLine(absl::string_view line, EventType* type, Json* object) const;
  // Takes the step's state and effect; the caller does its wait.
  WatchStep Take(const WatchInput& input, const std::string& trouble);
  void Wait(const WatchStep& step);

  Rest* const rest_;
  const WatchScope scope_;
  const WatcherOptions options_;
  WatchSink* const sink_;
  std::thread thread_;

  // Of the running thread only.
  WatchState state_;
  std::vector<Json> pages_;
};

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_WATCHER_H_
