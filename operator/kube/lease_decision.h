#ifndef OMDB_OPERATOR_KUBE_LEASE_DECISION_H_
#define OMDB_OPERATOR_KUBE_LEASE_DECISION_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "controllers/kubernetes.h"

// Who may lead, as a pure function of what a candidate has seen. The rules are those of client-go,
// so that holders written with either respect each other.
namespace omdb::kube {

// spec of a coordination.k8s.io/v1 Lease. An empty holder means that it was given back, or never
// held when `renewed` is the epoch.
struct LeaseRecord {
  std::string holder;
  absl::Duration duration = absl::Seconds(15);
  absl::Time acquired = absl::UnixEpoch();  // by the holder's clock, like `renewed`
  absl::Time renewed = absl::UnixEpoch();
  int64_t transitions = 0;
  std::string resource_version;  // of the object; the precondition of the next write

  bool operator==(const LeaseRecord&) const = default;
};

LeaseRecord ParseLease(const Json& object);
Json LeaseObject(const ObjectKey& key, const LeaseRecord& record);

// A Lease as this process has observed it. Another's clock is never compared with ours: what counts
// is for how long, by our own monotonic clock, the record has not changed.
struct ObservedLease {
  std::optional<LeaseRecord> record;  // nothing: there is no such object
  absl::Duration changed_at;          // when it was first seen like this
};

struct LeaseDecision {
  enum class What {
    kWait,     // someone else holds it and may still renew
    kCreate,   // there is none: make one that no one holds, and decide again
    kAcquire,  // it ran out or was given back
    kRenew,    // it is ours
  };
  What what = What::kWait;
  // What to write, with the precondition in it.
  LeaseRecord record;
};

struct Candidate {
  std::string identity;
  // Holders whose identity begins like this ended before the candidate began, and are not waited
  // for; empty: there are none.
  std::string predecessors;
  absl::Duration duration;  // for so long others are to respect what it writes
};

// `elapsed` is the monotonic clock, `now` the wall clock for the times in the record.
LeaseDecision DecideLease(const ObservedLease& observed, const Candidate& candidate,
                          absl::Duration elapsed, absl::Time now);

// What the holder writes to let the next one in at once.
LeaseRecord ReleasedLease(const LeaseRecord& held, absl::Time now);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_LEASE_DECISION_H_
