#include "controllers/leader_move.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controllers/replica_repair.h"

namespace omdb {
namespace {

// So long a change of leader may take at least, however short the pause of writes is to be.
constexpr absl::Duration kChange = absl::Milliseconds(500);
// A change takes 30 to 150 ms (M9). Nobody asks how far it is before that, and then often: the next
// leader waits for its end.
constexpr absl::Duration kQuickest = absl::Milliseconds(30);
constexpr absl::Duration kOften = absl::Milliseconds(2);
// A task that has begun goes on when its op is deleted; it takes about 11 ms (M11).
constexpr absl::Duration kTask = absl::Milliseconds(100);

size_t PlaceOf(const std::string& tablet, const std::vector<ReplicaId>& replicas) {
  const auto found = std::find_if(replicas.begin(), replicas.end(),
                                  [&](const ReplicaId& id) { return id.tablet == tablet; });
  return static_cast<size_t>(found - replicas.begin());
}

}  // namespace

bool AreEqual(const Offsets& offsets) {
  return offsets && std::all_of(offsets->begin(), offsets->end(),
                                [&](uint64_t offset) { return offset == offsets->front(); });
}

LeaderMove::LeaderMove(OpenMldb& openmldb, Clock& clock, LeaderToMove what, std::string from,
                       const HandOverLimits& limits)
    : openmldb_(openmldb),
      clock_(clock),
      what_(std::move(what)),
      from_(std::move(from)),
      limits_(limits) {}

void LeaderMove::Look() {
  absl::StatusOr<Partition> partition = openmldb_.GetPartition(partition_);
  if (!partition.ok()) return End(partition.status());
  if (!partition->LedBy(from_)) {
    return End(absl::FailedPreconditionError(
        absl::StrCat(from_, " does not lead ", ToString(partition_))));
  }
  before_ = *std::move(partition);
  replicas_ = {{partition_, from_}};
  for (const ReplicaMeta& meta : before_.replicas) {
    if (meta.endpoint != from_ && meta.is_alive) replicas_.push_back({partition_, meta.endpoint});
  }
  if (PlaceOf(to_, replicas_) == replicas_.size()) {
    return End(absl::FailedPreconditionError(
        absl::StrCat(to_, " is no follower of ", ToString(partition_), " that is alive")));
  }
  const auto terms = openmldb_.GetTermPair(partition_, what_.storage, {from_});
  if (!terms[0].ok()) return End(terms[0].status());
  if (!terms[0]->has_table) {
    return End(absl::FailedPreconditionError(
        absl::StrCat(ToString(partition_), " is not loaded on ", from_)));
  }
  old_term_ = terms[0]->term;
  demoted_ = !terms[0]->is_leader;
}

Offsets LeaderMove::OffsetsIn(Statuses statuses) {
  std::vector<uint64_t> offsets;
  for (const auto& status : statuses) {
    if (!status.ok()) {
      last_error_ = status.status();
      return std::nullopt;
    }
    offsets.push_back(status->offset);
  }
  return offsets;
}

bool LeaderMove::HasNoLag(const Offsets& offsets, bool busy) {
  if (!offsets) return false;
  const std::optional<uint64_t> before = std::exchange(seen_, offsets->front());
  return AreEqual(offsets) ||
         (busy && before && *std::min_element(offsets->begin(), offsets->end()) >= *before);
}

void LeaderMove::NoteDemotion(uint64_t equal, absl::Time fenced_at, const absl::Status& answer) {
  paused_since_ = fenced_at;
  result_.offset = equal;
  demoted_ = true;
  demotion_ = answer;
}

void LeaderMove::CheckDemotion(const Offsets& after) {
  if (!demotion_.ok()) {
    const absl::Status restored = Restore();
    return End(restored.ok() ? demotion_ : restored);
  }
  // A write that had passed the leader check before the fence, or a fence that the nameserver
  // lifted (F5.2.4), shows in the offset.
  if (after && std::all_of(after->begin(), after->end(),
                           [this](uint64_t offset) { return offset == result_.offset; }))
    return;
  if (absl::Status restored = Restore(); !restored.ok()) return End(restored);
  demoted_ = false;
}

void LeaderMove::CheckFoundDemoted() {
  paused_since_ = clock_.Now();
  // Nobody writes to it: whoever has every row may lead.
  if (const Offsets offsets = OffsetsIn(openmldb_.GetReplicaStatus(replicas_))) {
    const uint64_t most = *std::max_element(offsets->begin(), offsets->end());
    result_.offset = offsets->at(PlaceOf(to_, replicas_));
    lacks_rows_ = offsets->front() < most;
    if (result_.offset == most) return;
  } else if (old_term_ == 0) {
    return End(last_error_);  // it was restarted, and who does not answer may have more
  }
  if (absl::Status status = Restore(); !status.ok()) return End(status);
  End(absl::AbortedError(absl::StrCat(ToString(partition_), " was found demoted on ", from_,
                                      " with followers behind it; ", from_, " leads it again")));
}

void LeaderMove::NoteFence(absl::Duration fenced) {
  ++result_.attempts;
  seen_.reset();
  result_.fenced = std::max(result_.fenced, fenced);
}

void LeaderMove::GiveUp() {
  End(absl::UnavailableError(
      absl::StrCat("the followers of ", ToString(partition_), " were not equal to ", from_,
                   " within ", absl::FormatDuration(limits_.patience), " (", result_.attempts,
                   " attempts); it goes on serving",
                   last_error_.ok() ? "" : absl::StrCat("; last error: ", last_error_.message()))));
}

void LeaderMove::PutOff() {
  End(absl::UnavailableError(absl::StrCat(ToString(partition_), " goes on being led by ", from_,
                                          " until the op of another partition has ended")));
}

void LeaderMove::AskForChange() {
  if (!Demoted()) return;
  asked_at_ = clock_.Now();
  asked_ = openmldb_.ChangeLeader(partition_, to_, limits_.pause / kAttempts);
  // A lost answer does not mean that nothing happened: look.
  unanswered_ = unanswered_ || absl::IsDeadlineExceeded(asked_);
  may_run_ = may_run_ || asked_.ok() || unanswered_;
}

void LeaderMove::AwaitChange() {
  if (!Demoted()) return;
  const absl::Status changes = Changes();
  ended_ = changes.ok() ? Changed() : MakeLeaderAgain(changes);
}

absl::Status LeaderMove::Changes() {
  if (!may_run_) return asked_;
  // What is left of the pause is for making the old one lead again.
  const absl::Time deadline =
      std::max(paused_since_ + limits_.pause * (kAttempts - 1) / kAttempts, asked_at_ + kChange);
  clock_.Sleep(std::max(asked_at_ + kQuickest - clock_.Now(), absl::ZeroDuration()));
  do {
    clock_.Sleep(kOften);
    absl::StatusOr<Partition> partition = openmldb_.GetPartition(partition_);
    if (!partition.ok() || !partition->LedBy(to_)) continue;
    changed_ = *std::move(partition);
    // The next fence must not find this op still in its lane (H3).
    for (auto ops = RunningOps(); (!ops.ok() || !ops->empty()) && clock_.Now() < deadline;
         ops = RunningOps())
      clock_.Sleep(kOften);
    return absl::OkStatus();
  } while (clock_.Now() < deadline);
  return asked_.ok()
             ? absl::DeadlineExceededError(absl::StrCat("ChangeLeader of ", ToString(partition_),
                                                        " to ", to_, " did not end in time"))
             : asked_;
}

absl::StatusOr<std::vector<Op>> LeaderMove::OpsThat(bool (*wanted)(const Op&)) {
  absl::StatusOr<std::vector<Op>> ops = openmldb_.ShowOpStatus(partition_);
  if (ops.ok())
    std::erase_if(*ops, [&](const Op& op) { return !wanted(op) || !op.Of(partition_); });
  return ops;
}

absl::StatusOr<std::vector<Op>> LeaderMove::RunningOps() {
  return OpsThat([](const Op& op) { return op.UnderWay(); });
}

absl::StatusOr<HandOverResult> LeaderMove::MakeLeaderAgain(const absl::Status& why) {
  if (absl::Status status = EndOps(why); !status.ok()) return status;
  // It may have gone through after all.
  absl::StatusOr<Partition> partition = openmldb_.GetPartition(partition_);
  if (partition.ok() && partition->LedBy(to_)) {
    changed_ = *std::move(partition);
    return Changed();
  }
  // A nameserver that hung may do it yet when it wakes, and would make a second leader beside the
  // old one. The candidate has every row: the same change once more leaves nothing for it to do.
  if (unanswered_ && !std::exchange(asked_again_, true)) {
    AskForChange();
    const absl::Status changes = Changes();
    return changes.ok() ? Changed() : MakeLeaderAgain(changes);
  }
  if (absl::Status restored = Restore(); !restored.ok()) return restored;
  return Ended(absl::AbortedError(absl::StrCat("the leader of ", ToString(partition_), " stays on ",
                                               from_, ": ", why.message(), WhatWasCancelled())));
}

std::string LeaderMove::WhatWasCancelled() const {
  if (cancelled_.empty()) return "";
  const Op& op = cancelled_.back();
  return absl::StrCat(" (op ", op.id, " was cancelled in task ", op.task, ")");
}

absl::Status LeaderMove::Ended(absl::Status status) const {
  if (!cancelled_.empty()) status.SetPayload(kWasCancelled, absl::Cord());
  return status;
}

// What runs, or is in its lane, could make another one leader after the old one leads again. So
// could one that failed while the nameserver did not reach ZooKeeper: its successor finds it there
// as if it had not.
absl::Status LeaderMove::EndOps(const absl::Status& why) {
  const absl::Time give_up = clock_.Now() + limits_.pause;
  while (may_run_) {
    const absl::StatusOr<std::vector<Op>> left =
        OpsThat([](const Op& op) { return op.UnderWay() || op.IsFailedChangeOfLeader(); });
    if (left.ok() && left->empty()) break;
    if (clock_.Now() >= give_up) {
      leaves_an_op_ = true;
      return Ended(absl::UnavailableError(absl::StrCat(
          ToString(partition_), " has no writable leader while its ChangeLeader to ", to_,
          " is neither done nor out of its lane: ", why.message(), WhatWasCancelled())));
    }
    if (left.ok()) {
      for (const Op& op : *left) {
        if (op.UnderWay()) cancelled_.push_back(op);
        (void)EndOp(openmldb_, op);
      }
    }
    clock_.Sleep(kPoll);
  }
  if (std::any_of(cancelled_.begin(), cancelled_.end(),
                  [](const Op& op) { return op.state == OpState::kDoing; }))
    clock_.Sleep(kTask);
  return absl::OkStatus();
}

absl::Status LeaderMove::Restore() {
  absl::Status status;
  if (lacks_rows_) {
    return absl::UnavailableError(absl::StrCat(ToString(partition_), " has no writable leader: ",
                                               from_, " lacks rows that another replica has"));
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    status = LeadAgain(openmldb_, before_, what_.storage, from_, limits_.pause / kAttempts);
    // Another one leads on its tablet: the change went through, and two leaders would lose rows.
    if (status.ok() || absl::IsFailedPrecondition(status)) break;
  }
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(ToString(partition_), " has no writable leader: making ", from_,
                                   " leader again failed: ", status.message()));
}

HandOverResult LeaderMove::Changed() {
  result_.verified = VerifyTerm();
  result_.paused = clock_.Now() - paused_since_;
  return result_;
}

absl::Status LeaderMove::VerifyTerm() {
  if (changed_.term_offsets.empty()) {
    return absl::InternalError(absl::StrCat("no term recorded for ", ToString(partition_)));
  }
  const TermOffset last = changed_.term_offsets.back();
  result_.term = last.term;
  result_.rows_lost = result_.offset + 1 > last.offset ? result_.offset + 1 - last.offset : 0;
  const auto terms = openmldb_.GetTermPair(partition_, what_.storage, {to_});
  if (!terms[0].ok()) return terms[0].status();
  if (!terms[0]->is_leader || terms[0]->term != last.term) {
    return absl::InternalError(
        absl::StrCat("the nameserver has ", to_, " as leader of ", ToString(partition_),
                     " in term ", last.term, ", the tablet is ",
                     terms[0]->is_leader ? "leader" : "follower", " in term ", terms[0]->term));
  }
  return absl::OkStatus();
}

}  // namespace omdb
