#ifndef OMDB_TESTS_UNIT_CONTROLLERS_UPGRADING_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_UPGRADING_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controllers/decide.h"
#include "tests/unit/controllers/whole_cluster.h"

// A rollout at its beginning, at the first tablet, with that tablet drained, and behind the
// tablets.
namespace omdb {

inline std::vector<std::string> Actions(const Decision& decision) {
  std::vector<std::string> texts;
  for (const Action& action : decision.actions) texts.push_back(ToString(action));
  return texts;
}

class Upgrading : public testing::Test {
 protected:
  Upgrading() {
    cluster.WithTable("t", 3, 3).WithTable("one", 1, 1).Asked("0.9.2");
    ledger = Decide(cluster.seen, {}).ledger;
    cluster.TemplateUpgraded(Component::kNameserver);
  }
  // To where the first tablet is taken in hand.
  void NameserversDone() {
    cluster.Upgraded(Component::kNameserver).TemplateUpgraded(Component::kTablet);
  }
  Decision Next() {
    Decision decision = Decide(cluster.seen, ledger);
    ledger = decision.ledger;
    cluster.KeepSupportingObjects(ledger.tablet.has_value());
    return decision;
  }

  WholeCluster cluster;
  Ledger ledger;
};

class TabletInTurn : public Upgrading {
 protected:
  TabletInTurn() { NameserversDone(); }
  // The tablet in hand has come to `step`.
  void GoTo(TabletStep step) {
    ledger.tablet->step = step;
    cluster.KeepSupportingObjects(true);
  }
  void TakeInHand() {
    Next();
    ASSERT_TRUE(ledger.tablet.has_value());
    cluster.seen.database->auto_failover = false;
  }
};

class Drained : public TabletInTurn {
 protected:
  Drained() {
    TakeInHand();
    std::erase_if(ledger.tablet->partitions,
                  [](const HeldPartition& held) { return held.id.table == "one"; });
    cluster.seen.database->tables.pop_back();
    cluster.MoveLeader("t", 0, "c-tablet-0", "c-tablet-1");
    ledger.tablet->partitions[0].moved_to = "c-tablet-1";
    ledger.followed_in_term[FollowerKey(cluster.Id("t", 0), "c-tablet-0")] = 7;
    GoTo(TabletStep::kDetach);
  }
  void Detached() {
    Next();
    for (uint32_t pid : {1u, 2u}) cluster.Meta("t", pid, "c-tablet-0").is_alive = false;
    for (HeldPartition& held : ledger.tablet->partitions) held.attached_to.clear();
  }
  void Attached() {
    for (HeldPartition& held : ledger.tablet->partitions) {
      held.attached_to = cluster.seen.database->FindPartition(held.id)->Leader()->endpoint;
      held.attached_at = cluster.seen.now;
    }
  }
  void Restarted() {
    Detached();
    Next();
    cluster.Replace("c-tablet-0");
    cluster.seen.database->loaded["c-tablet-0"].clear();
  }
  void Loaded() {
    Restarted();
    for (uint32_t pid : {0u, 1u, 2u}) {
      cluster.seen.database->loaded["c-tablet-0"][{1, pid}] = {
          1, pid, 100, TableMode::kFollower, TableState::kNormal, 100};
    }
  }
};

class TabletsDone : public Upgrading {
 protected:
  TabletsDone() {
    cluster.Upgraded(Component::kNameserver)
        .Upgraded(Component::kTablet)
        .TemplateUpgraded(Component::kTaskManager);
  }
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_UPGRADING_H_
