#include "operator/kube/stop_signal.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace omdb::kube {

void StopSignal::Stop() {
  std::lock_guard lock(mutex_);
  if (stopped_) return;
  stopped_ = true;
  for (auto& [id, callback] : callbacks_) callback();
  changed_.notify_all();
}

bool StopSignal::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

bool StopSignal::SleepFor(absl::Duration duration) {
  // An infinite one would overflow the clock.
  const absl::Duration bounded = std::min(duration, absl::Hours(24 * 365));
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(bounded);
  std::unique_lock lock(mutex_);
  return !changed_.wait_until(lock, deadline, [this] { return stopped_; });
}

std::unique_ptr<StopSignal::Registration> StopSignal::OnStop(std::function<void()> callback) {
  std::lock_guard lock(mutex_);
  if (stopped_) callback();
  const int id = next_id_++;
  callbacks_.emplace(id, std::move(callback));
  return std::make_unique<Registration>(this, id);
}

StopSignal::Registration::~Registration() {
  std::lock_guard lock(signal_->mutex_);
  signal_->callbacks_.erase(id_);
}

}  // namespace omdb::kube
