#include "operator/work_queue.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

namespace omdb {
namespace {

// A clock that is set or driven by a test does not wake anyone.
constexpr absl::Duration kLookAtClock = absl::Seconds(1);

}  // namespace

void WorkQueueState::Add(const std::string& key, absl::Duration due, absl::Duration now) {
  if (const auto it = working_.find(key); it != working_.end()) {
    auto& again = it->second.wanted_again;
    again = std::min(again.value_or(absl::InfiniteDuration()), due);
    return;
  }
  if (is_ready_.contains(key)) return;
  const auto [it, added] = waiting_.emplace(key, due);
  if (!added) it->second = std::min(it->second, due);
  Promote(now);
}

void WorkQueueState::Retry(const std::string& key, absl::Duration now) {
  const int failures = failures_[key]++;
  const absl::Duration wait = std::min(
      options_.longest_retry, options_.first_retry * std::pow(2.0, std::min(failures, 30)));
  Add(key, now + wait, now);
}

void WorkQueueState::Forget(const std::string& key) { failures_.erase(key); }

std::optional<std::string> WorkQueueState::Take(absl::Duration now) {
  Promote(now);
  if (ready_.empty()) return std::nullopt;
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  is_ready_.erase(key);
  working_.emplace(key, Work{now, std::nullopt});
  return key;
}

void WorkQueueState::Done(const std::string& key, absl::Duration now) {
  const auto it = working_.find(key);
  if (it == working_.end()) return;
  const std::optional<absl::Duration> due = it->second.wanted_again;
  working_.erase(it);
  if (due) Add(key, *due, now);
}

absl::Duration WorkQueueState::NextDue() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [key, due] : waiting_) next = std::min(next, due);
  return next;
}

std::optional<WorkQueueState::Running> WorkQueueState::LongestRunning(absl::Duration now) const {
  const auto oldest = std::min_element(
      working_.begin(), working_.end(),
      [](const auto& a, const auto& b) { return a.second.since < b.second.since; });
  if (oldest == working_.end()) return std::nullopt;
  return Running{oldest->first, now - oldest->second.since};
}

int WorkQueueState::failures(const std::string& key) const {
  const auto it = failures_.find(key);
  return it == failures_.end() ? 0 : it->second;
}

void WorkQueueState::Promote(absl::Duration now) {
  // Few keys wait, one a cluster: looking at all is cheap. The one due first goes first.
  std::vector<std::pair<absl::Duration, std::string>> due;
  for (const auto& [key, time] : waiting_) {
    if (time <= now) due.emplace_back(time, key);
  }
  std::sort(due.begin(), due.end());
  for (auto& [time, key] : due) {
    waiting_.erase(key);
    is_ready_.insert(key);
    ready_.push_back(std::move(key));
  }
}

WorkQueue::WorkQueue(MonotonicClock* clock, Options options) : clock_(clock), state_(options) {}

void WorkQueue::Add(const std::string& key) { AddAfter(key, absl::ZeroDuration()); }

void WorkQueue::AddAfter(const std::string& key, absl::Duration delay) {
  std::lock_guard lock(mutex_);
  if (shut_down_) return;
  ++adds_;
  const absl::Duration now = clock_->Elapsed();
  state_.Add(key, now + delay, now);
  changed_.notify_all();
}

void WorkQueue::AddRateLimited(const std::string& key) {
  std::lock_guard lock(mutex_);
  if (shut_down_) return;
  ++adds_;
  ++retries_;
  state_.Retry(key, clock_->Elapsed());
  changed_.notify_all();
}

void WorkQueue::Forget(const std::string& key) {
  std::lock_guard lock(mutex_);
  state_.Forget(key);
}

std::optional<std::string> WorkQueue::Get() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const absl::Duration now = clock_->Elapsed();
    // Once shut down only what is ready already; what waits is never due.
    if (auto key = state_.Take(shut_down_ ? -absl::InfiniteDuration() : now)) return key;
    if (shut_down_) return std::nullopt;
    const absl::Duration wait = std::min(state_.NextDue() - now, kLookAtClock);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(std::max(wait, absl::Milliseconds(1))));
  }
}

void WorkQueue::Done(const std::string& key) {
  std::lock_guard lock(mutex_);
  state_.Done(key, shut_down_ ? -absl::InfiniteDuration() : clock_->Elapsed());
  changed_.notify_all();
}

void WorkQueue::ShutDown() {
  std::lock_guard lock(mutex_);
  shut_down_ = true;
  changed_.notify_all();
}

std::optional<WorkQueueState::Running> WorkQueue::LongestRunning() const {
  std::lock_guard lock(mutex_);
  return state_.LongestRunning(clock_->Elapsed());
}

WorkQueue::Metrics WorkQueue::metrics() const {
  std::lock_guard lock(mutex_);
  return {state_.depth(), adds_, retries_};
}

}  // namespace omdb
