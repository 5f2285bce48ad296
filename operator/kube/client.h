#ifndef OMDB_OPERATOR_KUBE_CLIENT_H_
#define OMDB_OPERATOR_KUBE_CLIENT_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "controllers/kubernetes.h"
#include "operator/kube/cache.h"
#include "operator/kube/rest.h"
#include "operator/kube/stop_signal.h"
#include "operator/kube/transport.h"
#include "operator/kube/watcher.h"

namespace omdb::kube {

inline constexpr char kFieldManager[] = "openmldb-operator";

struct ClientOptions {
  RestOptions rest;
  WatcherOptions watcher;
};

// For the client of a LeaderElector: it gives up soon enough for a second try before the renew
// deadline.
ClientOptions LeaderElectionClientOptions();

// The Kubernetes API for the running operator. Get and List answer from the cache of a watch that
// covers them, as soon as that has its first list, and otherwise ask the API server. A write's
// answer is in the cache before the call returns.
//
// Order of a process: construct, OnChange, Watch for each type, WaitForSync, work, Stop. The
// destructor stops too. A thread for each watch; all are joined in Stop, the last started first.
class Client : public Kubernetes {
 public:
  Client(std::shared_ptr<HttpTransport> transport, ClientOptions options);
  ~Client() override;

  // Before the first Watch. Runs in the threads of the watches and of the writers: it must be quick
  // and must not call the client.
  void OnChange(ChangeCallback callback);

  // Keeps the objects of a type in the cache: those of one namespace, or of all when `ns` is empty,
  // that have all the labels. With labels Get and List know nothing of other objects: an object
  // without them is NotFound.
  void Watch(const ResourceType& type, const std::string& ns,
             const std::map<std::string, std::string>& labels = {});

  // Until every watch has its first list; DeadlineExceeded with the ones that have not.
  absl::Status WaitForSync(absl::Duration timeout);
  bool Synced() const;

  // Ends requests and watches, within a second. Calls afterwards return Cancelled.
  void Stop();

  absl::StatusOr<Json> Get(const ResourceType& type, const ObjectKey& key) override;
  absl::StatusOr<std::vector<SharedJson>> List(
      const ResourceType& type, const std::string& ns,
      const std::map<std::string, std::string>& labels) override;
  absl::StatusOr<Json> GetFresh(const ResourceType& type, const ObjectKey& key) override;
  absl::StatusOr<Json> Apply(const ResourceType& type, const Json& object) override;
  absl::StatusOr<Json> ApplyStatus(const ResourceType& type, const Json& object) override;
  absl::Status Delete(const ResourceType& type, const ObjectKey& key,
                      const std::string& uid) override;
  absl::StatusOr<Json> Create(const ResourceType& type, const Json& object) override;

 private:
  struct Watched {
    std::unique_ptr<Cache> cache;
    std::unique_ptr<Watcher> watcher;
  };

  // The synced cache that has every object of the namespace, or null.
  Cache* CacheFor(const ResourceType& type, const std::string& ns) const;
  std::vector<Cache*> CachesOf(const ResourceType& type) const;
  absl::StatusOr<Json> ApplyAt(const ResourceType& type, const Json& object,
                               const std::string& subresource);
  void Written(const ResourceType& type, const Json& object);

  const ClientOptions options_;
  StopSignal stop_;
  Rest rest_;
  Rest watch_rest_;
  mutable std::mutex mutex_;
  ChangeCallback on_change_ ABSL_GUARDED_BY(mutex_);
  // Only grows until Stop joins; caches live as long as the client.
  std::vector<Watched> watched_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_CLIENT_H_
