#include "operator/kube/lease.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "operator/kube/thread.h"

namespace omdb::kube {

LeaderElector::LeaderElector(Kubernetes* kubernetes, Clock* clock, MonotonicClock* monotonic,
                             LeaderElectionOptions options)
    : kubernetes_(kubernetes), clock_(clock), monotonic_(monotonic), options_(std::move(options)) {}

LeaderElector::~LeaderElector() { Stop(); }

void LeaderElector::Start() {
  thread_ = StartThread("lease", [this] {
    while (!stop_.stopped()) {
      Step();
      stop_.SleepFor(options_.retry_period);
    }
  });
}

void LeaderElector::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
  Release();
}

bool LeaderElector::IsLeader() const {
  std::lock_guard lock(mutex_);
  return observed_.record && observed_.record->holder == options_.identity &&
         monotonic_->Elapsed() < renewed_at_ + options_.renew_deadline;
}

absl::Status LeaderElector::Leads() const {
  if (IsLeader()) return absl::OkStatus();
  const std::string holder = Holder();
  return absl::CancelledError(absl::StrCat(
      "this operator leads no more: Lease ", options_.lease.ns, "/", options_.lease.name,
      holder == options_.identity || holder.empty() ? " ran out"
                                                    : absl::StrCat(" is held by ", holder)));
}

absl::Status LeaderElector::Confirm() {
  if (absl::Status status = Leads(); !status.ok()) return status;
  const auto fresh = kubernetes_->GetFresh(types::Lease(), options_.lease);
  if (!fresh.ok()) return fresh.status();
  const LeaseRecord record = ParseLease(*fresh);
  if (record.holder == options_.identity && record.transitions == Transitions()) return Leads();
  return absl::CancelledError(absl::StrCat("this operator leads no more: Lease ", options_.lease.ns,
                                           "/", options_.lease.name, " is held by ",
                                           record.holder.empty() ? "no one" : record.holder));
}

int64_t LeaderElector::Transitions() const {
  std::lock_guard lock(mutex_);
  return observed_.record ? observed_.record->transitions : 0;
}

std::string LeaderElector::Holder() const {
  std::lock_guard lock(mutex_);
  return observed_.record ? observed_.record->holder : "";
}

void LeaderElector::Step() {
  const absl::Status status = TryAcquireOrRenew();
  // Losing a race to another candidate is the election at work.
  if (!status.ok() && !absl::IsAborted(status) && !absl::IsAlreadyExists(status) &&
      options_.on_trouble) {
    options_.on_trouble(status);
  }
  ReportChanges();
}

absl::Status LeaderElector::TryAcquireOrRenew() {
  const auto fresh = kubernetes_->GetFresh(types::Lease(), options_.lease);
  if (!fresh.ok() && !absl::IsNotFound(fresh.status())) return fresh.status();
  Observe(fresh.ok() ? std::make_optional(ParseLease(*fresh)) : std::nullopt);

  const absl::Duration start = monotonic_->Elapsed();
  LeaseDecision decision = Decide(start);
  if (decision.what == LeaseDecision::What::kCreate) {
    const auto created =
        kubernetes_->Create(types::Lease(), LeaseObject(options_.lease, decision.record));
    if (!created.ok()) return created.status();
    Observe(ParseLease(*created));
    decision = Decide(start);
  }
  if (decision.what == LeaseDecision::What::kWait) return absl::OkStatus();

  const auto stored =
      kubernetes_->Apply(types::Lease(), LeaseObject(options_.lease, decision.record));
  if (!stored.ok()) return stored.status();
  Observe(ParseLease(*stored));
  std::lock_guard lock(mutex_);
  renewed_at_ = start;
  return absl::OkStatus();
}

LeaseDecision LeaderElector::Decide(absl::Duration elapsed) const {
  std::lock_guard lock(mutex_);
  return DecideLease(observed_, {options_.identity, options_.predecessors, options_.lease_duration},
                     elapsed, clock_->Now());
}

void LeaderElector::Observe(std::optional<LeaseRecord> record) {
  std::lock_guard lock(mutex_);
  if (record == observed_.record) return;
  observed_ = {std::move(record), monotonic_->Elapsed()};
}

void LeaderElector::ReportChanges() {
  const bool leading = IsLeader();
  const std::string holder = Holder();
  if (reported_leading_ && !leading) {
    reported_leading_ = false;
    if (options_.on_stopped_leading) options_.on_stopped_leading();
  }
  if (holder != reported_holder_) {
    reported_holder_ = holder;
    if (!holder.empty() && options_.on_new_leader) options_.on_new_leader(holder);
  }
  if (!reported_leading_ && leading) {
    reported_leading_ = true;
    if (options_.on_started_leading) options_.on_started_leading();
  }
}

void LeaderElector::Release() {
  LeaseRecord released;
  {
    std::lock_guard lock(mutex_);
    if (!observed_.record || observed_.record->holder != options_.identity) return;
    released = ReleasedLease(*observed_.record, clock_->Now());
    renewed_at_ = -absl::InfiniteDuration();
  }
  const auto stored = kubernetes_->Apply(types::Lease(), LeaseObject(options_.lease, released));
  if (stored.ok()) {
    Observe(ParseLease(*stored));
  } else if (options_.on_trouble && !absl::IsAborted(stored.status())) {
    options_.on_trouble(stored.status());  // it runs out by itself
  }
  ReportChanges();
}

}  // namespace omdb::kube
