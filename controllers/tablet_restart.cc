#include "absl/strings/str_cat.h"
#include "controllers/choose_tablet.h"
#include "controllers/guards.h"
#include "controllers/objects/objects.h"
#include "controllers/rollout.h"
#include "controllers/tablet_steps.h"

namespace omdb {
namespace {

bool Replace(Plan& plan, const Pod& pod) {
  // The template is not the one wanted any more, or not yet.
  if (plan.seen.workloads.at(Component::kTablet).spec_hash == pod.spec_hash)
    ApplyTemplate(plan, Component::kTablet);
  if (!pod.ip.empty()) plan.Do(action::EndZooKeeperSession{AddressOf(pod), false});
  plan.Do(action::DeletePod{pod.name, pod.uid});
  return plan.Acting(Progress(plan, "stopping"), kShortly);
}

// Its StatefulSet makes it, unless a quota or an admission does not let it.
bool AwaitPod(Plan& plan) {
  const TabletInHand& hand = *plan.ledger().tablet;
  const Cluster& cluster = plan.seen.cluster;
  if (KeptFromServing(plan)) ApplyTemplate(plan, Component::kTablet);
  if (plan.seen.now - hand.report.started < cluster.spec.upgrade.pod_timeout)
    return plan.Acting(Progress(plan, "restarting"), kShortly);
  return plan.Wait("PodNotCreated",
                   absl::StrCat("there is no pod ", hand.name, "; what keeps it from being made, `",
                                "kubectl -n ", cluster.key.ns, " describe statefulset ",
                                WorkloadName(cluster, Component::kTablet),
                                "` tells; where it is in spec.tablet, correct it there. It goes ",
                                "on by itself"),
                   kLater);
}

}  // namespace

// No leader keeps an old position for the tablet, and the nameserver does not count on it (M12 step
// 1). Its own offsets are remembered once nothing is sent to it any more.
bool Detach(Plan& plan) {
  if (!DetachFromLeaders(plan)) return plan.Doing(Progress(plan, "detaching followers"));
  const Database& database = *plan.seen.database;
  TabletInHand& hand = *plan.ledger().tablet;
  for (HeldPartition& held : hand.partitions) {
    const ReplicaStatus* status = database.Status(hand.name, held.id);
    if (status == nullptr && database.Answered(hand.name)) held.recover = true;
    if (status == nullptr) continue;
    held.offset = status->offset;
    held.record_count = status->record_count;
  }
  return true;
}

bool KeptFromServing(const Plan& plan) {
  const TabletInHand& hand = *plan.decision.ledger.tablet;
  if (hand.step < TabletStep::kRestart || hand.step > TabletStep::kMarkAlive) return false;
  const Pod* pod = plan.seen.FindPod(hand.name);
  if (pod == nullptr) return OutdatedTemplate(plan.seen, Component::kTablet);
  return !pod->deleting && pod->uid != hand.pod_uid &&
         pod->spec_hash != WantedHash(plan.seen, Component::kTablet) &&
         !TabletServes(plan.seen, *pod);
}

bool DetachFromLeaders(Plan& plan) {
  const Database& database = *plan.seen.database;
  const TabletInHand& hand = *plan.ledger().tablet;
  bool none_left = true;
  for (const HeldPartition& held : hand.partitions) {
    const Partition* partition = database.FindPartition(held.id);
    if (partition == nullptr) continue;
    const ReplicaMeta* meta = partition->Find(hand.name);
    const ReplicaMeta* leader = partition->Leader();
    if (meta == nullptr || leader == nullptr || partition->LedBy(hand.name)) continue;
    // Somebody else may have marked it; its leader keeps its position all the same.
    if (!meta->is_alive && held.attached_to.empty()) continue;
    none_left = false;
    // Somebody may be making it the leader, which must not be marked.
    if (OpUnderWayOn(database, held.id)) continue;
    plan.RememberTerm(*partition, hand.name);
    plan.DoForTable<action::Detach>(hand.name, held.id).leaders.push_back(leader->endpoint);
  }
  return none_left;
}

bool Restart(Plan& plan) {
  const Database& database = *plan.seen.database;
  const TabletInHand& hand = *plan.ledger().tablet;
  const Pod* pod = plan.seen.FindPod(hand.name);
  if (pod == nullptr) return AwaitPod(plan);
  if (pod->deleting) return plan.Acting(Progress(plan, "restarting"), kShortly);
  if (pod->uid == hand.pod_uid) {
    if (auto problem = OpUnderWay(database)) return plan.Wait(problem->reason, problem->message);
    if (LeadsWhatMustGo(plan)) {  // a table was created meanwhile, or a leader moved to it
      plan.ledger().tablet->step = TabletStep::kHandOverLeaders;
      return true;
    }
    if (!DetachFromLeaders(plan)) {  // somebody recovered it meanwhile
      plan.ledger().tablet->step = TabletStep::kDetach;
      return plan.Doing(Progress(plan, "detaching followers"));
    }
    return Replace(plan, *pod);
  }
  if (TabletServes(plan.seen, *pod)) return true;
  if (KeptFromServing(plan)) return Replace(plan, *pod);
  if (!pod->trouble.empty() || ReportsAnotherVersion(*pod)) {
    const auto problem = PodTrouble(plan.seen, Component::kTablet);
    return plan.Wait(problem->reason, problem->message, kLater);
  }
  if (!pod->ready || pod->reported_version.empty())
    return plan.Acting(Progress(plan, "restarting"), kShortly);
  return plan.Acting(Progress(plan, "waiting for the nameserver to know it"),
                     absl::Milliseconds(200));
}

}  // namespace omdb
