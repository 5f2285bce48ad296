#ifndef OMDB_OPERATOR_KUBE_LEASE_H_
#define OMDB_OPERATOR_KUBE_LEASE_H_

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "controllers/clock.h"
#include "controllers/kubernetes.h"
#include "controllers/leadership.h"
#include "operator/kube/lease_decision.h"
#include "operator/kube/stop_signal.h"
#include "operator/monotonic_clock.h"

namespace omdb::kube {

struct LeaderElectionOptions {
  ObjectKey lease;
  std::string identity;      // of this process, unique: the pod's name and something random
  std::string predecessors;  // as Candidate has it
  absl::Duration lease_duration = absl::Seconds(15);
  // A leader that has not renewed for so long leads no more; well before others may take over.
  absl::Duration renew_deadline = absl::Seconds(10);
  absl::Duration retry_period = absl::Seconds(2);

  // All in the elector's thread, which does not renew meanwhile. They may be empty.
  std::function<void()> on_started_leading;
  std::function<void()> on_stopped_leading;
  std::function<void(const std::string& holder)> on_new_leader;  // also when it is this process
  std::function<void(const absl::Status&)> on_trouble;           // a try that failed
};

// Leader election by a Lease, as client-go does it; holders of either kind respect each other.
// Thread-safe.
class LeaderElector : public Leadership {
 public:
  // `kubernetes` must give up on a call well within the renew deadline. It and the clocks outlive
  // the elector.
  LeaderElector(Kubernetes* kubernetes, Clock* clock, MonotonicClock* monotonic,
                LeaderElectionOptions options);
  ~LeaderElector() override;
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  // In a thread of its own, until Stop.
  void Start();

  // Ends the thread and gives a held Lease back, so that the next one leads at once. Whatever acts
  // as the leader must have ended before.
  void Stop();

  // Whether this process leads, by its own clock at this instant: also false when the elector
  // itself hangs in a call or the process was paused.
  bool IsLeader() const;

  absl::Status Leads() const override;
  absl::Status Confirm() override;

  // How often the leader has changed; a fencing token for whoever acts as the leader. The Lease's
  // own as far as known.
  int64_t Transitions() const;

  // Who leads as far as known; empty when no one does.
  std::string Holder() const;

  // One try to acquire or renew; for tests, instead of Start.
  void Step();

 private:
  absl::Status TryAcquireOrRenew();
  LeaseDecision Decide(absl::Duration elapsed) const;
  void Observe(std::optional<LeaseRecord> record);
  // Calls the callbacks that the last try gives reason for.
  void ReportChanges();
  void Release();

  Kubernetes* const kubernetes_;
  Clock* const clock_;
  MonotonicClock* const monotonic_;
  const LeaderElectionOptions options_;
  StopSignal stop_;
  std::thread thread_;

  // Of the elector's thread only.
  bool reported_leading_ = false;
  std::string reported_holder_;

  mutable std::mutex mutex_;
  ObservedLease observed_ ABSL_GUARDED_BY(mutex_);
  // When the last successful write was begun; others count from later.
  absl::Duration renewed_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_LEASE_H_
