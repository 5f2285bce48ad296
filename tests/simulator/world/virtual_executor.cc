#include "tests/simulator/world/virtual_executor.h"

#include <algorithm>
#include <utility>

namespace omdb::simulator {

void VirtualExecutor::ScheduleOn(std::shared_ptr<Lane> lane, absl::Duration delay, Work work) {
  absl::Time due = now_ + std::max(delay, absl::ZeroDuration());
  if (free_slots_.empty()) {
    free_slots_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const size_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = {std::move(lane), std::move(work)};
  events_.push_back({due, order_++, slot});
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
  const Event event = events_.back();
  events_.pop_back();
  Slot due = std::exchange(slots_[event.slot], {});
  free_slots_.push_back(event.slot);
  now_ = event.due;
  ++executed_;
  if (due.lane != nullptr && due.lane->paused) {
    due.lane->kept.push_back(std::move(due.work));
  } else {
    due.work();
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
