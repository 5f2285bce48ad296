#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/choose_tablet.h"
#include "controllers/guards.h"
#include "controllers/tablet_steps.h"

namespace omdb {
namespace {

// So many hand-overs between two looks at the whole cluster.
constexpr int kHandOversAtATime = 5;
// In which the nameserver runs ops side by side, by partition (M11).
constexpr uint32_t kLanes = 2;

// Two leaders of a tablet share a fence, each in a lane of its own, as long as the pauses that were
// measured leave room for it: a fifth of the longest one is what nearly all are to stay below.
bool MayShareAFence(const Plan& plan) {
  const TabletReport& report = plan.decision.ledger.tablet->report;
  const UpgradeSpec& limits = plan.seen.cluster.spec.upgrade;
  return report.longest_fence <= limits.fence_limit / 2 &&
         report.longest_pause <= limits.max_write_pause / 5;
}

void PlanHandOver(Plan& plan, const std::string& from, const LeaderToMove& leader) {
  int planned = 0;
  for (Action& action : plan.decision.actions) {
    auto* other = std::get_if<action::HandOver>(&action);
    if (other == nullptr) continue;
    ++planned;
    if (other->from != from || other->leaders.size() == kLanes ||
        other->leaders[0].partition.pid % kLanes == leader.partition.pid % kLanes ||
        !MayShareAFence(plan))
      continue;
    other->leaders.push_back(leader);
    return;
  }
  if (planned < kHandOversAtATime) plan.Do(action::HandOver{from, {leader}});
}

// Moves the leaders of the held partitions that are not where `target` says. True when all are.
template <typename Target>
bool MoveLeaders(Plan& plan, const std::string& doing, const Target& target) {
  const Database& database = *plan.seen.database;
  std::vector<std::pair<std::string, LeaderToMove>> left;  // with whom leads now
  int all = 0;
  for (const HeldPartition& held : plan.ledger().tablet->partitions) {
    const Partition* partition = database.FindPartition(held.id);
    if (!held.was_leader || held.StaysLeader() || partition == nullptr) continue;
    // Somebody removed that replica meanwhile.
    if (partition->Find(target(held)) == nullptr) continue;
    ++all;
    const ReplicaMeta* leader = partition->Leader();
    if (partition->LedBy(target(held))) continue;
    if (leader == nullptr) {
      return plan.Wait("NoLeader", absl::StrCat("partition ", ToString(held.id),
                                                " has no leader that is alive"));
    }
    plan.RememberTerm(*partition, leader->endpoint);
    left.push_back(
        {leader->endpoint, {held.id, database.TableOf(held.id)->storage_mode, target(held)}});
  }
  if (left.empty()) return true;
  if (auto problem = TabletMissing(plan.seen)) return plan.Wait(problem->reason, problem->message);
  if (auto problem = OpUnderWay(database))
    return plan.Wait(problem->reason, problem->message, kSoon);
  if (auto problem = FormerLeaderNotDemoted(database))
    return plan.Wait(problem->reason, problem->message);
  for (const auto& [from, leader] : left) PlanHandOver(plan, from, leader);
  return plan.Doing(
      Progress(plan, absl::StrCat(doing, " ", all - static_cast<int>(left.size()), "/", all)));
}

}  // namespace

bool HandOverLeaders(Plan& plan) {
  if (!HoldWhatCame(plan)) return false;
  if (plan.ledger().tablet->step != TabletStep::kHandOverLeaders) return true;
  return MoveLeaders(plan, "handing over leaders",
                     [](const HeldPartition& held) { return held.moved_to; });
}

bool ReturnLeaders(Plan& plan) {
  std::string tablet = plan.ledger().tablet->name;
  if (!MoveLeaders(plan, "returning leaders", [&tablet](const HeldPartition&) { return tablet; }))
    return false;
  for (HeldPartition& held : plan.ledger().tablet->partitions) {
    held.attached_to.clear();
    held.attach_offset = 0;
  }
  return true;
}

}  // namespace omdb
