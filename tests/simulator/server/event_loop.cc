#include "tests/simulator/server/event_loop.h"

#include <utility>

#include "absl/time/clock.h"

namespace omdb::simulator {

absl::Time EventLoop::Now() { return absl::Now(); }

void EventLoop::Schedule(absl::Duration delay, Work work) {
  {
    std::lock_guard lock(mutex_);
    items_.push({absl::Now() + delay, next_order_++, std::move(work)});
  }
  changed_.notify_one();
}

void EventLoop::Run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (items_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const absl::Time due = items_.top().due;
    if (absl::Now() < due) {
      changed_.wait_until(lock, absl::ToChronoTime(due));
      continue;
    }
    Work work = std::move(const_cast<Item&>(items_.top()).work);
    items_.pop();
    lock.unlock();
    work();
    lock.lock();
  }
}

void EventLoop::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
}

}  // namespace omdb::simulator
