#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/tablet_steps.h"

namespace omdb {
bool AddExtraReplicas(Plan& plan) {
  const Database& database = *plan.seen.database;
  int missing = 0;
  for (const HeldPartition& held : plan.ledger().tablet->partitions) {
    const Partition* partition = database.FindPartition(held.id);
    if (held.extra_replica.empty() || partition == nullptr) continue;
    const ReplicaMeta* meta = partition->Find(held.extra_replica);
    const bool alive = meta != nullptr && meta->is_alive &&
                       database.Status(held.extra_replica, held.id) != nullptr;
    const bool running = OpUnderWayOn(database, held.id);
    if (alive && !running) continue;
    ++missing;
    // One that was added but whose op failed at the end (H4) is mended like any other replica.
    if (running || meta != nullptr) continue;
    if (database.Status(held.extra_replica, held.id) != nullptr)
      plan.Do(action::DropLeftover{held.id, held.extra_replica});
    plan.Do(action::AddReplica{held.id, held.extra_replica});
  }
  if (missing == 0) return true;
  return plan.Acting(Progress(plan, absl::StrCat("waiting for ", missing, " extra replicas")),
                     kShortly);
}

// Only once the tablet itself has the partition again: as its leader, alive, and with every row
// (the hand-over back saw all replicas equal). A tablet that was failed over meanwhile does not.
bool RemoveExtraReplicas(Plan& plan) {
  const Database& database = *plan.seen.database;
  TabletInHand& hand = *plan.ledger().tablet;
  bool led_elsewhere = false;
  int left = 0;
  for (const HeldPartition& held : hand.partitions) {
    const Partition* partition = database.FindPartition(held.id);
    if (held.extra_replica.empty() || partition == nullptr) continue;
    const bool running = OpUnderWayOn(database, held.id);
    if (partition->Find(held.extra_replica) == nullptr && !running) continue;
    ++left;
    const ReplicaMeta* leader = partition->Leader();
    if (running || leader == nullptr) continue;
    const ReplicaMeta* own = partition->Find(hand.name);
    if (leader->endpoint == hand.name) {
      plan.Do(action::DeleteReplica{held.id, held.extra_replica});
    } else if (own != nullptr && own->is_alive) {
      led_elsewhere = true;
    }
  }
  if (led_elsewhere && plan.decision.actions.empty()) {
    hand.step = TabletStep::kReturnLeaders;
    return true;
  }
  if (left == 0) return true;
  return plan.Acting(Progress(plan, absl::StrCat("removing ", left, " extra replicas")), kShortly);
}

}  // namespace omdb
