#include "controllers/hand_over.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/replica_repair.h"

namespace omdb {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(5);
constexpr char kLaneBlocked[] = "openmldb.ai/lane-blocked";

class HandOver {
 public:
  HandOver(OpenMldb& openmldb, Clock& clock, PartitionId partition, StorageMode storage,
           std::string from, std::string to, const HandOverLimits& limits)
      : openmldb_(openmldb),
        clock_(clock),
        partition_(std::move(partition)),
        storage_(storage),
        from_(std::move(from)),
        to_(std::move(to)),
        limits_(limits) {}

  absl::StatusOr<HandOverResult> Run() {
    if (absl::Status status = ReadReplicas(); !status.ok()) return status;
    if (!demoted_) {
      if (absl::Status status = DemoteAtEquality(); !status.ok()) return status;
    } else if (absl::Status status = CheckEqualWhileDemoted(); !status.ok()) {
      return status;
    }
    if (absl::Status status = ChangeLeader(); !status.ok()) return MakeLeaderAgain(status);
    return Changed();
  }

 private:
  // The replicas and their roles as they are now, and the old leader's term, with which it can be
  // made leader again.
  absl::Status ReadReplicas() {
    absl::StatusOr<Partition> partition = openmldb_.GetPartition(partition_);
    if (!partition.ok()) return partition.status();
    const ReplicaMeta* leader = partition->Leader();
    if (leader == nullptr || leader->endpoint != from_) {
      return absl::FailedPreconditionError(
          absl::StrCat(from_, " does not lead ", ToString(partition_)));
    }
    before_ = *std::move(partition);
    replicas_ = {from_};
    for (const ReplicaMeta& meta : before_.replicas) {
      if (meta.endpoint != from_ && meta.is_alive) replicas_.push_back(meta.endpoint);
    }
    if (std::count(replicas_.begin() + 1, replicas_.end(), to_) == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(to_, " is no follower of ", ToString(partition_), " that is alive"));
    }
    const auto terms = openmldb_.GetTermPair(partition_, storage_, {from_});
    if (!terms[0].ok()) return terms[0].status();
    if (!terms[0]->has_table) {
      return absl::FailedPreconditionError(
          absl::StrCat(ToString(partition_), " is not loaded on ", from_));
    }
    old_term_ = terms[0]->term;
    demoted_ = !terms[0]->is_leader;
    return absl::OkStatus();
  }

  // The offsets of all replicas, the old leader's first; nothing when one does not answer in time.
  std::optional<std::vector<uint64_t>> Offsets(absl::Duration limit) {
    std::vector<uint64_t> offsets;
    for (const auto& status : openmldb_.GetReplicaStatus(partition_, replicas_, limit)) {
      if (!status.ok()) {
        last_error_ = status.status();
        return std::nullopt;
      }
      offsets.push_back(status->offset);
    }
    return offsets;
  }

  // The offset that all replicas have, if they have the same.
  std::optional<uint64_t> EqualOffset(absl::Duration limit = absl::InfiniteDuration()) {
    const auto offsets = Offsets(limit);
    if (!offsets) return std::nullopt;
    for (uint64_t offset : *offsets) {
      if (offset != offsets->front()) return std::nullopt;
    }
    return offsets->front();
  }

  absl::Status DemoteAtEquality() {
    const absl::Time give_up = clock_.Now() + limits_.patience;
    while (clock_.Now() < give_up) {
      if (!EqualOffset()) {
        clock_.Sleep(kPoll);
        continue;
      }
      ++result_.attempts;
      absl::StatusOr<bool> demoted = FenceAndDemote();
      if (!demoted.ok()) return demoted.status();
      if (*demoted) return absl::OkStatus();
      clock_.Sleep(4 * kPoll);
    }
    return absl::UnavailableError(absl::StrCat(
        "the followers of ", ToString(partition_), " were not equal to ", from_, " within ",
        absl::FormatDuration(limits_.patience), " (", result_.attempts,
        " attempts); it goes on serving",
        last_error_.ok() ? "" : absl::StrCat("; last error: ", last_error_.message())));
  }

  // True when the partition was demoted while all replicas were equal. The fence is lifted in every
  // case.
  absl::StatusOr<bool> FenceAndDemote() {
    const absl::Time fenced_at = clock_.Now();
    absl::Status fenced = openmldb_.SetMode(from_, true);
    if (!fenced.ok()) {
      // The answer may have been lost after the fence was set.
      absl::Status lifted = Unfence();
      return lifted.ok() ? fenced : lifted;
    }
    const absl::Time deadline = fenced_at + limits_.fence * 4 / 5;
    std::optional<uint64_t> equal;
    while (!equal && clock_.Now() < deadline) {
      equal = EqualOffset(deadline - clock_.Now());
      if (!equal) clock_.Sleep(kPoll / 5);
    }
    absl::Status demoted = absl::OkStatus();
    if (equal)
      demoted = openmldb_.ChangeRole(partition_, from_, TableMode::kFollower, old_term_, {});
    absl::Status lifted = Unfence();
    result_.fenced = std::max(result_.fenced, clock_.Now() - fenced_at);
    if (!lifted.ok()) return lifted;
    if (!equal) return false;
    paused_since_ = fenced_at;
    if (!demoted.ok()) {
      absl::Status restored = Restore();
      return restored.ok() ? demoted : restored;
    }
    // A write that had passed the leader check before the fence, or a fence that the nameserver
    // lifted (F5.2.4), shows in the offset.
    const auto after = Offsets(limits_.pause);
    if (!after || std::any_of(after->begin(), after->end(),
                              [&](uint64_t offset) { return offset != *equal; })) {
      if (absl::Status restored = Restore(); !restored.ok()) return restored;
      return false;
    }
    result_.offset = *equal;
    return true;
  }

  absl::Status Unfence() {
    absl::Status status;
    for (int attempt = 0; attempt < 3; ++attempt) {
      status = openmldb_.SetMode(from_, false);
      if (status.ok()) return status;
    }
    return absl::Status(
        status.code(),
        absl::StrCat("tablet ", from_, " may still refuse writes: ", status.message()));
  }

  // An operator before this one demoted it and died.
  absl::Status CheckEqualWhileDemoted() {
    paused_since_ = clock_.Now();
    if (absl::Status status = Unfence(); !status.ok()) return status;
    const auto equal = EqualOffset();
    if (equal) {
      result_.offset = *equal;
      return absl::OkStatus();
    }
    if (absl::Status status = Restore(); !status.ok()) return status;
    return absl::AbortedError(absl::StrCat(ToString(partition_), " was found demoted on ", from_,
                                           " with followers behind it; ", from_,
                                           " leads it again"));
  }

  absl::Status ChangeLeader() {
    absl::Status asked = openmldb_.ChangeLeader(partition_, to_);
    // A lost answer does not mean that nothing happened: look.
    unanswered_ = absl::IsDeadlineExceeded(asked);
    may_run_ = asked.ok() || unanswered_;
    if (!may_run_) return asked;
    const absl::Time deadline = clock_.Now() + std::max(limits_.pause, absl::Milliseconds(500));
    while (clock_.Now() < deadline) {
      clock_.Sleep(kPoll);
      absl::StatusOr<Partition> partition = openmldb_.GetPartition(partition_);
      if (!partition.ok()) continue;
      const ReplicaMeta* leader = partition->Leader();
      if (leader == nullptr || leader->endpoint != to_) continue;
      changed_ = *std::move(partition);
      // The next fence must not find this op still in its lane (H3).
      for (auto ops = RunningOps(); (!ops.ok() || !ops->empty()) && clock_.Now() < deadline;
           ops = RunningOps())
        clock_.Sleep(kPoll);
      return absl::OkStatus();
    }
    return asked.ok()
               ? absl::DeadlineExceededError(absl::StrCat("ChangeLeader of ", ToString(partition_),
                                                          " to ", to_, " did not end in time"))
               : asked;
  }

  absl::StatusOr<std::vector<Op>> RunningOps() {
    absl::StatusOr<std::vector<Op>> ops = openmldb_.ShowOpStatus(partition_);
    if (ops.ok()) {
      std::erase_if(*ops, [this](const Op& op) { return !op.UnderWay() || !op.Of(partition_); });
    }
    return ops;
  }

  absl::StatusOr<HandOverResult> MakeLeaderAgain(const absl::Status& why) {
    if (absl::Status status = EndOp(why); !status.ok()) return status;
    // It may have gone through after all.
    absl::StatusOr<Partition> partition = openmldb_.GetPartition(partition_);
    if (partition.ok() && partition->LedBy(to_)) {
      changed_ = *std::move(partition);
      return Changed();
    }
    // A nameserver that hung may do it yet when it wakes, and would make a second leader beside the
    // old one. All replicas are equal: the same change once more leaves nothing for it to do.
    if (unanswered_ && !std::exchange(asked_again_, true)) {
      const absl::Status changed = ChangeLeader();
      return changed.ok() ? Changed() : MakeLeaderAgain(changed);
    }
    if (absl::Status restored = Restore(); !restored.ok()) return restored;
    absl::Status stays =
        absl::AbortedError(absl::StrCat("the leader of ", ToString(partition_), " stays on ", from_,
                                        ": ", why.message(), cancelled_));
    if (not_begun_) stays.SetPayload(kLaneBlocked, absl::Cord());
    return stays;
  }

  // An op that still runs could make another one leader after the old one leads again.
  absl::Status EndOp(const absl::Status& why) {
    const absl::Time give_up = clock_.Now() + limits_.pause;
    while (may_run_) {
      const absl::StatusOr<std::vector<Op>> running = RunningOps();
      if (running.ok() && running->empty()) break;
      if (clock_.Now() >= give_up) {
        return absl::UnavailableError(
            absl::StrCat(ToString(partition_), " has no writable leader while its ChangeLeader to ",
                         to_, " is neither done nor cancelled: ", why.message()));
      }
      if (running.ok()) {
        for (const Op& op : *running) {
          cancelled_ = absl::StrCat(" (op ", op.id, " was cancelled in task ", op.task, ")");
          not_begun_ = op.state == OpState::kInited;
          (void)openmldb_.CancelOp(op.id);
        }
      }
      clock_.Sleep(kPoll);
    }
    return absl::OkStatus();
  }

  absl::Status Restore() {
    absl::Status status;
    for (int attempt = 0; attempt < 3; ++attempt) {
      status = LeadAgain(openmldb_, before_, storage_, from_);
      // Another one leads on its tablet: the change went through, and two leaders would lose rows.
      if (status.ok() || absl::IsFailedPrecondition(status)) break;
    }
    if (status.ok()) return status;
    return absl::Status(
        status.code(), absl::StrCat(ToString(partition_), " has no writable leader: making ", from_,
                                    " leader again failed: ", status.message()));
  }

  HandOverResult Changed() {
    result_.verified = VerifyTerm();
    result_.paused = clock_.Now() - paused_since_;
    return result_;
  }

  absl::Status VerifyTerm() {
    if (changed_.term_offsets.empty()) {
      return absl::InternalError(absl::StrCat("no term recorded for ", ToString(partition_)));
    }
    const TermOffset last = changed_.term_offsets.back();
    result_.term = last.term;
    result_.rows_lost = result_.offset + 1 > last.offset ? result_.offset + 1 - last.offset : 0;
    const auto terms = openmldb_.GetTermPair(partition_, storage_, {to_});
    if (!terms[0].ok()) return terms[0].status();
    if (!terms[0]->is_leader || terms[0]->term != last.term) {
      return absl::InternalError(
          absl::StrCat("the nameserver has ", to_, " as leader of ", ToString(partition_),
                       " in term ", last.term, ", the tablet is ",
                       terms[0]->is_leader ? "leader" : "follower", " in term ", terms[0]->term));
    }
    return absl::OkStatus();
  }

  OpenMldb& openmldb_;
  Clock& clock_;
  const PartitionId partition_;
  const StorageMode storage_;
  const std::string from_;
  const std::string to_;
  const HandOverLimits limits_;

  Partition before_;
  std::vector<std::string> replicas_;  // the old leader first, then its followers
  uint64_t old_term_ = 0;
  bool demoted_ = false;
  bool may_run_ = false;     // an op that changes the leader
  bool unanswered_ = false;  // the last request for one
  bool asked_again_ = false;
  std::string cancelled_;   // what op was, for people
  bool not_begun_ = false;  // that op
  absl::Time paused_since_;
  absl::Status last_error_;
  Partition changed_;
  HandOverResult result_;
};

}  // namespace

bool LaneBlocked(const absl::Status& status) { return status.GetPayload(kLaneBlocked).has_value(); }

absl::StatusOr<HandOverResult> HandOverLeader(OpenMldb& openmldb, Clock& clock,
                                              const PartitionId& partition, StorageMode storage,
                                              const std::string& from, const std::string& to,
                                              const HandOverLimits& limits) {
  return HandOver(openmldb, clock, partition, storage, from, to, limits).Run();
}

}  // namespace omdb
