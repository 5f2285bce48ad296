#ifndef OMDB_CONTROLLERS_MEND_REPLICAS_H_
#define OMDB_CONTROLLERS_MEND_REPLICAS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controllers/guards.h"
#include "controllers/plan.h"

// How replicas of all partitions are brought back: first their leaders, then whoever follows.
namespace omdb {

// What both have in common.
class ReplicasToMend {
 public:
  explicit ReplicasToMend(Plan& plan) : plan(plan), database(*plan.seen.database) {}

  // As a follower, together with what else is to be loaded on that tablet.
  void Load(const Table& table, const Partition& partition, const std::string& tablet);
  // Plans what was gathered.
  void PlanLoads();

  // Null when it is not loaded.
  const ReplicaStatus* Status(const ReplicaMeta& meta, const Partition& partition) const {
    return database.Status(meta.endpoint, partition.id);
  }
  // The rollout itself has the replica in its hands: not alive, or about to be removed, on purpose.
  bool InHand(const ReplicaMeta& meta, const Partition& partition) const;
  // By the closer look; nothing compares lower than any term. 0: restarted, and reached by no
  // leader since.
  std::optional<uint64_t> TermOf(const Partition& partition, const std::string& tablet) const;

  Plan& plan;
  const Database& database;
  // What keeps a leader from leading, where nothing can be done.
  Problem blocked;
  // Partitions whose leader needs nothing, and that no op is under way on.
  std::vector<const Partition*> led;
  // Some leader loads, or gives way: what brings followers back may keep the lanes for long that a
  // change of leader needs (H3).
  bool leaders_to_come = false;

 private:
  std::map<std::string, action::Load> loads_;  // by tablet
};

void MendLeaders(ReplicasToMend& replicas);    // mend_leaders.cc
void MendFollowers(ReplicasToMend& replicas);  // mend_followers.cc

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_MEND_REPLICAS_H_
