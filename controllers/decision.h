#ifndef OMDB_CONTROLLERS_DECISION_H_
#define OMDB_CONTROLLERS_DECISION_H_

#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "controllers/hand_over.h"
#include "controllers/ledger.h"
#include "controllers/openmldb.h"

// What `Decide` answers: the next actions, or what it waits for, or why it is stuck. Plain data
// that prints itself.
namespace omdb {

namespace action {

// Server-side apply of a desired object.
struct Apply {
  ResourceType type;
  Json object;
};
// Fails when there is one of that name.
struct CreatePod {
  Json object;
};
struct DeletePod {
  std::string name;
  std::string uid;
};
struct SetAutoFailover {
  bool on = false;
};
// The hand-over of M11 of leaders that share a fence, see hand_over.h.
struct HandOver {
  std::string from;
  std::vector<LeaderToMove> leaders;
};
struct AddReplica {
  PartitionId partition;
  std::string endpoint;
};
// Takes a partition off a tablet that is no replica of it: what a failed AddReplica left (F5.7).
struct DropLeftover {
  PartitionId partition;
  std::string tablet;
};
struct DeleteReplica {
  PartitionId partition;
  std::string endpoint;
};
// The nameserver stops counting on the tablet's replicas of a table and their leaders stop
// replicating to them (M12 step 1).
struct Detach {
  std::string tablet;
  std::vector<PartitionId> partitions;  // of one table
  std::vector<std::string> leaders;     // by partition
};
struct Load {
  std::string tablet;
  std::vector<LoadRequest> requests;
};
// Leaders replicate to the tablet again (M12 step 4).
struct Attach {
  std::string follower;
  std::vector<PartitionId> partitions;
  std::vector<std::string> leaders;  // by partition
};
// The nameserver counts on the tablet's replicas of a table again, as followers (M12 step 5).
struct MarkAlive {
  std::string tablet;
  std::vector<PartitionId> partitions;  // of one table
};
// It led last, and its partition has no leader that is alive.
struct MarkLeaderAlive {
  PartitionId partition;
  std::string endpoint;
};
struct Recover {
  PartitionId partition;
  std::string endpoint;
};
// Before a server is stopped: its ephemeral nodes go at once, not when the session times out
// (F1.6). A server that is not reached is left to the time-out.
struct EndZooKeeperSession {
  std::string address;
  bool nameserver = false;
};
// Makes a tablet known that the nameserver missed (M4 H6).
struct RenewZooKeeperSession {
  std::string address;
};
// See replica_repair.h.
struct LeadAgain {
  PartitionId partition;
  std::string tablet;
};
struct Rejoin {
  PartitionId partition;
  std::string tablet;
};
struct MarkNotAlive {
  PartitionId partition;
  std::string endpoint;
};
struct Demote {
  PartitionId partition;
  std::string tablet;
};
struct RecoverSnapshot {
  PartitionId partition;
  std::string tablet;
};
// See EndOp in replica_repair.h.
struct EndOp {
  Op op;
};
// Its partitions get other leaders (F5.3).
struct Offline {
  std::string tablet;
};
// Lifts a fence that a former operator may have left.
struct Unfence {
  std::string tablet;
};

}  // namespace action

using Action =
    std::variant<action::Apply, action::CreatePod, action::DeletePod, action::SetAutoFailover,
                 action::HandOver, action::AddReplica, action::DeleteReplica, action::Detach,
                 action::Load, action::Attach, action::MarkAlive, action::MarkLeaderAlive,
                 action::Recover, action::EndZooKeeperSession, action::RenewZooKeeperSession,
                 action::DropLeftover, action::LeadAgain, action::Rejoin, action::MarkNotAlive,
                 action::Demote, action::RecoverSnapshot, action::EndOp, action::Offline,
                 action::Unfence>;
std::string ToString(const Action& action);
// No leader moves by it, no server stops and no replica's data goes.
bool CanBeUndone(const Action& action);

struct Note {
  bool warning = false;
  std::string reason;  // CamelCase
  std::string message;

  bool operator==(const Note&) const = default;
};

struct Decision {
  // The ledger as it must be before the actions; unchanged when equal to the present one.
  Ledger ledger;
  // In this order; the first that fails ends it, and the next reconcile looks again.
  std::vector<Action> actions;

  std::string phase;     // as in ClusterStatus
  std::string progress;  // for people
  // Why nothing is done though something is wanted; empty reason when there is none. What a person
  // must mend is stalled.
  std::string reason;
  std::string message;
  bool stalled = false;
  // Every component is at the wanted version and nothing is under way.
  bool complete = false;
  // Mending had its turn and found nothing to do.
  bool mended = false;
  // What is to be mended takes a closer look.
  bool look_closely = false;
  std::vector<Note> notes;  // become events
  absl::Duration look_again = absl::Seconds(10);
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_DECISION_H_
