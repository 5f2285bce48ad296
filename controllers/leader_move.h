#ifndef OMDB_CONTROLLERS_LEADER_MOVE_H_
#define OMDB_CONTROLLERS_LEADER_MOVE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "controllers/hand_over.h"

// One partition on its way to another leader: the steps that hand_over.cc takes with each of those
// that it moves at a time.
namespace omdb {

// The payload of a status for which WasCancelled holds.
inline constexpr char kWasCancelled[] = "openmldb.ai/was-cancelled";

// Of a call that ends a pause of writes; each may take an equal part of the longest pause.
inline constexpr int kAttempts = 3;

// Of each replica of a partition; none when one of them does not answer.
using Offsets = std::optional<std::vector<uint64_t>>;
// All answered, and have the same.
bool AreEqual(const Offsets& offsets);

// Serving until it is demoted, then demoted until it has ended; whatever ends it early leaves it
// serving where that is possible. A step that comes too late for it does nothing.
class LeaderMove {
 public:
  LeaderMove(OpenMldb& openmldb, Clock& clock, LeaderToMove what, std::string from,
             const HandOverLimits& limits);

  bool Serving() const { return !ended_ && !demoted_; }
  bool Demoted() const { return !ended_ && demoted_; }
  // It has ended, and its op has not.
  bool LeavesAnOp() const { return leaves_an_op_; }
  void End(const absl::Status& status) { ended_ = status; }
  // Once it has ended.
  const absl::StatusOr<HandOverResult>& Result() const { return *ended_; }

  // The replicas and their roles as they are now; it may be found demoted.
  void Look();
  // The old leader first, then its followers.
  const std::vector<ReplicaId>& Replicas() const { return replicas_; }
  // Of `Replicas`, by what they answered.
  using Statuses = absl::Span<const absl::StatusOr<ReplicaStatus>>;
  Offsets OffsetsIn(Statuses statuses);
  // All replicas are equal or, while it is busy, have what the leader had at the last look: none of
  // them is in a pause of replication (M7).
  bool HasNoLag(const Offsets& offsets, bool busy);
  // It was asked for in the fence, with all replicas at `equal`.
  void NoteDemotion(uint64_t equal, absl::Time fenced_at, const absl::Status& answer);
  // When the fence is lifted: a row that slipped in before the demotion makes it serve again.
  void CheckDemotion(const Offsets& after);
  // It was found demoted.
  void CheckFoundDemoted();
  void NoteFence(absl::Duration fenced);
  // It was not equal in time.
  void GiveUp();
  // The op of another one stays: nothing is fenced beside it (H3).
  void PutOff();

  // First all that were demoted together are asked for, then each is waited for: they run in lanes
  // of their own.
  void AskForChange();
  void AwaitChange();

 private:
  absl::Status Changes();
  // Of the partition.
  absl::StatusOr<std::vector<Op>> OpsThat(bool (*wanted)(const Op&));
  absl::StatusOr<std::vector<Op>> RunningOps();
  absl::StatusOr<HandOverResult> MakeLeaderAgain(const absl::Status& why);
  absl::Status EndOps(const absl::Status& why);
  // For people.
  std::string WhatWasCancelled() const;
  absl::Status Ended(absl::Status status) const;
  absl::Status Restore();
  HandOverResult Changed();
  absl::Status VerifyTerm();

  OpenMldb& openmldb_;
  Clock& clock_;
  const LeaderToMove what_;
  const PartitionId& partition_ = what_.partition;
  const std::string& to_ = what_.to;
  const std::string from_;
  const HandOverLimits limits_;

  Partition before_;
  std::vector<ReplicaId> replicas_;
  uint64_t old_term_ = 0;  // with which it can be made leader again
  bool demoted_ = false;
  absl::Status demotion_;  // the answer to it
  absl::Status asked_;     // the answer to the request for the change
  absl::Time asked_at_;
  bool unanswered_ = false;  // that request
  bool may_run_ = false;     // an op that changes the leader
  bool asked_again_ = false;
  bool leaves_an_op_ = false;
  bool lacks_rows_ = false;    // the old leader, that others have
  std::vector<Op> cancelled_;  // as they were then
  absl::Time paused_since_;
  std::optional<uint64_t> seen_;  // the leader's offset at the last look before a fence
  absl::Status last_error_;
  Partition changed_;
  HandOverResult result_;
  std::optional<absl::StatusOr<HandOverResult>> ended_;
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_LEADER_MOVE_H_
