#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/mend_steps.h"

namespace omdb {
namespace {

constexpr int kRejoinsAtATime = 8;

// The rollout itself has the replica in its hands: not alive, or about to be removed, on purpose.
bool HeldByRollout(const Ledger& ledger, const PartitionId& id, const ReplicaMeta& meta,
                   const ReplicaStatus* status) {
  // The hand-over demotes before it changes the leader: somebody else did.
  const bool still_leads = status != nullptr && status->mode == TableMode::kLeader;
  if (!ledger.tablet || still_leads) return false;
  const TabletInHand& hand = *ledger.tablet;
  const auto held = std::find_if(hand.partitions.begin(), hand.partitions.end(),
                                 [&id](const HeldPartition& each) { return each.id == id; });
  if (held == hand.partitions.end()) return false;
  if (meta.endpoint == held->extra_replica && hand.step == TabletStep::kRemoveExtraReplicas)
    return true;
  const bool former_leader = !meta.is_alive && status != nullptr;
  if (meta.endpoint == hand.name) {
    if (hand.step == TabletStep::kHandOverLeaders) return former_leader;
    return hand.step >= TabletStep::kDetach && hand.step <= TabletStep::kMarkAlive;
  }
  return meta.endpoint == held->moved_to && former_leader &&
         hand.step >= TabletStep::kReturnLeaders && hand.step <= TabletStep::kReattachFormerLeaders;
}

class Replicas {
 public:
  explicit Replicas(Plan& plan) : plan_(plan), database_(*plan.seen.database) {}

  bool BringBack() {
    for (const Table& table : database_.tables) {
      for (const Partition& partition : table.partitions) Mend(table, partition);
    }
    for (auto& [tablet, load] : loads_) plan_.Do(std::move(load));
    if (!plan_.decision.actions.empty()) return Mends(plan_, "bringing replicas back");
    if (blocked_.reason.empty()) return true;
    return plan_.Wait(blocked_.reason, blocked_.message);
  }

 private:
  void Mend(const Table& table, const Partition& partition) {
    if (OpUnderWayOn(database_, partition.id)) return;
    const ReplicaMeta* leader = partition.Leader();
    if (leader == nullptr) return BringLeaderBack(table, partition);
    const size_t before = plan_.decision.actions.size() + loads_.size();
    MendLeader(table, partition, *leader);
    if (plan_.decision.actions.size() + loads_.size() > before) return;
    const ReplicaStatus* status = Status(*leader, partition);
    if (status == nullptr || status->mode != TableMode::kLeader) return;
    for (const ReplicaMeta& meta : partition.replicas) {
      if (meta.endpoint == leader->endpoint || !Serves(database_, meta.endpoint)) continue;
      if (InHand(meta, partition)) continue;
      MendFollower(partition, meta);
    }
  }

  // Whoever led last, if nobody has more rows; the guards say when there is none.
  void BringLeaderBack(const Table& table, const Partition& partition) {
    const ReplicaMeta* found = LastLeader(table, partition);
    if (found == nullptr) return;
    const ReplicaMeta& last = *found;
    const ReplicaStatus* status = Status(last, partition);
    for (const ReplicaMeta& meta : partition.replicas) {
      const ReplicaStatus* other = Status(meta, partition);
      if (meta.is_alive && other != nullptr && other->offset > status->offset) return;
    }
    plan_.Do(action::MarkAlive{partition.id, last.endpoint, /*leader=*/true});
  }

  // Of several former leaders the one that wrote in the last term, or any of them when nothing was
  // written in it (M13). Null while nobody can tell.
  const ReplicaMeta* LastLeader(const Table& table, const Partition& partition) {
    std::vector<const ReplicaMeta*> former;
    for (const ReplicaMeta& meta : partition.replicas) {
      if (!meta.is_leader) continue;
      const ReplicaStatus* status = Status(meta, partition);
      if (!Serves(database_, meta.endpoint)) return nullptr;
      if (status == nullptr && !InHand(meta, partition)) Load(table, partition, meta.endpoint);
      if (status == nullptr || status->Loading()) return nullptr;
      former.push_back(&meta);
    }
    if (former.size() < 2) return former.empty() ? nullptr : NotInHand(former, partition);
    // Nobody has more than those that wrote in the last term; without any, whoever has all before.
    const uint64_t begin = partition.Term().offset;
    const auto keep = [&](const auto& wanted) {
      std::vector<const ReplicaMeta*> kept;
      std::copy_if(
          former.begin(), former.end(), std::back_inserter(kept),
          [&](const ReplicaMeta* meta) { return wanted(Status(*meta, partition)->offset); });
      return kept;
    };
    const auto wrote = keep([begin](uint64_t offset) { return offset >= begin; });
    if (wrote.size() == 1) return NotInHand(wrote, partition);
    if (wrote.empty())
      return NotInHand(keep([begin](uint64_t offset) { return offset + 1 == begin; }), partition);
    const auto term = [&](const ReplicaMeta* meta) { return TermOf(partition, meta->endpoint); };
    former = wrote;
    std::sort(former.begin(), former.end(),
              [&](const ReplicaMeta* a, const ReplicaMeta* b) { return term(a) > term(b); });
    const bool sure = term(former.back()) > 0 && term(former[0]) > term(former[1]);
    return sure ? NotInHand({former[0]}, partition) : nullptr;
  }

  // The first that the rollout does not have in its hands; null when there is none.
  const ReplicaMeta* NotInHand(const std::vector<const ReplicaMeta*>& metas,
                               const Partition& partition) const {
    const auto found = std::find_if(metas.begin(), metas.end(), [&](const ReplicaMeta* meta) {
      return !InHand(*meta, partition);
    });
    return found == metas.end() ? nullptr : *found;
  }

  // A nameserver that hung made it lead, and no more: it goes on from what it took in its term.
  void LetLead(const Table& table, const Partition& partition, const ReplicaMeta& leader,
               const ReplicaMeta& next) {
    if (Status(next, partition)->mode == TableMode::kLeader) {
      plan_.Do(action::Demote{partition.id, next.endpoint});
    } else {
      plan_.Do(
          action::HandOver{leader.endpoint, {{partition.id, table.storage_mode, next.endpoint}}});
    }
  }

  void MendLeader(const Table& table, const Partition& partition, const ReplicaMeta& leader) {
    if (!Serves(database_, leader.endpoint)) return;
    const ReplicaStatus* status = Status(leader, partition);
    const bool stopping = plan_.ledger().tablet && plan_.ledger().tablet->name == leader.endpoint &&
                          plan_.ledger().tablet->step == TabletStep::kRestart;
    if (stopping) return;
    if (status == nullptr) return Load(table, partition, leader.endpoint);
    if (status->Loading()) return;
    if (status->state == TableState::kSnapshotPaused)
      plan_.Do(action::RecoverSnapshot{partition.id, leader.endpoint});
    for (const ReplicaMeta& meta : partition.replicas) {
      const ReplicaStatus* other = Status(meta, partition);
      if (meta.endpoint == leader.endpoint || !meta.is_alive || other == nullptr) continue;
      // A change of leader that was made on the tablet only: nobody was told, nothing was written.
      if (other->mode == TableMode::kLeader && other->offset <= status->offset) {
        plan_.Do(action::Demote{partition.id, meta.endpoint});
        return;
      }
      if (other->offset > status->offset && status->mode != TableMode::kLeader) {
        if (TermOf(partition, meta.endpoint) > TermOf(partition, leader.endpoint))
          return LetLead(table, partition, leader, meta);
        blocked_ = {"LeaderBehind",
                    absl::StrCat(leader.endpoint, " leads ", ToString(partition.id),
                                 " and has rows up to offset ", status->offset, ", ", meta.endpoint,
                                 " has more, up to ", other->offset,
                                 "; change the leader to it with the nameserver's changeleader")};
        return;
      }
    }
    if (status->mode != TableMode::kLeader || FencedFollower(partition, leader.endpoint))
      plan_.Do(action::LeadAgain{partition.id, leader.endpoint});
  }

  void MendFollower(const Partition& partition, const ReplicaMeta& meta) {
    const ReplicaStatus* status = Status(meta, partition);
    if (meta.is_alive) {
      const bool lost = status == nullptr || status->mode == TableMode::kLeader ||
                        NotFollowed(partition, meta.endpoint);
      auto& followed = plan_.ledger().followed_in_term;
      const std::string key = FollowerKey(partition.id, meta.endpoint);
      if (!lost) {
        followed.erase(key);
        return;
      }
      if (status == nullptr) plan_.RememberTerm(partition, meta.endpoint);
      plan_.Do(action::MarkNotAlive{partition.id, meta.endpoint});
      return;
    }
    if (status != nullptr && (status->Loading())) return;
    // It still accepts writes (H1, H2), which nobody would have (M1).
    if (status != nullptr && status->mode == TableMode::kLeader) {
      plan_.Do(action::Demote{partition.id, meta.endpoint});
    } else if (rejoins_++ < kRejoinsAtATime) {
      plan_.Do(action::Rejoin{partition.id, meta.endpoint});
    }
  }

  void Load(const Table& table, const Partition& partition, const std::string& tablet) {
    action::Load& load = loads_[tablet];
    load.tablet = tablet;
    load.requests.push_back(LoadRequestFor(table, partition, TableMode::kFollower));
  }

  bool InHand(const ReplicaMeta& meta, const Partition& partition) const {
    return HeldByRollout(plan_.ledger(), partition.id, meta, Status(meta, partition));
  }

  const ReplicaStatus* Status(const ReplicaMeta& meta, const Partition& partition) const {
    return database_.Status(meta.endpoint, partition.id);
  }

  // By the closer look; nothing compares lower than any term.
  std::optional<uint64_t> TermOf(const Partition& partition, const std::string& tablet) const {
    if (!database_.closely) return std::nullopt;
    const auto terms = database_.closely->terms.find(ToString(partition.id));
    if (terms == database_.closely->terms.end()) return std::nullopt;
    const auto own = terms->second.find(tablet);
    if (own == terms->second.end()) return std::nullopt;
    return own->second;
  }

  // By the closer look: a follower has seen a higher term than its leader's, and refuses what the
  // leader sends (M2, M6).
  bool FencedFollower(const Partition& partition, const std::string& leader) const {
    const auto own = TermOf(partition, leader);
    return own > 0 && std::any_of(partition.replicas.begin(), partition.replicas.end(),
                                  [&](const ReplicaMeta& meta) {
                                    return meta.is_alive && TermOf(partition, meta.endpoint) > own;
                                  });
  }

  // By the closer look: its leader does not replicate to it, or to where its tablet was before
  // (F5.11). A restarted one knows no term until its leader has reached it (H1, M12).
  bool NotFollowed(const Partition& partition, const std::string& follower) const {
    if (!database_.closely) return false;
    const auto list = database_.closely->followers.find(ToString(partition.id));
    return list != database_.closely->followers.end() &&
           (list->second.count(follower) == 0 || TermOf(partition, follower) == 0);
  }

  Plan& plan_;
  const Database& database_;
  std::map<std::string, action::Load> loads_;  // by tablet
  Problem blocked_;
  int rejoins_ = 0;
};

}  // namespace

bool BringReplicasBack(Plan& plan) { return Replicas(plan).BringBack(); }

}  // namespace omdb
