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

#include "tests/explore/excuses.h"
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
  kCreatedTable,        // a user creates one, and writes to it
  kPowerLoss,           // of a tablet's node: the end of its logs was in memory only
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

  // What is not well is nobody's to mend: the user changed his mind before anything was replaced,
  // or a tablet broke, or a person changed a leader, when the operator had looked at all of them
  // for the last time, or may have. At rest OpenMLDB mends itself, or that person does.
  bool LeftAtRest();
  // As far as the story has come.
  Excuses excuses();
  const std::string& wanted_version() const { return wanted_version_; }

 private:
  void Plan(Fault fault, absl::Duration span);
  void At(absl::Duration when, std::function<void()> happens);
  void Strike(Fault fault);
  // The rollout is.
  bool Over();
  // The user changed his mind before anything was replaced, or all of it is back.
  bool NothingToReplace();
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
  void LosePowerOf(const std::string& tablet);
  // One is about to lose its process.
  void TabletBreaks();
  // One that broke then is by the nameserver, or will be.
  void FailedOver(absl::Time broke);
  void MayHaveTwoLeaders(absl::Time from);
  void TouchAutoFailover(bool on);
  void Hang(const std::string& pod);
  void BlockReplication();
  void RunAnOpByHand();
  void CreateTable();
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
  absl::Time tablet_broke_ = absl::InfinitePast();
  std::set<PartitionId> changed_by_hand_;
  int created_ = 0;                            // tables
  bool damaged_ = false;                       // a follower may have lost rows that its leader has
  bool lost_power_ = false;                    // a leader may have lost rows that a follower has
  absl::Time by_hand_ = absl::InfinitePast();  // the last time
  Excuses excuses_;
  const Change change_;
  std::string wanted_version_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_FAULTS_H_
