#ifndef OMDB_TESTS_EXPLORE_FAULTS_H_
#define OMDB_TESTS_EXPLORE_FAULTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/explore/story.h"

namespace omdb::explore {

// What can go wrong in a story (F10.2). Each has a name by which it is chosen on the command line.
enum class Fault {
  kTabletCrash,         // kill -9, its container is started again
  kNameserverCrash,     //
  kPodDeleted,          // a tablet's or nameserver's, by somebody; the next has another address
  kDamagedReplica,      // what a tablet's next pod finds on its volume is not all that was there
  kTabletHang,          // SIGSTOP for some seconds
  kNameserverHang,      //
  kSessionExpiry,       // of a tablet's or nameserver's ZooKeeper session
  kZooKeeperOutage,     // the whole ensemble, some seconds
  kBlockedReplication,  // from one tablet to another, some seconds
  kOperatorKill,        // before or after one of its calls
  kLostAnswer,          // of one of the operator's calls
  kFailedCall,          // one of the operator's calls does not get through
  kStaleCache,          // the operator's watches hear of nothing for some seconds
  kTwoOperators,        // the operator is paused in a call while the next one acts
  kChangeOfMind,        // the user wants another version in the middle
  kAutoFailoverByHand,  // somebody turns auto_failover on or off
  kOpByHand,            // somebody changes a leader, or recovers a table
  kGuideByHand,         // somebody drains a tablet with openmldb_ops.py
};
const std::vector<std::pair<Fault, std::string>>& AllFaults();

// What the user asks for.
struct Change {
  std::string from;
  std::string to;
};

// Draws faults for a story and lets them happen.
class Faults {
 public:
  // In the `span` from now on, in which `change` is under way, of the kinds in `kinds`. The story
  // outlives this.
  Faults(Story& story, uint64_t seed, const std::set<Fault>& kinds, Change change,
         absl::Duration span);

  // Everything that was broken is whole again, and nothing new happens.
  void End();

  // Tablets crashed while auto_failover was on: the nameserver fails over by itself, what had not
  // been replicated is gone (M4), and how it recovers replicas may leave holes in them (M1 H1).
  bool nameserver_fails_over() const { return nameserver_fails_over_; }
  // By that, or since somebody changed a leader without a fence.
  bool rows_may_be_lost() const { return nameserver_fails_over_ || leaders_changed(); }
  // Somebody may have changed what it is to be in the end.
  bool auto_failover_touched() const { return auto_failover_touched_; }
  // A tablet broke when the operator had looked at all of them for the last time, or may have. What
  // is at rest is OpenMLDB's own to mend.
  bool a_tablet_broke_in_the_end() const {
    return tablet_broke_ >= story_.completed() - absl::Seconds(1);
  }
  // A nameserver that hung may have gone on with an op while it was being cancelled: for a moment
  // there are two leaders, of which clients know one.
  bool nameserver_hung() const { return nameserver_hung_; }
  bool leaders_touched() const { return leaders_touched_; }
  // Somebody changed a leader.
  bool leaders_changed() const { return !changed_by_hand_.empty(); }
  // Somebody changed the leader of a partition twice, or without a look at what else was under way,
  // or when nobody looks at the tablets any more: a replica may have a hole then (H1), or nobody
  // that sends it rows (H5).
  bool holes_by_hand() const { return holes_by_hand_; }
  // The nameserver moves their leaders, if not at once then when auto_failover is on again (M4).
  bool tablets_crashed() const { return tablets_crashed_; }
  const std::string& wanted_version() const { return wanted_version_; }

 private:
  void Plan(Fault fault, absl::Duration span);
  void At(absl::Duration when, std::function<void()> happens);
  void Strike(Fault fault);
  // The rollout is.
  bool Over();
  // A tablet is in hand, and not the last: what is done by hand now is put right before the next.
  bool MoreTabletsToCome();
  CallFate Judge(const OperatorCalls::Call& call);
  std::string AnyTablet();
  std::string AnyServer();
  absl::Duration Seconds(int low, int high);
  int Between(int low, int high);

  void CrashTablet();
  void DeletePod(const std::string& pod);
  void DamageReplica(const std::string& tablet);
  // One is about to lose its process.
  void TabletBreaks();
  void TouchAutoFailover(bool on);
  void Hang(const std::string& pod);
  void BlockReplication();
  void RunAnOpByHand();
  void DrainByHand(const std::string& tablet);
  void MoveLeaderByHand(const PartitionId& id);
  absl::Status ChangeLeaderByHand(const PartitionId& id, const std::string& candidate);

  Story& story_;
  std::mt19937_64 random_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool ended_ = false;
  // What happens to the operator's calls, by the number of calls still to come until then.
  std::vector<std::pair<int, CallFate>> calls_;
  bool pause_operator_ = false;
  int until_pause_ = 0;
  std::vector<std::function<void()>> mend_;
  bool tablets_crashed_ = false;
  absl::Time tablet_broke_ = absl::InfinitePast();
  bool nameserver_fails_over_ = false;
  bool nameserver_hung_ = false;
  bool auto_failover_touched_ = false;
  bool leaders_touched_ = false;
  std::set<PartitionId> changed_by_hand_;
  bool holes_by_hand_ = false;
  const Change change_;
  std::string wanted_version_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_FAULTS_H_
