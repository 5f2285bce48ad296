#include "controllers/hand_over.h"

#include <algorithm>
#include <list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "controllers/leader_move.h"

namespace omdb {
namespace {

// So long one that is equal waits for the others, to share a fence with them.
constexpr absl::Duration kTogether = absl::Milliseconds(50);
// One that is written to all the time is hardly ever seen equal: after so long its followers need
// only keep up, and get equal in the fence.
constexpr absl::Duration kBusyAfter = absl::Seconds(2);
// The longer a moment of no lag is looked for the less often: each look asks every replica.
absl::Duration UntilTheNextLook(absl::Duration looked_for) {
  return std::clamp(looked_for / 100, kPoll, 4 * kPoll);
}
// After a fence in which they did not get equal.
constexpr absl::Duration kBetweenFences = absl::Milliseconds(250);

class HandOver {
 public:
  HandOver(OpenMldb& openmldb, Clock& clock, const std::string& from,
           const std::vector<LeaderToMove>& leaders, const HandOverLimits& limits)
      : openmldb_(openmldb), clock_(clock), from_(from), limits_(limits) {
    for (const LeaderToMove& leader : leaders)
      moves_.emplace_back(openmldb, clock, leader, from, limits);
  }

  std::vector<absl::StatusOr<HandOverResult>> Run() {
    for (LeaderMove& move : moves_) move.Look();
    GoOnWithThoseFoundDemoted();
    const absl::Time begin = clock_.Now();
    while (AnyServes() && !AnyLeavesAnOp() && clock_.Now() < begin + limits_.patience) {
      const auto ready = ThoseToFence(/*busy=*/clock_.Now() >= begin + kBusyAfter);
      const bool wait = ready.size() < CountServing() && clock_.Now() < begin + kTogether;
      if (ready.empty() || wait) {
        clock_.Sleep(UntilTheNextLook(clock_.Now() - begin));
        continue;
      }
      FenceAndDemote(ready);
      ChangeLeaders();
      if (std::any_of(ready.begin(), ready.end(),
                      [](const LeaderMove* move) { return move->Serving(); }))
        clock_.Sleep(kBetweenFences);
    }
    std::vector<absl::StatusOr<HandOverResult>> results;
    for (LeaderMove& move : moves_) {
      if (move.Serving() && AnyLeavesAnOp()) move.PutOff();
      if (move.Serving()) move.GiveUp();
      results.push_back(move.Result());
    }
    return results;
  }

 private:
  using Moves = std::vector<LeaderMove*>;

  size_t CountServing() const {
    return static_cast<size_t>(std::count_if(
        moves_.begin(), moves_.end(), [](const LeaderMove& move) { return move.Serving(); }));
  }
  bool AnyServes() const { return CountServing() > 0; }

  bool AnyLeavesAnOp() const {
    return std::any_of(moves_.begin(), moves_.end(),
                       [](const LeaderMove& move) { return move.LeavesAnOp(); });
  }

  // In one call: in a fence each call is a time in which the tablet refuses writes, and on a busy
  // machine has to wait for its turn.
  std::vector<Offsets> OffsetsOf(const Moves& moves, absl::Duration limit) {
    std::vector<ReplicaId> replicas;
    for (const LeaderMove* move : moves)
      replicas.insert(replicas.end(), move->Replicas().begin(), move->Replicas().end());
    const auto statuses = openmldb_.GetReplicaStatus(replicas, limit);
    std::vector<Offsets> offsets;
    auto rest = absl::MakeConstSpan(statuses);
    for (LeaderMove* move : moves) {
      const size_t own = move->Replicas().size();
      offsets.push_back(move->OffsetsIn(rest.first(own)));
      rest.remove_prefix(own);
    }
    return offsets;
  }

  Moves ThoseToFence(bool busy) {
    Moves serving;
    for (LeaderMove& move : moves_) {
      if (move.Serving()) serving.push_back(&move);
    }
    const auto offsets = OffsetsOf(serving, absl::InfiniteDuration());
    Moves ready;
    for (size_t i = 0; i < serving.size(); ++i) {
      if (serving[i]->HasNoLag(offsets[i], busy)) ready.push_back(serving[i]);
    }
    return ready;
  }

  // An operator before this one demoted them and died.
  void GoOnWithThoseFoundDemoted() {
    if (std::none_of(moves_.begin(), moves_.end(),
                     [](const LeaderMove& move) { return move.Demoted(); }))
      return;
    const absl::Status lifted = Unfence();
    for (LeaderMove& move : moves_) {
      if (!move.Demoted()) continue;
      if (lifted.ok()) {
        move.CheckFoundDemoted();
      } else {
        move.End(lifted);
      }
    }
    ChangeLeaders();
  }

  // Those that are equal within the fence are demoted in it. It is lifted in every case.
  void FenceAndDemote(const Moves& moves) {
    const absl::Time fenced_at = clock_.Now();
    const absl::Status fenced = openmldb_.SetMode(from_, true, limits_.fence);
    const absl::Time deadline = fenced_at + limits_.ToBeEqual();
    Moves left = fenced.ok() ? moves : Moves();
    while (!left.empty() && clock_.Now() < deadline) {
      DemoteThoseThatAreEqual(left, fenced_at, deadline);
      if (!left.empty()) clock_.Sleep(kPoll / 5);
    }
    const absl::Status lifted = Unfence();
    for (LeaderMove* move : moves) {
      move->NoteFence(clock_.Now() - fenced_at);
      // The answer may have been lost after the fence was set.
      if (!lifted.ok() || !fenced.ok()) move->End(lifted.ok() ? fenced : lifted);
    }
    Moves demoted = moves;
    std::erase_if(demoted, [](const LeaderMove* move) { return !move->Demoted(); });
    const auto offsets = OffsetsOf(demoted, limits_.pause);
    for (size_t i = 0; i < demoted.size(); ++i) demoted[i]->CheckDemotion(offsets[i]);
  }

  void DemoteThoseThatAreEqual(Moves& left, absl::Time fenced_at, absl::Time deadline) {
    const auto offsets = OffsetsOf(left, deadline - clock_.Now());
    Moves equal;
    std::vector<uint64_t> at;
    std::vector<PartitionId> partitions;
    for (size_t i = 0; i < left.size(); ++i) {
      if (!AreEqual(offsets[i])) continue;
      equal.push_back(left[i]);
      at.push_back(offsets[i]->front());
      partitions.push_back(left[i]->Replicas().front().partition);
    }
    if (equal.empty()) return;
    const auto answers = openmldb_.Demote(partitions, from_, limits_.ToDemote());
    for (size_t i = 0; i < equal.size(); ++i) equal[i]->NoteDemotion(at[i], fenced_at, answers[i]);
    std::erase_if(left, [](const LeaderMove* move) { return move->Demoted(); });
  }

  absl::Status Unfence() {
    absl::Status status;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      status = openmldb_.SetMode(from_, false, limits_.pause / kAttempts);
      if (status.ok()) return status;
    }
    return absl::Status(
        status.code(),
        absl::StrCat("tablet ", from_, " may still refuse writes: ", status.message()));
  }

  void ChangeLeaders() {
    for (LeaderMove& move : moves_) move.AskForChange();
    for (LeaderMove& move : moves_) move.AwaitChange();
  }

  OpenMldb& openmldb_;
  Clock& clock_;
  const std::string& from_;
  const HandOverLimits& limits_;
  std::list<LeaderMove> moves_;
};

}  // namespace

bool WasCancelled(const absl::Status& status) {
  return status.GetPayload(kWasCancelled).has_value();
}

std::vector<absl::StatusOr<HandOverResult>> HandOverLeaders(
    OpenMldb& openmldb, Clock& clock, const std::string& from,
    const std::vector<LeaderToMove>& leaders, const HandOverLimits& limits) {
  return HandOver(openmldb, clock, from, leaders, limits).Run();
}

}  // namespace omdb
