#include <algorithm>

#include "absl/strings/str_cat.h"
#include "controllers/guards.h"
#include "controllers/objects/objects.h"
#include "controllers/rollout.h"

namespace omdb {
namespace {

// Under /leader a nameserver stands by its name; a pod that is not there has no session yet.
bool InElection(const Database& database, const Pod& pod) {
  return std::count(database.nameservers.begin(), database.nameservers.end(), pod.name) > 0;
}

// Standbys first, the leader last (F8.1). While a standby is replaced nothing is lost; the leader
// is handed over by ending its ZooKeeper session, so that the standby serves within a tenth of a
// second (M14).
const Pod* NextNameserver(const Database& database, const std::vector<const Pod*>& outdated) {
  const std::string& leader = database.nameservers.front();
  for (const Pod* pod : outdated) {
    if (pod->name != leader) return pod;
  }
  return outdated.front();
}

// While no nameserver can be asked, what they need may be a correction of their part of the spec.
bool CorrectNameservers(Plan& plan) {
  auto broken = OutdatedPods(plan, Component::kNameserver);
  std::erase_if(broken, [](const Pod* pod) { return pod->deleting || !Broken(*pod); });
  if (broken.empty()) return true;
  if (OutdatedTemplate(plan.seen, Component::kNameserver))
    ApplyTemplate(plan, Component::kNameserver);
  for (const Pod* pod : broken) plan.Do(action::DeletePod{pod->name, pod->uid});
  return plan.Acting("nameserver: replacing those that do not run", kShortly);
}

}  // namespace

bool UpgradeNameservers(Plan& plan) {
  const Snapshot& seen = plan.seen;
  if (!seen.database && !CorrectNameservers(plan)) return false;
  if (OutdatedPods(plan, Component::kNameserver).empty() &&
      !OutdatedTemplate(seen, Component::kNameserver) && !plan.ledger().rollout) {
    return true;
  }
  // A tablet in hand goes first: never a nameserver while a tablet is down (F5.10).
  if (plan.ledger().tablet) return true;
  if (auto problem = NotReachable(seen)) return plan.Wait(problem->reason, problem->message);
  if (!TakeTurn(plan, Component::kNameserver)) return false;
  if (!NewPodsServe(plan, Component::kNameserver)) return false;
  const Database& database = *seen.database;
  for (const Pod* pod : seen.PodsOf(Component::kNameserver)) {
    if (!InElection(database, *pod)) {
      return plan.Acting(absl::StrCat(Place(plan, Component::kNameserver), ": waiting for ",
                                      pod->name, " to take part in the election"),
                         kShortly);
    }
  }
  const auto outdated = OutdatedPods(plan, Component::kNameserver);
  if (outdated.empty()) {
    // A standby that does not listen cannot be asked for its version; the leader can.
    const Pod* leader = seen.FindPod(database.nameservers.front());
    if (leader != nullptr && !leader->reported_version.empty()) return true;
    return plan.Acting("nameserver: waiting for the leader's version", kShortly);
  }
  if (auto problem = NotWhole(seen)) return plan.Wait(problem->reason, problem->message);
  const Pod* next = NextNameserver(database, outdated);
  if (next->name == database.nameservers.front()) {
    plan.Tell("NameserverHandOver",
              absl::StrCat("handing over from the leading nameserver ", next->name));
  }
  plan.Do(action::EndZooKeeperSession{AddressOf(*next), true});
  plan.Tell("ReplacingNameserver", absl::StrCat("replacing nameserver ", next->name));
  plan.Do(action::DeletePod{next->name, next->uid});
  return plan.Acting(absl::StrCat(Place(plan, Component::kNameserver), ": replacing ", next->name),
                     kShortly);
}

}  // namespace omdb
