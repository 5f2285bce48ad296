#ifndef OMDB_TESTS_UNIT_CONTROLLERS_MEND_FIXTURE_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_MEND_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controllers/plan.h"
#include "tests/unit/controllers/upgrading.h"

namespace omdb {

// A rollout, auto_failover off, and table t with a partition led by each of three tablets: that of
// partition 0 by c-tablet-0. Mending alone looks at it.
class Mending : public testing::Test {
 protected:
  Mending() {
    cluster.WithTable("t", 3, 3);
    cluster.seen.database->auto_failover = false;
    ledger.rollout.emplace().to_version = "0.9.1";
  }

  // What it does.
  std::vector<std::string> Mend() {
    Plan plan(cluster.seen, ledger);
    done = omdb::Mend(plan);
    ledger = plan.ledger();
    decision = plan.decision;
    return Actions(decision);
  }
  // c-tablet-0 is being replaced; c-tablet-1 leads partition 0 for it, if need be.
  void TakeInHand(TabletStep step) {
    TabletInHand& hand = ledger.tablet.emplace();
    hand.name = "c-tablet-0";
    hand.step = step;
    hand.partitions = {
        {cluster.Id("t", 0), true, "c-tablet-1"}, {cluster.Id("t", 1)}, {cluster.Id("t", 2)}};
  }
  ReplicaMeta& Meta(const std::string& tablet, uint32_t pid = 0) {
    return cluster.Meta("t", pid, tablet);
  }
  ReplicaStatus& Status(const std::string& tablet, uint32_t pid = 0) {
    return cluster.Status("t", pid, tablet);
  }
  void Unload(const std::string& tablet, uint32_t pid = 0) {
    cluster.seen.database->loaded.at(tablet).erase({1, pid});
  }
  void RunOp(uint32_t pid = 0) {
    cluster.seen.database->ops.push_back(
        {9, "kAddReplicaOP", OpState::kDoing, "kLoadTable", "db", "t", pid});
  }

  WholeCluster cluster;
  Ledger ledger;
  Decision decision;
  bool done = false;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_MEND_FIXTURE_H_
