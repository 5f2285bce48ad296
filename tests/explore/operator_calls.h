#ifndef OMDB_TESTS_EXPLORE_OPERATOR_CALLS_H_
#define OMDB_TESTS_EXPLORE_OPERATOR_CALLS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/simulator/world/process.h"

namespace omdb::explore {

// Unwinds a reconcile from inside one of its calls: the operator's process is gone.
struct OperatorKilled {};

// What happens to one of the operator's calls.
enum class CallFate {
  kGoesOn,
  kFails,         // not carried out: the other side is not reached
  kAnswerLost,    // carried out, and the operator runs into its deadline
  kKilledBefore,  // the operator dies before it is carried out
  kKilledAfter,   // the operator dies before it hears of it
};

// All that the operator does to the outside passes here, call by call: the points at which it can
// die, and at which an answer can be lost.
class OperatorCalls {
 public:
  struct Call {
    uint64_t number;   // from 1
    std::string what;  // "NameServer/ChangeLeader", and its request where somebody listens
    bool changes;      // false for those that only read
  };
  using Judge = std::function<CallFate(const Call&)>;

  explicit OperatorCalls(simulator::World& world) : world_(world) {}

  // Decides about each call from now on; unset, all go on. It may let the world go on, or let
  // another operator act, before it answers.
  void SetJudge(Judge judge) { judge_ = std::move(judge); }
  // Hears of each call before it is judged.
  void SetListener(std::function<void(const Call&)> listener) { listener_ = std::move(listener); }
  bool listens() const { return listener_ != nullptr; }
  uint64_t count() const { return count_; }

  // Which of several operators is acting at the moment, and which holds the Lease: the changes of
  // one that does not are refused where it sends them, as in the operator's process.
  int acting = 0;
  int leading = 0;
  bool without_lease = false;  // Safeguard::kLease is off

  absl::Status MayChange() const {
    return acting == leading || without_lease ? absl::OkStatus()
                                              : absl::CancelledError("this operator leads no more");
  }

  // Carries out `act`, which answers with a Status or StatusOr; when its answer is lost the
  // operator waits for it until `deadline` has passed. Throws OperatorKilled.
  template <typename Act>
  auto Run(std::string what, bool changes, const Act& act, absl::Duration deadline = kDeadline)
      -> decltype(act()) {
    const Call call{++count_, std::move(what), changes};
    if (listener_) listener_(call);
    const CallFate fate = judge_ ? judge_(call) : CallFate::kGoesOn;
    if (fate == CallFate::kKilledBefore) throw OperatorKilled();
    if (absl::Status may = MayChange(); changes && !may.ok()) return may;
    if (fate == CallFate::kFails) {
      world_.executor.RunFor(absl::Milliseconds(5));
      return absl::UnavailableError(call.what + ": connection refused");
    }
    const absl::Time give_up = world_.executor.Now() + deadline;
    auto answer = act();
    if (fate == CallFate::kKilledAfter) throw OperatorKilled();
    if (fate != CallFate::kAnswerLost) return answer;
    world_.executor.RunFor(give_up - world_.executor.Now());
    return absl::DeadlineExceededError(call.what + ": no answer in time");
  }

 private:
  static constexpr absl::Duration kDeadline = absl::Seconds(3);

  simulator::World& world_;
  Judge judge_;
  std::function<void(const Call&)> listener_;
  uint64_t count_ = 0;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_OPERATOR_CALLS_H_
