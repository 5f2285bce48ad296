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
#include "controllers/ledger.h"
#include "controllers/observe.h"
#include "controllers/openmldb.h"

namespace omdb {

// One reconcile: observe, decide, act, report. Different clusters may be reconciled at the same
// time, one cluster never twice at once. What it keeps between two reconciles is a convenience: a
// new Reconciler goes on from the ledger.
class Reconciler {
 public:
  Reconciler(Kubernetes& kubernetes, OpenMldbFactory& openmldb, Clock& clock, EventSink& events);
  ~Reconciler();

  // How soon to look again; infinite when the resource is gone. An error is to be retried with
  // back-off.
  absl::StatusOr<absl::Duration> Reconcile(const ObjectKey& key);

 private:
  struct Memory;

  std::shared_ptr<Memory> MemoryOf(const ObjectKey& key);
  void Forget(const ObjectKey& key);
  absl::Status ReadLedger(const Cluster& cluster, Memory& memory);
  absl::Status WriteLedger(const Cluster& cluster, const Ledger& ledger, Memory& memory);
  absl::Status WriteStatus(const Cluster& cluster, ClusterStatus status);

  Kubernetes& kubernetes_;
  OpenMldbFactory& openmldb_;
  Clock& clock_;
  EventSink& events_;
  absl::Mutex mutex_;
  std::map<ObjectKey, std::shared_ptr<Memory>> memories_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_RECONCILER_H_
