#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/replica_repair.h"
#include "controllers/tablet_steps.h"

// Rejoin in place (M12): the tablet loads what it has on disk, its leaders continue from there.
// What does not match goes through the nameserver's RecoverTable, which copies everything.
namespace omdb {
namespace {

// A leader that was away while the tablet got another address sends to the old one, until it is
// told again where to (F5.11).
constexpr absl::Duration kAttachAnew = absl::Seconds(15);

// What is gone was not loaded (M12). More may be there than before: what was on its way, and what
// has outlived its time, which goes from memory before it goes from disk.
bool HasItsRecords(const HeldPartition& held, const ReplicaStatus& status) {
  return status.record_count >= held.record_count;
}

// An ex-leader must be exactly where it stopped: the next term begins one above (M11). A follower
// may have got what was on its way, but nothing that its leader does not have.
bool AsRemembered(const HeldPartition& held, const ReplicaStatus& status, uint64_t leader_offset) {
  // It was written to until it stopped.
  if (held.StaysLeader()) return status.offset >= held.offset;
  if (held.was_leader) return status.offset == held.offset;
  return status.offset >= held.offset && status.offset <= leader_offset;
}

// Whoever led it may have been failed over since: a leader does not go on from rows that it lacks.
bool FitsAKnownTerm(const Ledger& ledger, const Partition& partition, const std::string& tablet,
                    uint64_t offset) {
  if (partition.term_offsets.empty()) return true;
  const uint64_t term = ledger.FollowedInTerm(partition.id, tablet);
  return term > 0 && BeyondItsTerm(partition.term_offsets, {term, offset}).count == 0;
}

// Somebody has the replica recovered meanwhile. It is left to that, and no leader goes on from
// where it was: what is copied ends elsewhere. True when there is nothing of that kind.
bool NobodyElseRecovers(Plan& plan) {
  const Database& database = *plan.seen.database;
  const std::string& tablet = plan.ledger().tablet->name;
  for (HeldPartition& held : plan.ledger().tablet->partitions) {
    const Partition* partition = database.FindPartition(held.id);
    if (partition == nullptr || held.recover || !CopiedByAnOp(database, held.id)) continue;
    held.recover = true;
    if (partition->LedBy(held.attached_to))
      plan.DoForTable<action::Detach>(tablet, held.id).leaders.push_back(held.attached_to);
  }
  return plan.decision.actions.empty();
}

const ReplicaStatus* LeaderStatus(const Database& database, const Partition& partition) {
  const ReplicaMeta* leader = partition.Leader();
  return leader == nullptr ? nullptr : database.Status(leader->endpoint, partition.id);
}

// Attaches `follower(held)` to its partition's leader where it is not yet, and waits until it has
// what the leader had then. True when all have.
template <typename Follower>
bool AttachAndCatchUp(Plan& plan, const std::string& doing, const Follower& follower) {
  const Database& database = *plan.seen.database;
  std::map<std::string, action::Attach> attach;
  std::set<std::string> stale;
  int behind = 0;
  for (HeldPartition& held : plan.ledger().tablet->partitions) {
    const Partition* partition = database.FindPartition(held.id);
    const std::string endpoint = follower(held);
    const ReplicaMeta* meta = partition == nullptr ? nullptr : partition->Find(endpoint);
    if (meta == nullptr || meta->is_alive) continue;  // it came alive while its tablet was away
    const ReplicaStatus* leader = LeaderStatus(database, *partition);
    if (leader == nullptr) {
      return plan.Wait("NoLeader",
                       absl::StrCat("the leader of ", ToString(held.id), " does not answer"));
    }
    const ReplicaStatus* own = database.Status(endpoint, held.id);
    const bool attached = partition->LedBy(held.attached_to);
    if (attached && own != nullptr && own->offset >= held.attach_offset) continue;
    ++behind;
    // Its tablet is away or has yet to load it, or somebody recovers it and what is copied ends
    // elsewhere.
    if (own == nullptr || OpUnderWayOn(database, held.id)) continue;
    if (attached && plan.seen.now - held.attached_at < kAttachAnew) continue;
    // At any change under /nodes the nameserver tells tablets where the others are (F1.3).
    if (attached) stale.insert(endpoint);
    if (!attached && !FitsAKnownTerm(plan.ledger(), *partition, endpoint, own->offset)) {
      plan.Do(action::Recover{held.id, endpoint});
      continue;
    }
    plan.RememberTerm(*partition, endpoint);
    held.attach_offset = leader->offset;
    action::Attach& batch = attach[endpoint];
    batch.follower = endpoint;
    batch.partitions.push_back(held.id);
    batch.leaders.push_back(partition->Leader()->endpoint);
  }
  for (auto& [endpoint, batch] : attach) plan.Do(std::move(batch));
  for (const std::string& endpoint : stale) {
    if (const Pod* pod = plan.seen.FindPod(endpoint))
      plan.Do(action::RenewZooKeeperSession{AddressOf(*pod)});
  }
  if (behind == 0) return true;
  return plan.Acting(Progress(plan, absl::StrCat(doing, ", ", behind, " replicas behind")));
}

}  // namespace

bool Load(Plan& plan) {
  // A leader that counts on it from before would leave a hole (F5.2.1 d), and RecoverTable leaves
  // alone what is alive.
  if (!NobodyElseRecovers(plan) || !DetachFromLeaders(plan))
    return plan.Doing(Progress(plan, "detaching followers"));
  const Database& database = *plan.seen.database;
  TabletInHand& hand = *plan.ledger().tablet;
  action::Load load{hand.name, {}};
  int loading = 0;
  for (HeldPartition& held : hand.partitions) {
    const Partition* partition = database.FindPartition(held.id);
    if (partition == nullptr || held.recover) continue;
    const ReplicaStatus* status = database.Status(hand.name, held.id);
    if (status == nullptr) {
      load.requests.push_back(
          LoadRequestFor(*database.TableOf(held.id), *partition,
                         held.StaysLeader() ? TableMode::kLeader : TableMode::kFollower));
      continue;
    }
    if (status->Loading()) {
      ++loading;
      continue;
    }
    const ReplicaStatus* leader = LeaderStatus(database, *partition);
    if (leader == nullptr) {
      return plan.Wait("NoLeader",
                       absl::StrCat("the leader of ", ToString(held.id), " does not answer"));
    }
    const bool fits =
        held.StaysLeader() || FitsAKnownTerm(plan.ledger(), *partition, hand.name, status->offset);
    const bool complete = HasItsRecords(held, *status);
    if (fits && complete && AsRemembered(held, *status, leader->offset)) continue;
    held.recover = true;
    plan.Warn(
        "ReplicaDiffers",
        absl::StrCat(
            "tablet ", hand.name, " loaded ", ToString(held.id), " up to offset ", status->offset,
            ", expected ", held.offset, fits ? "" : " and nothing of a term that ended without it",
            complete
                ? ""
                : absl::StrCat(", with ", status->record_count, " records of ", held.record_count),
            held.StaysLeader()
                ? "; there is no other replica: what is missing can only be on its volume"
                : "; it is copied from its leader by RecoverTable"));
    if (held.StaysLeader() && held.offset > status->offset) {
      const uint64_t lost = held.offset - status->offset;
      hand.report.rows_lost += lost;
      if (auto& rollout = plan.ledger().rollout)
        rollout->rows_lost[absl::StrCat(ToString(held.id), " on its only replica")] = lost;
    }
  }
  const int all = static_cast<int>(hand.partitions.size());
  const int loaded = all - loading - static_cast<int>(load.requests.size());
  if (!load.requests.empty()) plan.Do(std::move(load));
  if (loaded == all) return true;
  return plan.Acting(Progress(plan, absl::StrCat("loading ", loaded, "/", all)),
                     absl::Milliseconds(100));
}

bool Attach(Plan& plan) {
  if (!NobodyElseRecovers(plan)) return plan.Doing(Progress(plan, "detaching followers"));
  const Database& database = *plan.seen.database;
  TabletInHand& hand = *plan.ledger().tablet;
  for (const HeldPartition& held : hand.partitions) {
    if (held.recover || database.FindPartition(held.id) == nullptr) continue;
    if (database.Status(hand.name, held.id) != nullptr) continue;
    hand.step = TabletStep::kLoad;  // it restarted once more
    return true;
  }
  return AttachAndCatchUp(plan, "catching up", [&hand](const HeldPartition& held) {
    return held.recover || held.StaysLeader() ? std::string() : hand.name;
  });
}

bool MarkAlive(Plan& plan) {
  if (!NobodyElseRecovers(plan)) return plan.Doing(Progress(plan, "detaching followers"));
  const Database& database = *plan.seen.database;
  TabletInHand& hand = *plan.ledger().tablet;
  int left = 0;
  int recovering = 0;
  for (const HeldPartition& held : hand.partitions) {
    const Partition* partition = database.FindPartition(held.id);
    const ReplicaMeta* meta = partition == nullptr ? nullptr : partition->Find(hand.name);
    if (meta == nullptr || meta->is_alive) continue;
    ++left;
    if (held.recover) ++recovering;
    // Its metadata are the op's to write.
    if (OpUnderWayOn(database, held.id)) continue;
    // A recovery may fail for no reason, and is simply asked for again (H4).
    if (held.recover)
      plan.Do(action::Recover{held.id, hand.name});
    else
      plan.DoForTable<action::MarkAlive>(hand.name, held.id);
  }
  if (recovering > 0) {
    return plan.Acting(Progress(plan, absl::StrCat("recovering ", recovering, " replicas")),
                       kShortly);
  }
  if (left > 0) return plan.Doing(Progress(plan, "taking its place"));
  for (HeldPartition& held : hand.partitions) held.recover = false;  // it was
  return true;
}

// Where the leaders were meanwhile is a follower again (M12, last paragraph).
bool ReattachFormerLeaders(Plan& plan) {
  const Database& database = *plan.seen.database;
  const auto former_leader = [&database](const HeldPartition& held) {
    const Partition* partition = database.FindPartition(held.id);
    if (!held.was_leader || held.moved_to.empty() || partition == nullptr) return std::string();
    const ReplicaMeta* meta = partition->Find(held.moved_to);
    return meta == nullptr || meta->is_alive ? std::string() : held.moved_to;
  };
  if (!AttachAndCatchUp(plan, "former leaders follow", former_leader)) return false;
  for (const HeldPartition& held : plan.ledger().tablet->partitions) {
    const std::string endpoint = former_leader(held);
    if (!endpoint.empty() && !OpUnderWayOn(database, held.id))
      plan.DoForTable<action::MarkAlive>(endpoint, held.id);
  }
  if (plan.decision.actions.empty()) return true;
  return plan.Doing(Progress(plan, "former leaders follow"));
}

}  // namespace omdb
