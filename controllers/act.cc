#include "controllers/act.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controllers/alive_status.h"
#include "controllers/hand_over.h"
#include "controllers/replica_repair.h"
#include "controllers/sessions.h"

namespace omdb {
namespace {

// To so much times are reported.
constexpr absl::Duration kReported = absl::Microseconds(100);
constexpr uint32_t kMostLanes = 8;  // of the nameserver's ops, at most

HeldPartition* Find(Ledger& ledger, const PartitionId& id) {
  return ledger.tablet ? ledger.tablet->Find(id) : nullptr;
}

// The first error and what is known of it, with the number of all.
absl::Status First(const std::vector<absl::Status>& statuses) {
  const auto failed = std::count_if(statuses.begin(), statuses.end(),
                                    [](const absl::Status& s) { return !s.ok(); });
  for (const absl::Status& status : statuses) {
    if (status.ok()) continue;
    if (failed == 1) return status;
    absl::Status all(status.code(), absl::StrCat(failed, " of ", statuses.size(),
                                                 " failed, the first: ", status.message()));
    status.ForEachPayload([&all](absl::string_view type, const absl::Cord& payload) {
      all.SetPayload(type, payload);
    });
    return all;
  }
  return absl::OkStatus();
}

class Actor {
 public:
  Actor(Kubernetes& kubernetes, OpenMldb& openmldb, Clock& clock, const Snapshot& seen,
        Ledger& ledger, std::vector<Note>& notes)
      : kubernetes_(kubernetes),
        openmldb_(openmldb),
        clock_(clock),
        seen_(seen),
        ledger_(ledger),
        notes_(notes) {}

  absl::Status operator()(const action::Apply& a) {
    return kubernetes_.Apply(a.type, a.object).status();
  }

  absl::Status operator()(const action::CreatePod& a) {
    return kubernetes_.Create(types::Pod(), a.object).status();
  }

  absl::Status operator()(const action::DeletePod& a) {
    return kubernetes_.Delete(types::Pod(), {seen_.cluster.key.ns, a.name}, a.uid);
  }

  absl::Status operator()(const action::SetAutoFailover& a) {
    return openmldb_.SetAutoFailover(a.on);
  }

  absl::Status operator()(const action::HandOver& a) {
    const UpgradeSpec& upgrade = seen_.cluster.spec.upgrade;
    HandOverLimits limits;
    limits.fence = upgrade.fence_limit;
    limits.pause = upgrade.max_write_pause;
    const auto results = HandOverLeaders(openmldb_, clock_, a.from, a.leaders, limits);
    std::vector<absl::Status> statuses;
    for (size_t i = 0; i < results.size(); ++i) {
      const auto& result = results[i];
      if (result.ok()) ReportMove(a.leaders[i].partition, a.from, *result);
      statuses.push_back(result.ok() ? result->verified : result.status());
    }
    if (std::any_of(statuses.begin(), statuses.end(), WasCancelled))
      MakeKnownAnew(openmldb_, clock_, *seen_.database);
    return First(statuses);
  }

  absl::Status operator()(const action::AddReplica& a) {
    return openmldb_.AddReplicaNs(a.partition, a.endpoint);
  }
  absl::Status operator()(const action::DropLeftover& a) {
    const auto partition = openmldb_.GetPartition(a.partition);
    if (!partition.ok()) return partition.status();
    if (partition->Find(a.tablet) != nullptr) return absl::OkStatus();
    return openmldb_.DropTable(a.partition, a.tablet);
  }
  absl::Status operator()(const action::DeleteReplica& a) {
    return openmldb_.DelReplicaNs(a.partition, a.endpoint);
  }

  absl::Status operator()(const action::Detach& a) {
    const auto table = openmldb_.ShowTable(a.partitions[0].db, a.partitions[0].table);
    if (!table.ok()) return table.status();
    const auto follows = [&a](const Partition& now, size_t) { return !now.LedBy(a.tablet); };
    if (absl::Status status = AreAll({*table}, a.partitions, follows); !status.ok()) return status;
    // First the leaders let go: then nothing is sent any more to a replica that the nameserver does
    // not count on.
    const auto statuses = openmldb_.DelReplica(a.partitions, a.leaders, a.tablet);
    std::vector<PartitionId> detached;
    for (size_t i = 0; i < statuses.size(); ++i) {
      if (!statuses[i].ok()) continue;
      detached.push_back(a.partitions[i]);
      if (HeldPartition* held = Find(ledger_, a.partitions[i])) held->attached_to.clear();
    }
    const absl::Status marked = omdb::MarkNotAlive(openmldb_, *table, a.tablet, detached);
    return marked.ok() ? First(statuses) : marked;
  }

  absl::Status operator()(const action::Load& a) {
    const auto statuses = openmldb_.LoadTable(a.tablet, a.requests);
    const bool in_hand = ledger_.tablet && ledger_.tablet->name == a.tablet;
    std::vector<absl::Status> passing;
    for (size_t i = 0; i < statuses.size(); ++i) {
      HeldPartition* held = in_hand ? Find(ledger_, a.requests[i].partition) : nullptr;
      if (HasCode(statuses[i], OpenMldbCode::kTableExists) ||
          HasCode(statuses[i], OpenMldbCode::kLoading))
        continue;
      const bool leads = Leads(a.tablet, a.requests[i].partition);
      const bool alive = IsAlive(a.tablet, a.requests[i].partition);
      if (CodeOf(statuses[i]) == 0 || leads || (held == nullptr && !alive)) {
        passing.push_back(leads ? WithAWayOut(statuses[i]) : statuses[i]);
        continue;
      }
      // Else its leader would wait for it.
      if (alive)
        passing.push_back((*this)(action::MarkNotAlive{a.requests[i].partition, a.tablet}));
      if (held != nullptr) held->recover = true;
      notes_.push_back(
          {true, "LoadFailed",
           absl::StrCat(statuses[i].message(), "; it is copied from its leader by RecoverTable")});
    }
    return First(passing);
  }

  absl::Status operator()(const action::Attach& a) {
    auto tables = openmldb_.ShowTable();
    if (!tables.ok()) return tables.status();
    // A former one would send rows that the partition does not have (H2).
    const auto led = [&a](const Partition& now, size_t i) { return now.LedBy(a.leaders[i]); };
    if (absl::Status status = AreAll(*std::move(tables), a.partitions, led); !status.ok())
      return status;
    const auto statuses = Follow(openmldb_, a.partitions, a.leaders, a.follower);
    for (size_t i = 0; i < statuses.size(); ++i) {
      HeldPartition* held = Find(ledger_, a.partitions[i]);
      if (!statuses[i].ok() || held == nullptr) continue;
      held->attached_to = a.leaders[i];
      held->attached_at = clock_.Now();
    }
    return First(statuses);
  }

  absl::Status operator()(const action::MarkAlive& a) {
    const auto table = openmldb_.ShowTable(a.partitions[0].db, a.partitions[0].table);
    if (!table.ok()) return table.status();
    return omdb::MarkAlive(openmldb_, *table, a.tablet, a.partitions);
  }
  absl::Status operator()(const action::MarkLeaderAlive& a) {
    const auto led_by_nobody = [](const Partition& now) { return now.Leader() == nullptr; };
    if (absl::Status status = Still(a.partition, led_by_nobody); !status.ok()) return status;
    // SetTablePartition tells no client; a new leader without that is one that nobody writes to.
    return openmldb_.UpdateTableAliveStatus(a.partition, a.endpoint, true);
  }

  absl::Status operator()(const action::Recover& a) {
    // Its leader, or the nameserver, may have looked for it where its tablet was before (F5.11).
    if (LastOpFailed(a.partition)) TellAddresses(openmldb_, clock_, a.endpoint);
    const auto lost = PrepareRecovery(openmldb_, a.partition, StorageOf(a.partition), a.endpoint,
                                      ledger_.FollowedInTerm(a.partition, a.endpoint));
    if (!lost.ok()) return lost.status();
    // In the ledger first: the next look finds them noted, and goes on.
    if (NoteLostRows(*lost, a.partition, a.endpoint)) return absl::OkStatus();
    return RecoverFromLeader(openmldb_, a.partition, a.endpoint);
  }

  absl::Status operator()(const action::EndZooKeeperSession& a) {
    // Where it fails the session ends by its time-out: slower, and as safe.
    (void)openmldb_.DisconnectZk(a.address, a.nameserver);
    return absl::OkStatus();
  }

  absl::Status operator()(const action::RenewZooKeeperSession& a) {
    return omdb::RenewZooKeeperSession(openmldb_, clock_, a.address);
  }

  absl::Status operator()(const action::LeadAgain& a) {
    const Partition* partition = seen_.database->FindPartition(a.partition);
    // It replicates to those that are alive; others have to be attached anew.
    if (HeldPartition* held = Find(ledger_, a.partition)) held->attached_to.clear();
    return omdb::LeadAgain(openmldb_, *partition, StorageOf(a.partition), a.tablet);
  }
  absl::Status operator()(const action::Rejoin& a) {
    // As it is now: what was seen before may be part of what is mended.
    const auto partition = openmldb_.GetPartition(a.partition);
    if (!partition.ok()) return partition.status();
    uint64_t followed_in_term = ledger_.FollowedInTerm(a.partition, a.tablet);
    const auto rejoined = omdb::Rejoin(openmldb_, clock_, *seen_.database->TableOf(a.partition),
                                       *partition, a.tablet, followed_in_term);
    if (followed_in_term > 0)
      ledger_.followed_in_term[FollowerKey(a.partition, a.tablet)] = followed_in_term;
    if (rejoined.ok() && *rejoined == Rejoined::kMustBeCopied)
      return (*this)(action::Recover{a.partition, a.tablet});
    return rejoined.status();
  }
  absl::Status operator()(const action::MarkNotAlive& a) {
    if (absl::Status status = StillFollows(a.partition, a.endpoint); !status.ok()) return status;
    return openmldb_.UpdateTableAliveStatus(a.partition, a.endpoint, false);
  }
  absl::Status operator()(const action::Demote& a) {
    if (absl::Status status = StillFollows(a.partition, a.tablet); !status.ok()) return status;
    return openmldb_.Demote({a.partition}, a.tablet)[0];
  }
  absl::Status operator()(const action::RecoverSnapshot& a) {
    return openmldb_.RecoverSnapshot(a.partition, a.tablet);
  }
  absl::Status operator()(const action::EndOp& a) { return EndOp(openmldb_, a.op); }
  absl::Status operator()(const action::Offline& a) {
    return openmldb_.OfflineEndpoint(a.tablet, kMostLanes);
  }

  absl::Status operator()(const action::Unfence& a) { return openmldb_.SetMode(a.tablet, false); }

 private:
  // Nobody has all rows but a leader, or may have: whether to do without the last of them is for a
  // person to say.
  static absl::Status WithAWayOut(const absl::Status& status) {
    if (CodeOf(status) == 0) return status;
    return absl::Status(
        status.code(),
        absl::StrCat(status.message(),
                     "; it is tried again. Where what is on its volume cannot be ",
                     "read, make a follower leader with `changeleader` of OpenMLDB's nameserver ",
                     "client"));
  }
  // Whether the partition is as `wanted` of it at this moment. What was seen is some seconds old
  // where a server hangs, and others change leaders too.
  template <typename Wanted>
  absl::Status Still(const PartitionId& id, const Wanted& wanted) {
    const auto now = openmldb_.GetPartition(id);
    return !now.ok() || wanted(*now) ? now.status() : Changed(*now);
  }
  // Whether each partition, as it is now, is as `wanted` of it and its place among them.
  template <typename Wanted>
  static absl::Status AreAll(std::vector<Table> tables, const std::vector<PartitionId>& partitions,
                             const Wanted& wanted) {
    Database now;
    now.tables = std::move(tables);
    for (size_t i = 0; i < partitions.size(); ++i) {
      const Partition* partition = now.FindPartition(partitions[i]);
      if (partition == nullptr)
        return absl::NotFoundError(absl::StrCat(ToString(partitions[i]), " is no more"));
      if (!wanted(*partition, i)) return Changed(*partition);
    }
    return absl::OkStatus();
  }
  static absl::Status Changed(const Partition& partition) {
    const ReplicaMeta* leader = partition.Leader();
    return absl::AbortedError(absl::StrCat(leader == nullptr ? "nobody" : leader->endpoint,
                                           " leads ", ToString(partition.id), " by now"));
  }
  absl::Status StillFollows(const PartitionId& id, const std::string& tablet) {
    return Still(id, [&](const Partition& now) { return !now.LedBy(tablet); });
  }
  bool LastOpFailed(const PartitionId& id) const {
    const Op* last = nullptr;
    for (const Op& op : seen_.database->ops) {
      if (op.Of(id) && (last == nullptr || op.id > last->id)) last = &op;
    }
    return last != nullptr && last->state == OpState::kFailed;
  }
  bool IsAlive(const std::string& tablet, const PartitionId& id) const {
    const Partition* partition = seen_.database->FindPartition(id);
    const ReplicaMeta* meta = partition == nullptr ? nullptr : partition->Find(tablet);
    return meta != nullptr && meta->is_alive;
  }
  // Then there is nobody to copy it from.
  bool Leads(const std::string& tablet, const PartitionId& id) const {
    const Partition* partition = seen_.database->FindPartition(id);
    return partition != nullptr && partition->LedBy(tablet);
  }
  void ReportMove(const PartitionId& partition, const std::string& from,
                  const HandOverResult& result) {
    NoteLostRows({result.rows_lost, result.term}, partition, from);
    if (!ledger_.tablet) return;
    TabletReport& report = ledger_.tablet->report;
    (from == ledger_.tablet->name ? report.leaders_moved : report.leaders_returned) += 1;
    report.longest_pause = std::max(report.longest_pause, absl::Trunc(result.paused, kReported));
    report.longest_fence = std::max(report.longest_fence, absl::Trunc(result.fenced, kReported));
  }
  // Once: a recovery may fail and be asked for again, and several replicas may have the same rows.
  // True when the ledger has them from now on.
  bool NoteLostRows(const LostRows& lost, const PartitionId& partition, const std::string& tablet) {
    uint64_t counted = 0;
    if (ledger_.rollout && lost.count > 0) {
      uint64_t& most =
          ledger_.rollout->rows_lost[absl::StrCat(ToString(partition), " before term ", lost.term)];
      counted = std::exchange(most, std::max(most, lost.count));
    }
    if (lost.count <= counted) return false;
    if (ledger_.tablet) ledger_.tablet->report.rows_lost += lost.count - counted;
    notes_.push_back(
        {true, "RowsLost",
         absl::StrCat(lost.count, " rows of ", ToString(partition), " that were written on ",
                      tablet, " did not reach its next leader; they are in the recycle directory ",
                      "of ", tablet, " after its recovery")});
    return ledger_.rollout.has_value();
  }
  StorageMode StorageOf(const PartitionId& id) const {
    return seen_.database->TableOf(id)->storage_mode;
  }

  Kubernetes& kubernetes_;
  OpenMldb& openmldb_;
  Clock& clock_;
  const Snapshot& seen_;
  Ledger& ledger_;
  std::vector<Note>& notes_;
};

}  // namespace

absl::Status Act(Kubernetes& kubernetes, OpenMldb& openmldb, Clock& clock, const Snapshot& seen,
                 const Action& action, Ledger& ledger, std::vector<Note>& notes) {
  absl::Status status = std::visit(Actor(kubernetes, openmldb, clock, seen, ledger, notes), action);
  if (status.ok()) return status;
  if (HasCode(status, OpenMldbCode::kNameUnknown) || NothingArrives(status))
    TellAddresses(openmldb, clock, "");
  return absl::Status(status.code(), absl::StrCat(ToString(action), ": ", status.message()));
}

}  // namespace omdb
