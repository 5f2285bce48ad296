#ifndef OMDB_CONTROLLERS_RECONCILER_H_
#define OMDB_CONTROLLERS_RECONCILER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "controllers/clock.h"
#include "controllers/events.h"
#include "controllers/kubernetes.h"
#include "controllers/leadership.h"
#include "controllers/ledger.h"
#include "controllers/observe.h"
#include "controllers/openmldb.h"

namespace omdb {

// One reconcile: observe, decide, act, report. Different clusters may be reconciled at the same
// time, one cluster never twice at once. What it keeps between two reconciles is a convenience: a
// new Reconciler goes on from the ledger.
class Reconciler {
 public:
  Reconciler(Kubernetes& kubernetes, OpenMldbFactory& openmldb, Clock& clock, EventSink& events,
             Leadership& leadership);
  ~Reconciler();

  // How soon to look again; infinite when the resource is gone. An error is to be retried with
  // back-off; Internal for an exception, a bug, after which it begins anew like another process.
  absl::StatusOr<absl::Duration> Reconcile(const ObjectKey& key);

 private:
  struct Memory;

  absl::StatusOr<absl::Duration> Once(const ObjectKey& key);
  static bool WantsACloseLook(const Snapshot& snapshot, const Memory& memory);
  std::shared_ptr<Memory> MemoryOf(const ObjectKey& key);
  void Forget(const ObjectKey& key);
  absl::Status ReadLedger(const Cluster& cluster, Memory& memory);
  absl::Status WriteLedger(const Cluster& cluster, const Ledger& ledger, Memory& memory);
  // A person has to act: the resource says so. Returns `why`.
  // No resource that is older uses the same path of the same ZooKeeper.
  absl::Status OwnsItsPath(const Cluster& cluster);
  absl::Status Stall(const Cluster& cluster, const std::string& reason, const absl::Status& why);
  absl::Status WriteStatus(const Cluster& cluster, ClusterStatus status);

  Kubernetes& kubernetes_;
  OpenMldbFactory& openmldb_;
  Clock& clock_;
  EventSink& events_;
  Leadership& leadership_;
  absl::Mutex mutex_;
  std::map<ObjectKey, std::shared_ptr<Memory>> memories_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_RECONCILER_H_
