#include "controllers/replica_repair.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"

namespace omdb {
namespace {

constexpr absl::Duration kCatchUp = absl::Seconds(2);
constexpr char kNothingArrives[] = "openmldb.ai/nothing-arrives";

// A replica counts what it has and tells its last offset a moment before or after: while rows come
// in one look may be wrong, but not all.
constexpr int kCounts = 5;

// What was lost in the middle of a log does not show in its last offset (M12). What was loaded just
// now has all that has not outlived its time, and some of what has.
bool LacksRecords(const ReplicaStatus& own, const ReplicaStatus& leader) {
  const uint64_t to_come = leader.offset > own.offset ? leader.offset - own.offset : 0;
  return own.record_count + to_come < leader.record_count;
}

absl::StatusOr<bool> HasEveryRecord(OpenMldb& openmldb, Clock& clock, const PartitionId& id,
                                    const std::string& leader, const std::string& tablet) {
  for (int look = 0; look < kCounts; ++look) {
    if (look > 0) clock.Sleep(kPoll);
    const auto statuses = openmldb.GetReplicaStatus({{id, tablet}, {id, leader}});
    if (!statuses[0].ok()) return statuses[0].status();
    if (!statuses[1].ok()) return statuses[1].status();
    if (!LacksRecords(*statuses[0], *statuses[1])) return true;
  }
  return false;
}

// Follows, and waits until it has what the leader had before.
absl::Status CatchUp(OpenMldb& openmldb, Clock& clock, const PartitionId& id,
                     const std::string& leader, const std::string& tablet) {
  const auto before = openmldb.GetReplicaStatus({{id, leader}});
  if (!before[0].ok()) return before[0].status();
  if (absl::Status status = Follow(openmldb, {id}, {leader}, tablet)[0]; !status.ok())
    return status;
  const absl::Time give_up = clock.Now() + kCatchUp;
  std::optional<uint64_t> first;
  uint64_t last = 0;
  while (clock.Now() < give_up) {
    const auto own = openmldb.GetReplicaStatus({{id, tablet}});
    if (!own[0].ok()) return own[0].status();
    last = own[0]->offset;
    if (last >= before[0]->offset) return absl::OkStatus();
    if (!first) first = last;
    clock.Sleep(kPoll);
  }
  absl::Status behind = absl::UnavailableError(
      absl::StrCat(tablet, " has not caught up with ", leader, " for ", ToString(id), " yet"));
  if (first == last) behind.SetPayload(kNothingArrives, absl::Cord());
  return behind;
}

// A nameserver that did not reach ZooKeeper may have changed the leader in its memory alone: its
// successor does not know, nor does any client.
absl::Status TellOfItsLeader(OpenMldb& openmldb, const PartitionId& id) {
  const auto partition = openmldb.GetPartition(id);
  if (!partition.ok())  // the nameserver itself says so when the table is no more
    return CodeOf(partition.status()) == 0 ? partition.status() : absl::OkStatus();
  const ReplicaMeta* leader = partition->Leader();
  if (leader == nullptr) return absl::OkStatus();
  return openmldb.UpdateTableAliveStatus(id, leader->endpoint, true);
}

}  // namespace

std::vector<absl::Status> Follow(OpenMldb& openmldb, const std::vector<PartitionId>& partitions,
                                 const std::vector<std::string>& leaders,
                                 const std::string& follower) {
  // A leader that kept an old position for it would leave a hole (F5.2.1 d).
  std::vector<absl::Status> statuses = openmldb.DelReplica(partitions, leaders, follower);
  std::vector<PartitionId> let_go;
  std::vector<std::string> by;
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (!statuses[i].ok()) continue;
    let_go.push_back(partitions[i]);
    by.push_back(leaders[i]);
  }
  const std::vector<absl::Status> added = openmldb.AddReplica(let_go, by, follower);
  auto next = added.begin();
  for (absl::Status& status : statuses) {
    if (status.ok()) status = *next++;
  }
  return statuses;
}

LostRows BeyondItsTerm(const std::vector<TermOffset>& terms, const TermPair& own) {
  for (const TermOffset& term : terms) {
    if (term.term <= own.term) continue;
    // The first term after its own: it began at this offset.
    if (own.offset < term.offset) return {};
    return {own.offset - term.offset + 1, term.term};
  }
  return {};
}

bool FitsTheTerms(const Partition& partition, const TermPair& own) {
  return own.term > 0 ? BeyondItsTerm(partition.term_offsets, own).count == 0
                      : own.offset < partition.Term().offset;
}

absl::StatusOr<LostRows> PrepareRecovery(OpenMldb& openmldb, const PartitionId& id,
                                         StorageMode storage, const std::string& tablet,
                                         uint64_t followed_in_term) {
  const absl::StatusOr<Partition> partition = openmldb.GetPartition(id);
  if (!partition.ok()) return partition.status();
  // A leader that kept an old position for it would leave a hole behind what is copied (F5.2.1 d).
  const ReplicaMeta* leader = partition->Leader();
  const ReplicaMeta* meta = partition->Find(tablet);
  if (leader != nullptr && leader != meta && meta != nullptr && !meta->is_alive) {
    const absl::Status let_go = openmldb.DelReplica({id}, {leader->endpoint}, tablet)[0];
    if (!let_go.ok()) return let_go;
  }
  absl::StatusOr<TermPair> own = openmldb.GetTermPair(id, storage, {tablet})[0];
  if (!own.ok()) return own.status();
  if (own->term == 0) own->term = followed_in_term;
  if (!own->has_table || own->term == 0) return LostRows();  // nobody can tell
  return BeyondItsTerm(partition->term_offsets, *own);
}

absl::Status RecoverFromLeader(OpenMldb& openmldb, const PartitionId& id,
                               const std::string& tablet) {
  return OkIf(OpenMldbCode::kPartitionAlive, openmldb.RecoverTable(id, tablet));
}

absl::Status EndOp(OpenMldb& openmldb, const Op& op) {
  if (op.IsFailedChangeOfLeader()) {
    if (absl::Status told = TellOfItsLeader(openmldb, {op.db, op.table, 0, op.pid}); !told.ok())
      return told;
  }
  // One that has ended already cannot be.
  if (absl::Status status = openmldb.CancelOp(op.id); !status.ok() && CodeOf(status) == 0)
    return status;
  return openmldb.DeleteOp(op.id);
}

absl::Status LeadAgain(OpenMldb& openmldb, const Partition& partition, StorageMode storage,
                       const std::string& tablet, absl::Duration limit) {
  std::vector<std::string> replicas = {tablet};
  for (const ReplicaMeta& meta : partition.replicas) {
    if (meta.endpoint != tablet && meta.is_alive) replicas.push_back(meta.endpoint);
  }
  uint64_t term = partition.Term().term;
  bool leads = false;
  std::vector<std::string> followers;
  const auto pairs = openmldb.GetTermPair(partition.id, storage, replicas, limit);
  for (size_t i = 0; i < pairs.size(); ++i) {
    // One that was restarted is looked at before it follows.
    const bool restarted = pairs[i].ok() && pairs[i]->has_table && pairs[i]->term == 0;
    const bool later = i > 0 && restarted &&
                       openmldb.UpdateTableAliveStatus(partition.id, replicas[i], false).ok();
    if (i > 0 && !later) followers.push_back(replicas[i]);
    if (!pairs[i].ok() || !pairs[i]->has_table) continue;
    term = std::max(term, pairs[i]->term);
    if (i == 0) leads = pairs[i]->is_leader;
    if (i > 0 && pairs[i]->is_leader) {
      return absl::FailedPreconditionError(
          absl::StrCat(replicas[i], " leads ", ToString(partition.id), " on its tablet"));
    }
  }
  if (leads) {
    if (absl::Status status = openmldb.Demote({partition.id}, tablet, limit)[0]; !status.ok())
      return status;
  }
  const absl::Status status = openmldb.Lead(partition.id, tablet, term, followers, limit);
  return OkIf(OpenMldbCode::kIsLeader, status);
}

bool NothingArrives(const absl::Status& status) {
  return status.GetPayload(kNothingArrives).has_value();
}

absl::StatusOr<Rejoined> Rejoin(OpenMldb& openmldb, Clock& clock, const Table& table,
                                const Partition& partition, const std::string& tablet,
                                uint64_t& followed_in_term) {
  const PartitionId& id = partition.id;
  const ReplicaMeta* leader = partition.Leader();
  if (leader == nullptr)
    return absl::FailedPreconditionError(absl::StrCat(ToString(id), " has no leader"));
  const auto pairs = openmldb.GetTermPair(id, table.storage_mode, {tablet, leader->endpoint});
  if (!pairs[0].ok()) return pairs[0].status();
  if (!pairs[1].ok()) return pairs[1].status();
  TermPair own = *pairs[0];
  if (!own.has_table) {
    // What its volume lost with the power of its node, its leader believes to have sent (F5.2.1 d).
    const absl::Status let_go = openmldb.DelReplica({id}, {leader->endpoint}, tablet)[0];
    if (!let_go.ok()) return let_go;
    const absl::Status loading =
        openmldb.LoadTable(tablet, {LoadRequestFor(table, partition, TableMode::kFollower)})[0];
    if (loading.ok() || HasCode(loading, OpenMldbCode::kTableExists) ||
        HasCode(loading, OpenMldbCode::kLoading))
      return Rejoined::kLoads;
    if (CodeOf(loading) == 0) return loading;
    return Rejoined::kMustBeCopied;
  }
  // One with a higher term refuses what its leader sends, until it is loaded anew.
  const bool refuses = own.term > pairs[1]->term;
  // A restarted tablet does not know its term before a leader tells it.
  const bool restarted = own.term == 0;
  if (restarted) own.term = followed_in_term;
  if (own.is_leader || refuses || !FitsTheTerms(partition, own) || own.offset > pairs[1]->offset)
    return Rejoined::kMustBeCopied;
  // Not later: to one that knows its term RecoverTable copies nothing (F5.5). Whoever has run on
  // counts what has outlived its time for longer than its leader, or shorter.
  if (restarted) {
    const auto complete = HasEveryRecord(openmldb, clock, id, leader->endpoint, tablet);
    if (!complete.ok()) return complete.status();
    if (!*complete) return Rejoined::kMustBeCopied;
  }
  followed_in_term = partition.Term().term;
  if (absl::Status status = CatchUp(openmldb, clock, id, leader->endpoint, tablet); !status.ok())
    return status;
  if (absl::Status status = openmldb.SetReplicaMeta(id, tablet, /*is_leader=*/false,
                                                    /*is_alive=*/true);
      !status.ok())
    return status;
  return Rejoined::kYes;
}

}  // namespace omdb
