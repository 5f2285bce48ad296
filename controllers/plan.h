#ifndef OMDB_CONTROLLERS_PLAN_H_
#define OMDB_CONTROLLERS_PLAN_H_

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "absl/time/time.h"
#include "controllers/decision.h"
#include "controllers/snapshot.h"

namespace omdb {

// How soon to look again: when what was done shows by itself, at a hand-over's pace, while servers
// restart, and at rest.
inline constexpr absl::Duration kAtOnce = absl::ZeroDuration();
inline constexpr absl::Duration kSoon = absl::Milliseconds(50);
inline constexpr absl::Duration kShortly = absl::Milliseconds(500);
inline constexpr absl::Duration kLater = absl::Seconds(2);

// A decision in the making. A step looks at `seen`, and either is done (returns true, and the next
// step is asked) or adds what is to be done or waited for (returns false, and the decision is
// complete).
struct Plan {
  explicit Plan(const Snapshot& snapshot, const Ledger& ledger) : seen(snapshot) {
    decision.ledger = ledger;
  }

  const Snapshot& seen;
  Decision decision;

  // A rollout is about to begin: the new image is tried.
  bool preflight = false;

  Ledger& ledger() { return decision.ledger; }

  void Do(Action action) { decision.actions.push_back(std::move(action)); }
  // Adds the tablet's replica to what is planned of that kind for its table there.
  template <typename OfATable>
  OfATable& DoForTable(const std::string& tablet, const PartitionId& id) {
    const auto same = [&](const Action& action) {
      const auto* planned = std::get_if<OfATable>(&action);
      return planned != nullptr && planned->tablet == tablet &&
             planned->partitions.front().tid == id.tid;
    };
    auto found = std::find_if(decision.actions.begin(), decision.actions.end(), same);
    if (found == decision.actions.end()) {
      Do(OfATable{.tablet = tablet});
      found = std::prev(decision.actions.end());
    }
    auto& action = std::get<OfATable>(*found);
    action.partitions.push_back(id);
    return action;
  }
  // What `tablet` has of the partition now is of its last term or before, whatever becomes of it.
  void RememberTerm(const Partition& partition, const std::string& tablet) {
    if (partition.term_offsets.empty()) return;
    ledger().followed_in_term[FollowerKey(partition.id, tablet)] =
        partition.term_offsets.back().term;
  }
  // Something is under way, by actions or by what they began; see what came of it after
  // `look_again`.
  bool Acting(std::string progress, absl::Duration look_again = kSoon) {
    decision.progress = std::move(progress);
    decision.look_again = look_again;
    return false;
  }
  // As above, for actions whose effect shows as soon as they are done: then nothing is waited for.
  bool Doing(std::string progress) {
    return Acting(std::move(progress), decision.actions.empty() ? kSoon : kAtOnce);
  }
  // Nothing can be done now. It clears by itself.
  bool Wait(std::string reason, std::string message, absl::Duration look_again = kShortly) {
    decision.reason = std::move(reason);
    decision.message = std::move(message);
    decision.look_again = look_again;
    return false;
  }
  // A person has to act.
  bool Stall(std::string reason, std::string message) {
    decision.stalled = true;
    return Wait(std::move(reason), std::move(message), kLater);
  }
  void Tell(std::string reason, std::string message) {
    decision.notes.push_back({false, std::move(reason), std::move(message)});
  }
  void Warn(std::string reason, std::string message) {
    decision.notes.push_back({true, std::move(reason), std::move(message)});
  }
};

// The steps of the rollout, in files of their own. Each is done at once when its component needs
// nothing.
bool LiftFences(Plan& plan);           // tablet_rollout.cc
bool CreateMissing(Plan& plan);        // create.cc
bool Preflight(Plan& plan);            // preflight.cc
bool Mend(Plan& plan);                 // mend.cc
bool UpgradeNameservers(Plan& plan);   // nameserver_rollout.cc
bool UpgradeTablets(Plan& plan);       // tablet_rollout.cc
bool UpgradeTaskManagers(Plan& plan);  // task_manager_rollout.cc
bool UpgradeApiServers(Plan& plan);    // api_server_rollout.cc

// Not a step: whatever is waited for, a pod that is not ready for too long is reported.
void ReportLatePod(Plan& plan);  // late_pod.cc

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_PLAN_H_
