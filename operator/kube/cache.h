#ifndef OMDB_OPERATOR_KUBE_CACHE_H_
#define OMDB_OPERATOR_KUBE_CACHE_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "controllers/kubernetes.h"
#include "operator/kube/watcher.h"

namespace omdb::kube {

// An object of the cache became another; null where there is none.
struct Change {
  ResourceType type;
  ObjectKey key;
  SharedJson before;
  SharedJson after;
  // Seen first in the answer to a write of this process; the watch does not report it again.
  bool written_here = false;
};
using ChangeCallback = std::function<void(const Change&)>;

// The objects of one watch, without their managedFields. What this process wrote is never older
// here than the server's answer to it: an answer enters at once, older events and lists do not
// replace it, and what was deleted does not come back. Thread-safe; `on_change` runs in the thread
// of the watch or of the writer, without a lock, so the changes of two threads may come in another
// order than they happened: take it as "look again at this key".
class Cache : public WatchSink {
 public:
  Cache(WatchScope scope, ChangeCallback on_change);

  const WatchScope& scope() const { return scope_; }

  // Null when it is not there.
  SharedJson Find(const ObjectKey& key) const;
  // By namespace and name; an empty `ns` means all.
  std::vector<SharedJson> List(const std::string& ns,
                               const std::map<std::string, std::string>& labels) const;

  // Whether the first list has arrived and its changes were reported.
  bool synced() const;
  // Waits for that; false when `timeout` passes or `stop` comes first.
  bool WaitForSync(absl::Duration timeout, StopSignal& stop) const;

  // The answer of the API server to a write.
  void Written(const Json& object);
  // The API server confirmed that the object with this UID is gone.
  void Deleted(const ObjectKey& key, const std::string& uid);

  // WatchSink, for the watcher.
  void ListBegins() override;
  void List(std::vector<Json> objects) override;
  void Event(EventType type, Json object) override;

 private:
  struct Entry {
    SharedJson object;
    std::string resource_version;
    std::string uid;
    // When it came from a write: how many writes there had been. 0 otherwise.
    uint64_t write = 0;
  };

  static Entry MakeEntry(Json object, uint64_t write);
  // Puts or removes, and notes the change.
  void Set(const ObjectKey& key, Entry entry, std::vector<Change>* changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remove(const ObjectKey& key, bool written_here, std::vector<Change>* changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Bury(const std::string& uid, const std::string& resource_version)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsBuried(const Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Report(const std::vector<Change>& changes) const;

  const WatchScope scope_;
  const ChangeCallback on_change_;
  mutable std::mutex mutex_;
  mutable std::condition_variable synced_changed_;
  bool synced_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<ObjectKey, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t writes_ ABSL_GUARDED_BY(mutex_) = 0;
  // `writes_` when the list under way began: it may lack what was written later.
  uint64_t writes_before_list_ ABSL_GUARDED_BY(mutex_) = 0;
  // What is known to be gone while events and answers from before may still come.
  struct Grave {
    std::string resource_version;  // of its end; empty until the watch tells it
    uint64_t write = 0;            // how many writes there had been
  };
  // By UID; the oldest are forgotten.
  std::map<std::string, Grave> buried_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> burials_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_CACHE_H_
