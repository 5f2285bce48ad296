#include "controllers/mend_replicas.h"

#include <utility>

#include "controllers/mend_steps.h"

namespace omdb {

void ReplicasToMend::Load(const Table& table, const Partition& partition,
                          const std::string& tablet) {
  action::Load& load = loads_[tablet];
  load.tablet = tablet;
  load.requests.push_back(LoadRequestFor(table, partition, TableMode::kFollower));
}

void ReplicasToMend::PlanLoads() {
  for (auto& [tablet, load] : loads_) plan.Do(std::move(load));
}

bool ReplicasToMend::InHand(const ReplicaMeta& meta, const Partition& partition) const {
  const ReplicaStatus* status = Status(meta, partition);
  const Ledger& ledger = plan.ledger();
  // The hand-over demotes before it changes the leader: somebody else did.
  const bool still_leads = status != nullptr && status->mode == TableMode::kLeader;
  if (!ledger.tablet || still_leads) return false;
  const TabletInHand& hand = *ledger.tablet;
  const HeldPartition* held = hand.Find(partition.id);
  if (held == nullptr) return false;
  // The nameserver removes no replica that it has as a leader.
  if (meta.endpoint == held->extra_replica && hand.step == TabletStep::kRemoveExtraReplicas)
    return !meta.is_leader;
  const bool former_leader = !meta.is_alive && status != nullptr;
  if (meta.endpoint == hand.name) {
    if (hand.step == TabletStep::kHandOverLeaders) return former_leader;
    return hand.step >= TabletStep::kDetach && hand.step <= TabletStep::kMarkAlive;
  }
  return meta.endpoint == held->moved_to && former_leader &&
         hand.step >= TabletStep::kReturnLeaders && hand.step <= TabletStep::kReattachFormerLeaders;
}

std::optional<uint64_t> ReplicasToMend::TermOf(const Partition& partition,
                                               const std::string& tablet) const {
  if (!database.closely) return std::nullopt;
  const auto terms = database.closely->terms.find(ToString(partition.id));
  if (terms == database.closely->terms.end()) return std::nullopt;
  const auto own = terms->second.find(tablet);
  if (own == terms->second.end()) return std::nullopt;
  return own->second;
}

bool BringReplicasBack(Plan& plan) {
  ReplicasToMend replicas(plan);
  MendLeaders(replicas);
  if (!replicas.leaders_to_come) MendFollowers(replicas);
  replicas.PlanLoads();
  if (!plan.decision.actions.empty()) return Mends(plan, "bringing replicas back");
  if (replicas.blocked.reason.empty()) return true;
  return plan.Wait(replicas.blocked.reason, replicas.blocked.message);
}

}  // namespace omdb
