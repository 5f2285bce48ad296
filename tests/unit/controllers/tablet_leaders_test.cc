#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "controllers/tablet_steps.h"
#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Drained, GetsItsLeadersBack) {
  Loaded();
  for (uint32_t pid : {0u, 1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  GoTo(TabletStep::kReturnLeaders);
  EXPECT_THAT(Actions(Next()),
              ElementsAre("hand over db.t/0 (tid 1) to c-tablet-0 from c-tablet-1"));
}

class Leaders : public TabletInTurn {
 protected:
  // The tablet leads ten partitions of table u, and one of t.
  Leaders() {
    cluster.WithTable("u", 30, 3);
    std::erase_if(cluster.seen.database->tables,
                  [](const Table& table) { return table.name == "one"; });
    TakeInHand();
    GoTo(TabletStep::kHandOverLeaders);
  }
};

std::vector<action::HandOver> HandOvers(const Decision& decision) {
  std::vector<action::HandOver> all;
  for (const Action& action : decision.actions) all.push_back(std::get<action::HandOver>(action));
  return all;
}

TEST_F(Leaders, AreHandedOverAFewBetweenTwoLooks) {
  const Decision decision = Next();
  EXPECT_EQ(HandOvers(decision).size(), 5u);
  EXPECT_THAT(decision.progress, HasSubstr("0/11"));
  EXPECT_EQ(decision.look_again, absl::ZeroDuration());  // those of them that are left go at once
}

TEST_F(Leaders, ShareAFenceWhereTheNameserverChangesThemSideBySide) {
  for (const action::HandOver& each : HandOvers(Next())) {
    EXPECT_EQ(each.from, "c-tablet-0");
    ASSERT_EQ(each.leaders.size(), 2u);
    EXPECT_NE(each.leaders[0].partition.pid % 2, each.leaders[1].partition.pid % 2);
  }
}

TEST_F(Leaders, MoveBesideWhatElseIsDone) {
  Plan plan(cluster.seen, ledger);
  plan.Do(action::Unfence{"c-tablet-1"});
  EXPECT_FALSE(HandOverLeaders(plan));
  EXPECT_EQ(plan.decision.actions.size(), 6u);
}

TEST_F(Leaders, OfOneLaneMoveOneAfterTheOther) {
  for (const HeldPartition& held : ledger.tablet->partitions) {
    if (held.was_leader && held.id.pid % 2 == 1)
      cluster.MoveLeader(held.id.table, held.id.pid, "c-tablet-0", held.moved_to);
  }
  EXPECT_THAT(HandOvers(Next()),
              testing::Each(testing::Field(&action::HandOver::leaders, testing::SizeIs(1))));
}

TEST_F(Leaders, MoveOneByOneWhereFencesOrPausesAreLong) {
  const UpgradeSpec& limits = cluster.seen.cluster.spec.upgrade;
  const auto one_by_one =
      testing::Each(testing::Field(&action::HandOver::leaders, testing::SizeIs(1)));
  ledger.tablet->report.longest_fence = limits.fence_limit * 2 / 3;
  EXPECT_THAT(HandOvers(Next()), one_by_one);
  ledger.tablet->report.longest_fence = absl::ZeroDuration();
  ledger.tablet->report.longest_pause = limits.max_write_pause * 2 / 3;
  EXPECT_THAT(HandOvers(Next()), one_by_one);
}

TEST_F(Leaders, ThatReturnFromDifferentTabletsShareNoFence) {
  bool other = false;
  for (HeldPartition& held : ledger.tablet->partitions) {
    if (!held.was_leader) continue;
    const std::string first = cluster.PartitionOf(held.id.table, held.id.pid).replicas[1].endpoint;
    const std::string second =
        cluster.PartitionOf(held.id.table, held.id.pid).replicas.back().endpoint;
    held.moved_to = (other = !other) ? first : second;
    cluster.MoveLeader(held.id.table, held.id.pid, "c-tablet-0", held.moved_to);
    cluster.Follows(held.id.table, held.id.pid, "c-tablet-0");
  }
  GoTo(TabletStep::kReturnLeaders);
  for (const action::HandOver& each : HandOvers(Next())) {
    for (const LeaderToMove& leader : each.leaders)
      EXPECT_TRUE(cluster.seen.database->FindPartition(leader.partition)->LedBy(each.from));
  }
}

TEST_F(Leaders, OfDroppedTablesAreNotMissed) {
  cluster.seen.database->tables.pop_back();
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("hand over db.t/0")));
}

// While the tablet is drained, others go on creating tables and moving leaders.
class LeadersThatCame : public Drained {
 protected:
  LeadersThatCame() { GoTo(TabletStep::kHandOverLeaders); }
  void ComesBackBeforeTheStop() {
    Detached();
    GoTo(TabletStep::kRestart);
    cluster.MoveLeader("t", 0, "c-tablet-1", "c-tablet-0");
    cluster.Meta("t", 0, "c-tablet-0").is_alive = true;
    cluster.Follows("t", 0, "c-tablet-1");
  }
  const HeldPartition& Held(const PartitionId& id) {
    for (const HeldPartition& held : ledger.tablet->partitions) {
      if (held.id == id) return held;
    }
    throw std::out_of_range(ToString(id));
  }
};

TEST_F(LeadersThatCame, OfACreatedTableAreHandedOverToo) {
  cluster.WithTable("new", 2, 3);
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("hand over db.new/0")));
  EXPECT_TRUE(Held(cluster.Id("new", 0)).was_leader);
  EXPECT_EQ(Held(cluster.Id("new", 1)).attached_to, "c-tablet-1") << "and it follows one";
}

TEST_F(LeadersThatCame, BySomebodyElsesHandAreHandedOverToo) {
  cluster.MoveLeader("t", 1, "c-tablet-1", "c-tablet-0");
  cluster.Follows("t", 1, "c-tablet-1");
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("hand over db.t/1")));
  EXPECT_TRUE(Held(cluster.Id("t", 1)).was_leader);
}

TEST_F(LeadersThatCame, WithoutAFollowerGetAnExtraReplica) {
  cluster.WithTable("new", 1, 1);
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("add replica of db.new/0")));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kAddExtraReplicas);
}

TEST_F(LeadersThatCame, StayWhereThereIsNoOtherTablet) {
  cluster.WithTable("new", 1, 1);
  for (const char* tablet : {"c-tablet-1", "c-tablet-2"})
    cluster.MutableTablet(tablet).healthy = false;
  Plan plan(cluster.seen, ledger);
  EXPECT_FALSE(HandOverLeaders(plan));
  EXPECT_EQ(plan.decision.reason, "SingleReplica");
  cluster.seen.cluster.spec.upgrade.allow_single_replica_downtime = true;
  for (int look = 0; look < 2; ++look) {
    Plan allowed(cluster.seen, ledger);
    EXPECT_TRUE(HandOverLeaders(allowed));
    ledger = allowed.decision.ledger;
  }
}

TEST_F(LeadersThatCame, DoNotLeaveWithThePod) {
  Detached();
  GoTo(TabletStep::kRestart);
  cluster.WithTable("new", 1, 3);
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("hand over db.new/0")));
  EXPECT_EQ(ledger.tablet->step, TabletStep::kHandOverLeaders);
}

TEST_F(LeadersThatCame, BackByMistakeAreHandedOverOnceMore) {
  ComesBackBeforeTheStop();
  EXPECT_THAT(Actions(Next()), ElementsAre(HasSubstr("hand over db.t/0")));
}

TEST_F(LeadersThatCame, LeaveWithThePodWhereThatWasAccepted) {
  ComesBackBeforeTheStop();
  ledger.tablet->partitions[0].moved_to.clear();
  EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-tablet-0"));
}

TEST_F(Leaders, GoElsewhereWhereTheirFollowerWentAway) {
  const std::string before = ledger.tablet->partitions[0].moved_to;
  const PartitionId& id = ledger.tablet->partitions[0].id;
  std::erase_if(cluster.PartitionOf(id.table, id.pid).replicas,
                [&](const ReplicaMeta& meta) { return meta.endpoint == before; });
  Next();
  EXPECT_NE(ledger.tablet->partitions[0].moved_to, before);
  EXPECT_NE(cluster.PartitionOf(id.table, id.pid).Find(ledger.tablet->partitions[0].moved_to),
            nullptr);
}

TEST_F(Leaders, WaitForTheirExtraReplicaOnceMoreWhereItWentAway) {
  HeldPartition& held = ledger.tablet->partitions[0];
  held.extra_replica = held.moved_to;
  EXPECT_THAT(Actions(Next()), testing::Each(HasSubstr("hand over"))) << "it is there";
  std::erase_if(cluster.PartitionOf(held.id.table, held.id.pid).replicas,
                [&](const ReplicaMeta& meta) { return meta.endpoint == held.extra_replica; });
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kAddExtraReplicas);
}

TEST_F(Drained, ReturnsNoLeaderOfAPartitionThatSomebodyTookFromIt) {
  Loaded();
  for (uint32_t pid : {1u, 2u}) cluster.Follows("t", pid, "c-tablet-0");
  std::erase_if(cluster.PartitionOf("t", 0).replicas,
                [](const ReplicaMeta& meta) { return meta.endpoint == "c-tablet-0"; });
  GoTo(TabletStep::kReturnLeaders);
  EXPECT_THAT(Actions(Next()), testing::Not(testing::Contains(HasSubstr("hand over"))));
  EXPECT_GT(ledger.tablet->step, TabletStep::kReturnLeaders);
}

// On their way away from the tablet, and on their way back.
class EitherWay : public Leaders, public testing::WithParamInterface<TabletStep> {
 protected:
  EitherWay() {
    GoTo(GetParam());
    if (GetParam() == TabletStep::kHandOverLeaders) return;
    for (HeldPartition& held : ledger.tablet->partitions) {
      if (!held.was_leader) continue;
      cluster.MoveLeader(held.id.table, held.id.pid, "c-tablet-0", held.moved_to);
      cluster.Follows(held.id.table, held.id.pid, "c-tablet-0");
    }
  }
  // Why no leader moves.
  std::string Reason() {
    const Decision decision = Next();
    EXPECT_THAT(Actions(decision), IsEmpty());
    return decision.reason;
  }
};

TEST_P(EitherWay, LeadersMove) {
  EXPECT_THAT(Actions(Next()), testing::Each(HasSubstr("hand over")));
  EXPECT_EQ(ledger.tablet->step, GetParam());
}

TEST_P(EitherWay, LeadersStayWhileATabletIsDown) {
  cluster.seen.database->loaded.erase("c-tablet-2");
  EXPECT_EQ(Reason(), "TabletDown");
}

TEST_P(EitherWay, LeadersStayWhileAnOpIsUnderWay) {
  cluster.seen.database->ops = {{9, "kAddReplicaOP", OpState::kDoing, "-", "db", "t", 2}};
  EXPECT_EQ(Reason(), "OpRunning");
}

TEST_P(EitherWay, LeadersStayWhileAFormerLeaderAcceptsWrites) {
  cluster.MoveLeader("t", 1, "c-tablet-1", "c-tablet-2");
  cluster.Status("t", 1, "c-tablet-1").mode = TableMode::kLeader;
  EXPECT_THAT(Actions(Next()), ElementsAre("demote c-tablet-1 for db.t/1 (tid 1)"));
  Plan plan(cluster.seen, ledger);
  const bool away = GetParam() == TabletStep::kHandOverLeaders;
  EXPECT_FALSE(away ? HandOverLeaders(plan) : ReturnLeaders(plan));
  EXPECT_EQ(plan.decision.reason, "FormerLeaderNotDemoted") << "mended or not";
  EXPECT_THAT(plan.decision.actions, IsEmpty());
}

TEST_P(EitherWay, LeadersStayWhileAPartitionHasNone) {
  const HeldPartition& last =
      *std::find_if(ledger.tablet->partitions.begin() + 1, ledger.tablet->partitions.end(),
                    [](const HeldPartition& held) { return held.was_leader; });
  for (const std::string& tablet : {std::string("c-tablet-0"), last.moved_to})
    cluster.Meta(last.id.table, last.id.pid, tablet).is_leader = false;
  EXPECT_EQ(Reason(), "NoLeader") << "nor do those before it";
}

INSTANTIATE_TEST_SUITE_P(Each, EitherWay,
                         testing::Values(TabletStep::kHandOverLeaders, TabletStep::kReturnLeaders),
                         [](const testing::TestParamInfo<TabletStep>& info) {
                           return ToString(info.param);
                         });

TEST_F(Leaders, ThatReturnedAreAttachedToAnew) {
  for (HeldPartition& held : ledger.tablet->partitions) {
    held.attached_to = "c-tablet-1";
    held.attach_offset = 50;
  }
  GoTo(TabletStep::kReturnLeaders);
  Next();
  EXPECT_EQ(ledger.tablet->step, TabletStep::kVerify);
  for (const HeldPartition& held : ledger.tablet->partitions) {
    EXPECT_EQ(held.attached_to, "");
    EXPECT_EQ(held.attach_offset, 0u);
  }
}

}  // namespace
}  // namespace omdb
