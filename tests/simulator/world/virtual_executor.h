#ifndef OMDB_TESTS_SIMULATOR_WORLD_VIRTUAL_EXECUTOR_H_
#define OMDB_TESTS_SIMULATOR_WORLD_VIRTUAL_EXECUTOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulator/model/executor.h"

namespace omdb::simulator {

// Virtual time: work runs when somebody runs the executor, in the order of its due times, and the
// clock jumps from one due time to the next. The same seed gives the same story.
class VirtualExecutor : public Executor {
 public:
  // One process's share of the executor. While it is paused (SIGSTOP) what falls due is kept, and
  // runs on resumption in the order in which it fell due.
  struct Lane {
    bool paused = false;
    std::deque<Work> kept;
  };

  explicit VirtualExecutor(uint64_t seed, absl::Time start = absl::FromUnixSeconds(1700000000))
      : now_(start), random_(seed) {}

  absl::Time Now() override { return now_; }
  void Schedule(absl::Duration delay, Work work) override {
    ScheduleOn(nullptr, delay, std::move(work));
  }
  std::mt19937_64& random() override { return random_; }

  void ScheduleOn(std::shared_ptr<Lane> lane, absl::Duration delay, Work work);
  void Pause(const std::shared_ptr<Lane>& lane) { lane->paused = true; }
  void Resume(const std::shared_ptr<Lane>& lane);

  // Runs the next piece of work, whenever it is due; false when there is none.
  bool RunOne();
  // Runs everything due up to then; the clock ends there.
  void RunUntil(absl::Time end);
  void RunFor(absl::Duration duration) { RunUntil(now_ + duration); }
  // Runs until the condition holds, looking after each piece of work; false when `limit` of virtual
  // time went by first.
  bool RunUntilTrue(const std::function<bool()>& condition, absl::Duration limit);

  uint64_t executed() const { return executed_; }

 private:
  // What the heap moves about is small: what is to be done waits in its slot.
  struct Event {
    absl::Time due;
    uint64_t order;
    size_t slot;
  };
  struct Slot {
    std::shared_ptr<Lane> lane;
    Work work;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };

  absl::Time now_;
  std::mt19937_64 random_;
  std::vector<Event> events_;  // a heap by Later
  std::vector<Slot> slots_;
  std::vector<size_t> free_slots_;
  uint64_t order_ = 0;
  uint64_t executed_ = 0;
};

// The executor that one simulated process gets.
class ProcessExecutor : public Executor {
 public:
  explicit ProcessExecutor(VirtualExecutor& world)
      : world_(world), lane_(std::make_shared<VirtualExecutor::Lane>()) {}

  absl::Time Now() override { return world_.Now(); }
  void Schedule(absl::Duration delay, Work work) override {
    world_.ScheduleOn(lane_, delay, std::move(work));
  }
  std::mt19937_64& random() override { return world_.random(); }

  void Pause() { world_.Pause(lane_); }
  void Resume() { world_.Resume(lane_); }
  bool paused() const { return lane_->paused; }

 private:
  VirtualExecutor& world_;
  std::shared_ptr<VirtualExecutor::Lane> lane_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_WORLD_VIRTUAL_EXECUTOR_H_
