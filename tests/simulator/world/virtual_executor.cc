#include "tests/simulator/world/virtual_executor.h"

#include <algorithm>
#include <utility>

namespace omdb::simulator {

void VirtualExecutor::ScheduleOn(std::shared_ptr<Lane> lane, absl::Duration delay,
                                 std::function<void()> work) {
  absl::Time due = now_ + std::max(delay, absl::ZeroDuration());
  events_.push_back(Event{due, order_++, std::move(lane), std::move(work)});
  std::push_heap(events_.begin(), events_.end(), Later());
}

void VirtualExecutor::Resume(const std::shared_ptr<Lane>& lane) {
  lane->paused = false;
  for (auto& work : std::exchange(lane->kept, {})) {
    ScheduleOn(lane, absl::ZeroDuration(), std::move(work));
  }
}

bool VirtualExecutor::RunOne() {
  if (events_.empty()) return false;
  std::pop_heap(events_.begin(), events_.end(), Later());
  Event event = std::move(events_.back());
  events_.pop_back();
  now_ = event.due;
  ++executed_;
  if (event.lane != nullptr && event.lane->paused) {
    event.lane->kept.push_back(std::move(event.work));
  } else {
    event.work();
  }
  return true;
}

void VirtualExecutor::RunUntil(absl::Time end) {
  while (!events_.empty() && events_.front().due <= end) RunOne();
  now_ = std::max(now_, end);
}

bool VirtualExecutor::RunUntilTrue(const std::function<bool()>& condition, absl::Duration limit) {
  absl::Time end = now_ + limit;
  while (!condition()) {
    if (events_.empty() || events_.front().due > end) {
      now_ = end;
      return condition();
    }
    RunOne();
  }
  return true;
}

}  // namespace omdb::simulator
