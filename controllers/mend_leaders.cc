#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/mend_replicas.h"
#include "controllers/mend_steps.h"
#include "controllers/replica_repair.h"

namespace omdb {
namespace {

class Leaders {
 public:
  explicit Leaders(ReplicasToMend& all) : all_(all), plan_(all.plan), database_(all.database) {}

  void Mend(const Table& table, const Partition& partition) {
    const ReplicaMeta* leader = partition.Leader();
    if (leader == nullptr) return BringLeaderBack(table, partition);
    const size_t before = plan_.decision.actions.size();
    MendLeader(table, partition, *leader);
    const ReplicaStatus* status = all_.Status(*leader, partition);
    if (plan_.decision.actions.size() == before && status != nullptr &&
        status->mode == TableMode::kLeader)
      all_.led.push_back(&partition);
  }

 private:
  // Whoever led last; the guards say when there is none. One that has fewer rows than another gives
  // way to it then, unless it takes rows.
  void BringLeaderBack(const Table& table, const Partition& partition) {
    const ReplicaMeta* found = LastLeader(table, partition);
    if (found == nullptr) return;
    const ReplicaStatus* last = all_.Status(*found, partition);
    const bool behind = std::any_of(
        partition.replicas.begin(), partition.replicas.end(), [&](const ReplicaMeta& meta) {
          const ReplicaStatus* status = all_.Status(meta, partition);
          return meta.is_alive && status != nullptr && status->offset > last->offset;
        });
    if (behind && last->mode == TableMode::kLeader) return;
    plan_.Do(action::MarkLeaderAlive{partition.id, found->endpoint});
  }

  // Null while nobody can tell.
  const ReplicaMeta* LastLeader(const Table& table, const Partition& partition) {
    std::vector<const ReplicaMeta*> former;
    uint64_t followers_have = 0;
    for (const ReplicaMeta& meta : partition.replicas) {
      if (!meta.is_leader && !meta.is_alive) continue;
      const ReplicaStatus* status = all_.Status(meta, partition);
      if (!meta.is_leader && GivenUp(database_, meta.endpoint)) continue;
      if (!Serves(database_, meta.endpoint)) return nullptr;
      // Nobody loads it: it is copied once another one leads.
      if (status == nullptr && MustBeCopied(partition, meta)) continue;
      if (status == nullptr && !all_.InHand(meta, partition))
        all_.Load(table, partition, meta.endpoint);
      if (status == nullptr || status->Loading()) return nullptr;
      if (meta.is_leader)
        former.push_back(&meta);
      else
        followers_have = std::max(followers_have, status->offset);
    }
    // What is to be copied anew is so wherever another one can lead.
    if (former.size() > 1)
      std::erase_if(former,
                    [&](const ReplicaMeta* meta) { return MustBeCopied(partition, *meta); });
    return former.size() < 2 ? NotInHand(former, partition)
                             : LastOf(former, followers_have, partition);
  }

  // Of several former leaders the one that wrote in the last term, or any of them when nothing was
  // written in it (M13).
  const ReplicaMeta* LastOf(std::vector<const ReplicaMeta*> former, uint64_t followers_have,
                            const Partition& partition) const {
    // Nobody has more than those that wrote in the last term; without any, whoever has all before.
    const uint64_t begin = partition.Term().offset;
    const auto keep = [&](const auto& wanted) {
      std::vector<const ReplicaMeta*> kept;
      std::copy_if(
          former.begin(), former.end(), std::back_inserter(kept),
          [&](const ReplicaMeta* meta) { return wanted(all_.Status(*meta, partition)->offset); });
      return kept;
    };
    const auto wrote = keep([begin](uint64_t offset) { return offset >= begin; });
    if (wrote.size() == 1) return NotInHand(wrote, partition);
    if (wrote.empty()) {
      // None of them where they all lost power: any of them then gives way to a follower.
      return NotInHand(
          keep([&](uint64_t offset) { return offset + 1 == begin || followers_have + 1 >= begin; }),
          partition);
    }
    const auto term = [&](const ReplicaMeta* meta) {
      return all_.TermOf(partition, meta->endpoint);
    };
    former = wrote;
    std::sort(former.begin(), former.end(),
              [&](const ReplicaMeta* a, const ReplicaMeta* b) { return term(a) > term(b); });
    const bool sure = term(former.back()) > 0 && term(former[0]) > term(former[1]);
    if (sure) return NotInHand({former[0]}, partition);
    // Who follows the last leader knows what that had: one that had less gives way to it.
    former = keep([&](uint64_t offset) { return offset < followers_have; });
    const bool more = std::any_of(wrote.begin(), wrote.end(), [&](const ReplicaMeta* meta) {
      return all_.Status(*meta, partition)->offset > followers_have;
    });
    return more ? nullptr : NotInHand(former, partition);
  }

  // The first that the rollout does not have in its hands; null when there is none.
  const ReplicaMeta* NotInHand(const std::vector<const ReplicaMeta*>& metas,
                               const Partition& partition) const {
    const auto found = std::find_if(metas.begin(), metas.end(), [&](const ReplicaMeta* meta) {
      return !all_.InHand(*meta, partition);
    });
    return found == metas.end() ? nullptr : *found;
  }

  // A nameserver that hung made it lead, and no more: it goes on from what it took in its term. Or
  // its leader lost power, and rows with it.
  void LetLead(const Table& table, const Partition& partition, const ReplicaMeta& leader,
               const ReplicaMeta& next) {
    if (all_.Status(next, partition)->mode == TableMode::kLeader) {
      plan_.Do(action::Demote{partition.id, next.endpoint});
      return;
    }
    all_.leaders_to_come = true;
    plan_.RememberTerm(partition, leader.endpoint);
    if (const auto problem = OpUnderWay(database_)) {
      all_.blocked = *problem;
      return;
    }
    // A restarted one is looked at before it follows again.
    for (const ReplicaMeta& meta : partition.replicas) {
      const bool other = meta.endpoint != leader.endpoint && meta.endpoint != next.endpoint;
      if (other && meta.is_alive && all_.TermOf(partition, meta.endpoint) == 0)
        plan_.Do(action::MarkNotAlive{partition.id, meta.endpoint});
    }
    plan_.Do(
        action::HandOver{leader.endpoint, {{partition.id, table.storage_mode, next.endpoint}}});
  }

  // A leader that lacks rows of before its term has lost them: a former one that was not brought
  // back yet, and has nothing that it should not have, may have them. True while that is not
  // settled.
  bool FormerLeaderHasMore(const Table& table, const Partition& partition,
                           const ReplicaMeta& leader) {
    const uint64_t offset = all_.Status(leader, partition)->offset;
    if (offset + 1 >= partition.Term().offset) return false;
    all_.blocked = {"LeaderBehind", absl::StrCat(leader.endpoint, " leads ", ToString(partition.id),
                                                 " and lacks the rows from offset ", offset + 1,
                                                 " on; a replica is looked for that has them")};
    for (const ReplicaMeta& meta : partition.replicas) {
      if (meta.is_alive) continue;
      const ReplicaStatus* status = all_.Status(meta, partition);
      if (!Serves(database_, meta.endpoint)) {
        if (!GivenUp(database_, meta.endpoint)) return true;
      } else if (status == nullptr) {
        if (MustBeCopied(partition, meta)) continue;
        all_.Load(table, partition, meta.endpoint);
        return true;
      } else if (status->Loading() || !database_.closely) {
        plan_.decision.look_closely = true;
        return true;
      } else if (status->mode == TableMode::kFollower && status->offset > offset &&
                 FitsItsTerm(partition, meta, status->offset)) {
        plan_.Do(action::MarkAlive{meta.endpoint, {partition.id}});
        return true;
      }
    }
    all_.blocked = {};
    return false;
  }

  bool MustBeCopied(const Partition& partition, const ReplicaMeta& meta) const {
    const auto& hand = plan_.ledger().tablet;
    if (!hand || hand->name != meta.endpoint) return false;
    const HeldPartition* held = hand->Find(partition.id);
    return held != nullptr && held->recover;
  }

  bool FitsItsTerm(const Partition& partition, const ReplicaMeta& meta, uint64_t offset) const {
    uint64_t term = all_.TermOf(partition, meta.endpoint).value_or(0);
    if (term == 0) term = plan_.ledger().FollowedInTerm(partition.id, meta.endpoint);
    return FitsTheTerms(partition, {term, offset});
  }

  // A leader that was restarted may have lost its last rows with the power of its node (F1.6), and
  // so may its followers: all that may have them are asked before it leads again (M13).
  bool FollowersTell(const Table& table, const Partition& partition, const ReplicaMeta& leader) {
    bool tell = true;
    for (const ReplicaMeta& meta : partition.replicas) {
      if (!meta.is_alive || meta.endpoint == leader.endpoint) continue;
      const ReplicaStatus* status = all_.Status(meta, partition);
      if (status != nullptr && !status->Loading()) continue;
      if (status != nullptr) {
        tell = false;
        all_.leaders_to_come = true;
      } else if (Serves(database_, meta.endpoint)) {
        tell = false;
        plan_.RememberTerm(partition, meta.endpoint);
        all_.Load(table, partition, meta.endpoint);
      } else if (!GivenUp(database_, meta.endpoint) &&
                 all_.TermOf(partition, leader.endpoint).value_or(0) == 0) {
        all_.blocked = {
            "FollowerAwaited",
            absl::StrCat(ToString(partition.id), " has no writable leader: ", leader.endpoint,
                         " was restarted and may lack rows that ", meta.endpoint,
                         " has, which does not answer; it is awaited for ",
                         absl::FormatDuration(kGivenUpAfter))};
        tell = false;
      }
    }
    return tell;
  }

  void MendLeader(const Table& table, const Partition& partition, const ReplicaMeta& leader) {
    if (!Serves(database_, leader.endpoint)) return;
    const ReplicaStatus* status = all_.Status(leader, partition);
    const bool stopping = plan_.ledger().tablet && plan_.ledger().tablet->name == leader.endpoint &&
                          plan_.ledger().tablet->step == TabletStep::kRestart;
    if (stopping) return;
    if (status == nullptr) return all_.Load(table, partition, leader.endpoint);
    if (status->Loading()) {
      all_.leaders_to_come = true;
      return;
    }
    if (status->state == TableState::kSnapshotPaused)
      plan_.Do(action::RecoverSnapshot{partition.id, leader.endpoint});
    const bool leads = status->mode == TableMode::kLeader;
    if (!leads && FormerLeaderHasMore(table, partition, leader)) {
      all_.leaders_to_come = true;
      return;
    }
    if (!leads && !FollowersTell(table, partition, leader)) return;
    const ReplicaMeta* ahead = nullptr;
    uint64_t most = status->offset;
    for (const ReplicaMeta& meta : partition.replicas) {
      const ReplicaStatus* other = all_.Status(meta, partition);
      if (meta.endpoint == leader.endpoint || !meta.is_alive || other == nullptr) continue;
      // A change of leader that was made on the tablet only: nobody was told, nothing was written.
      if (other->mode == TableMode::kLeader && other->offset <= status->offset) {
        plan_.Do(action::Demote{partition.id, meta.endpoint});
        return;
      }
      if (other->offset <= most || leads) continue;
      most = other->offset;
      ahead = &meta;
    }
    if (ahead != nullptr) {
      const auto own = all_.TermOf(partition, leader.endpoint);
      if (own == 0 || all_.TermOf(partition, ahead->endpoint) > own)
        return LetLead(table, partition, leader, *ahead);
      if (!own) all_.leaders_to_come = plan_.decision.look_closely = true;
      all_.blocked = {"LeaderBehind",
                      absl::StrCat(leader.endpoint, " leads ", ToString(partition.id),
                                   " and has rows up to offset ", status->offset, ", ",
                                   ahead->endpoint, " has more, up to ", most,
                                   "; change the leader to it with the nameserver's changeleader")};
      return;
    }
    if (status->mode != TableMode::kLeader || FencedFollower(partition, leader.endpoint))
      plan_.Do(action::LeadAgain{partition.id, leader.endpoint});
  }

  // By the closer look: a follower has seen a higher term than its leader's, and refuses what the
  // leader sends (M2, M6).
  bool FencedFollower(const Partition& partition, const std::string& leader) const {
    const auto own = all_.TermOf(partition, leader);
    return own > 0 && std::any_of(partition.replicas.begin(), partition.replicas.end(),
                                  [&](const ReplicaMeta& meta) {
                                    return meta.is_alive &&
                                           all_.TermOf(partition, meta.endpoint) > own;
                                  });
  }

  ReplicasToMend& all_;
  Plan& plan_;
  const Database& database_;
};

}  // namespace

void MendLeaders(ReplicasToMend& replicas) {
  Leaders leaders(replicas);
  for (const Table& table : replicas.database.tables) {
    for (const Partition& partition : table.partitions) {
      if (!OpUnderWayOn(replicas.database, partition.id)) leaders.Mend(table, partition);
    }
  }
}

}  // namespace omdb
