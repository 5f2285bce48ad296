// The damage that OpenMLDB's tablets do when they are handled as the guide says, and the ways round
// it: openmldb-measured.md sections 1, 2, 11 and 12 on the stand-in's tablets.
#include <gtest/gtest.h>

#include "tests/simulator/model/tablet_codes.h"
#include "tests/simulator/model/tablet_testing.h"

namespace omdb::simulator {
namespace {

TEST(TabletChangeLeader, OldLeaderGoesOnAcknowledgingWhatIsLost) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC");
  Writer writer(cluster, 'A', absl::Milliseconds(8), "w");
  cluster.RunFor(absl::Seconds(2));
  // As SelectLeader does with "auto": the one that has most.
  char candidate = cluster.Offset('B') >= cluster.Offset('C') ? 'B' : 'C';
  cluster.ChangeLeader("BC", candidate, 1);
  cluster.RunFor(absl::Seconds(10));
  writer.Stop();
  cluster.RunFor(absl::Seconds(3));

  EXPECT_TRUE(writer.refused().empty());  // no client ever sees an error
  EXPECT_EQ(cluster.TermPair('A').term(), 1);
  EXPECT_TRUE(cluster.TermPair('A').is_leader());
  EXPECT_EQ(cluster.TermPair('B').term(), 3);  // both: the follower with its first contact
  EXPECT_EQ(cluster.TermPair('C').term(), 3);
  size_t lost = Missing(writer.acknowledged(), cluster.Keys(candidate)).size();
  EXPECT_GT(lost, 1000u);
  EXPECT_EQ(lost, cluster.Offset('A') - cluster.Offset(candidate));
  EXPECT_EQ(cluster.Offset('B'), cluster.Offset('C'));
}

TEST(TabletChangeLeader, CandidateBehindItsSiblingDivergesSilently) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC");
  cluster.PutRows('A', "r", 10);
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(2)));
  cluster.world().network.Cut(cluster.AddressOf('A'), cluster.AddressOf('B'));
  cluster.PutRows('A', "only-c", 1);
  cluster.RunFor(absl::Seconds(1));
  ASSERT_EQ(cluster.Offset('C'), cluster.Offset('B') + 1);

  cluster.ChangeLeader("BC", 'B', 1);
  cluster.PutRows('B', "new", 1);
  cluster.RunFor(absl::Seconds(3));
  cluster.PutRows('B', "more", 5);
  cluster.RunFor(absl::Seconds(3));

  EXPECT_EQ(cluster.Offset('B'), cluster.Offset('C'));
  EXPECT_EQ(cluster.Status('B').record_cnt(), cluster.Status('C').record_cnt());
  EXPECT_EQ(Missing(cluster.Keys('B'), cluster.Keys('C')), std::vector<std::string>{"new0"});
  EXPECT_EQ(Missing(cluster.Keys('C'), cluster.Keys('B')), std::vector<std::string>{"only-c0"});
}

TEST(TabletChangeLeader, FollowersFencedByATermAreRepairedByRoleChangesWithThatTerm) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC");
  cluster.PutRows('A', "r", 5);
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(2)));
  EXPECT_EQ(cluster.Fence('B', 2).log_offset(), 5);
  EXPECT_EQ(cluster.Fence('C', 2).log_offset(), 5);
  EXPECT_EQ(cluster.Fence('C', 1).code(), kAppendEntriesFailed);

  cluster.PutRows('A', "later", 20);  // acknowledged, replicated to nobody
  EXPECT_FALSE(cluster.RunUntilEqual("ABC", absl::Seconds(5)));
  EXPECT_EQ(cluster.Offset('B'), 5);
  EXPECT_EQ(cluster.ChangeRole('A', api::kTableFollower), 0);
  EXPECT_EQ(cluster.ChangeRole('A', api::kTableLeader, 2, "BC"), 0);
  EXPECT_TRUE(cluster.RunUntilEqual("ABC", absl::Milliseconds(50)));
  EXPECT_EQ(cluster.Keys('B'), cluster.Keys('A'));
  EXPECT_EQ(cluster.Keys('C'), cluster.Keys('A'));
}

TEST(TabletFence, ReplicationDrainsWhileWritesAreRefused) {
  int with_lag = 0;
  int refused = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TabletCluster cluster("ABC", seed);
    cluster.CreatePartition("ABC");
    Writer writer(cluster, 'A', absl::Microseconds(1600), "w");
    cluster.RunFor(absl::Seconds(3));
    ASSERT_EQ(cluster.SetMode('A', true), 0);
    EXPECT_EQ(cluster.Put('A', "refused"), kIsFollowerCluster);
    if (cluster.Offset('A') > cluster.Offset('B')) ++with_lag;
    EXPECT_TRUE(cluster.RunUntilEqual("ABC", absl::Milliseconds(1100)));
    writer.Stop();
    cluster.ChangeLeader("BC", 'B', 1);
    EXPECT_TRUE(Missing(writer.acknowledged(), cluster.Keys('B')).empty());
    for (const auto& [code, times] : writer.refused()) {
      EXPECT_EQ(code, kIsFollowerCluster);
      refused += times;
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GE(with_lag, 8);  // M2: 10 of 10
}

TEST(TabletFence, DemotionUnderLoadStrandsRowsUntilItIsUndone) {
  int stranded = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    TabletCluster cluster("ABC", seed);
    cluster.CreatePartition("ABC");
    Writer writer(cluster, 'A', absl::Microseconds(1600), "w");
    cluster.RunFor(absl::Seconds(2) + absl::Milliseconds(97 * seed));
    ASSERT_EQ(cluster.ChangeRole('A', api::kTableFollower), 0);
    EXPECT_EQ(cluster.Put('A', "refused"), kTableIsFollower);
    writer.Stop();
    cluster.RunFor(absl::Seconds(3));
    bool equal =
        cluster.Offset('A') == cluster.Offset('B') && cluster.Offset('A') == cluster.Offset('C');
    if (!equal) ++stranded;  // three seconds later still

    ASSERT_EQ(cluster.ChangeRole('A', api::kTableLeader, 1, "BC"), 0);
    EXPECT_TRUE(cluster.RunUntilEqual("ABC", absl::Milliseconds(100)));
    EXPECT_TRUE(Missing(writer.acknowledged(), cluster.Keys('C')).empty());
  }
  EXPECT_GE(stranded, 13);  // M2: 15 of 15
}

TEST(TabletFence, HazardH1StaleLeaderFillsAReloadedFollower) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC");
  cluster.PutRows('A', "r", 500);
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(5)));
  cluster.ChangeLeader("BC", 'B', 1);
  cluster.PutRows('A', "stale", 7);  // A is still a leader, with entries of its own
  cluster.PutRows('B', "b", 43);
  ASSERT_TRUE(cluster.RunUntilEqual("BC", absl::Seconds(5)));
  // A second change, then B comes back: dropped, loaded empty, not yet added to its leader.
  cluster.ChangeLeader("C", 'C', 3);
  ASSERT_EQ(cluster.DropTable('B'), 0);
  ASSERT_EQ(cluster.CreateEmptyFollower('B'), 0);
  cluster.RunFor(absl::Milliseconds(2500));
  EXPECT_EQ(cluster.Offset('B'), 507);  // 501 to 507 of A, with nothing before them
  ASSERT_EQ(cluster.AddReplica('C', 'B'), 0);
  ASSERT_TRUE(cluster.RunUntilEqual("BC", absl::Seconds(3)));

  EXPECT_EQ(cluster.Offset('B'), 543);
  EXPECT_EQ(cluster.Status('C').record_cnt(), 543);
  EXPECT_EQ(cluster.Status('B').record_cnt(), 43);  // 7 stale ones and 36 of the 543
  EXPECT_EQ(Missing(cluster.Keys('B'), cluster.Keys('C')).size(), 7u);
}

TEST(TabletFence, HazardH2FencedLeaderTakesEntriesOfAnExLeader) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC");
  cluster.PutRows('A', "r", 10);
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(2)));
  cluster.ChangeLeader("BC", 'B', 1);
  cluster.PutRows('A', "stale", 100);  // A was never demoted and retries each second
  cluster.RunFor(absl::Seconds(3));
  EXPECT_EQ(cluster.Offset('B'), 10);
  ASSERT_EQ(cluster.SetMode('B', true), 0);
  cluster.RunFor(absl::Milliseconds(2500));

  EXPECT_EQ(cluster.Offset('B'), 110);
  EXPECT_EQ(cluster.Offset('C'), 110);  // and from there to the other replica
  EXPECT_TRUE(cluster.Keys('C').contains("stale99"));
  EXPECT_EQ(cluster.TermPair('B').term(), 3);
}

TEST(TabletReplication, FollowerLoadedBehindItsLeadersBeliefHasAHole) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("AB");
  cluster.PutRows('A', "r", 50);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(2)));
  // B loses its binlog and is loaded without being added again.
  ASSERT_EQ(cluster.DropTable('B'), 0);
  ASSERT_EQ(cluster.CreateEmptyFollower('B'), 0);
  cluster.PutRows('A', "later", 5);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(3)));

  EXPECT_EQ(cluster.Status('A').record_cnt(), 55);
  EXPECT_EQ(cluster.Status('B').record_cnt(), 5);
  // Adding it anew asks for its offset: too late, that is the leader's by now.
  ASSERT_EQ(cluster.DelReplica('A', 'B'), 0);
  ASSERT_EQ(cluster.AddReplica('A', 'B'), 0);
  cluster.RunFor(absl::Seconds(2));
  EXPECT_EQ(cluster.Status('B').record_cnt(), 5);
}

TEST(TabletReplication, NothingIsSentFromBeyondAHoleInTheLeadersOwnLog) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("AB");
  cluster.PutRows('A', "r", 20);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(2)));
  ASSERT_EQ(cluster.DropTable('B'), 0);
  for (char name : {'B', 'C'}) ASSERT_EQ(cluster.CreateEmptyFollower(name), 0);
  cluster.PutRows('A', "later", 5);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(2)));
  cluster.ChangeLeader("BC", 'B', 1);  // with entries 21 to 25 only
  cluster.RunFor(absl::Seconds(10));
  EXPECT_EQ(cluster.Offset('B'), 25);
  EXPECT_EQ(cluster.Offset('C'), 0);
}

TEST(TabletHandOver, DemotedBeforeTheFenceIsLiftedLosesNothing) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    TabletCluster cluster("ABC", seed);
    cluster.CreatePartition("ABC");
    Writer writer(cluster, 'A', absl::Milliseconds(8), "w");
    cluster.RunFor(absl::Seconds(2));
    // Section 11: at a moment without lag, fence, look again, demote, unfence, change.
    bool handed_over = false;
    for (int i = 0; i < 100 && !handed_over; ++i) {
      ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(5)));
      ASSERT_EQ(cluster.SetMode('A', true), 0);
      if (cluster.RunUntilEqual("ABC", absl::Milliseconds(80))) {
        ASSERT_EQ(cluster.ChangeRole('A', api::kTableFollower), 0);
        handed_over = true;
      }
      ASSERT_EQ(cluster.SetMode('A', false), 0);
    }
    ASSERT_TRUE(handed_over);
    EXPECT_EQ(cluster.Offset('A'), cluster.Offset('B'));
    cluster.ChangeLeader("BC", 'B', 1);
    writer.Stop();
    cluster.RunFor(absl::Seconds(1));
    EXPECT_TRUE(Missing(writer.acknowledged(), cluster.Keys('B')).empty());
    EXPECT_EQ(cluster.Put('A', "refused"), kTableIsFollower);
  }
}

TEST(TabletRejoin, ComesBackInPlaceAtANewAddressWithEveryRow) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC", 0);
  cluster.CreatePartition("BCA", 1);
  cluster.PutRows('A', "p", 300, 0);
  cluster.PutRows('B', "q", 200, 1);
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(3), 0));
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(3), 1));
  // C is drained of nothing (it leads nothing), detached, and replaced.
  ASSERT_EQ(cluster.DelReplica('A', 'C', 0), 0);
  ASSERT_EQ(cluster.DelReplica('B', 'C', 1), 0);
  cluster.Call<api::GeneralResponse>('C', "DisConnectZK", api::DisConnectZKRequest());
  ASSERT_TRUE(cluster.RestartElsewhere('C').ok());
  cluster.PushAddresses();
  EXPECT_FALSE(cluster.Status('C').has_tid());  // nothing is loaded by itself
  cluster.PutRows('A', "while-away", 50, 0);

  absl::Time begin = cluster.world().executor.Now();
  for (uint32_t pid : {0u, 1u}) {
    ASSERT_EQ(cluster.LoadTable('C', api::kTableFollower, 1, "", pid), 0);
  }
  ASSERT_TRUE(cluster.RunUntilLoaded('C', absl::Seconds(1), 0));
  ASSERT_TRUE(cluster.RunUntilLoaded('C', absl::Seconds(1), 1));
  EXPECT_EQ(cluster.Offset('C', 0), 300);
  EXPECT_EQ(cluster.Offset('C', 1), 200);
  ASSERT_EQ(cluster.AddReplica('A', 'C', 0), 0);
  ASSERT_EQ(cluster.AddReplica('B', 'C', 1), 0);
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(1), 0));
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(1), 1));
  EXPECT_LT(cluster.world().executor.Now() - begin, absl::Seconds(1));
  EXPECT_EQ(cluster.Keys('C', 0), cluster.Keys('A', 0));
  EXPECT_EQ(cluster.Keys('C', 1), cluster.Keys('B', 1));
  EXPECT_EQ(cluster.Status('C', 0).record_cnt(), 350);
}

TEST(TabletRejoin, KilledTabletHasEveryAcknowledgedRowOnItsDisk) {
  TabletCluster cluster("ABC");
  cluster.CreatePartition("ABC");
  Writer writer(cluster, 'A', absl::Milliseconds(1), "w");
  cluster.RunFor(absl::Seconds(4));
  for (char name : std::string("ABC")) cluster.process(name).Kill();
  writer.Stop();
  cluster.RunFor(absl::Seconds(12));
  for (char name : std::string("ABC")) ASSERT_TRUE(cluster.process(name).Start().ok());
  cluster.PushAddresses();
  for (char name : std::string("ABC")) {
    ASSERT_EQ(cluster.LoadTable(name, api::kTableFollower, 1), 0);
    ASSERT_TRUE(cluster.RunUntilLoaded(name, absl::Seconds(1)));
  }
  ASSERT_GE(cluster.Offset('A'), cluster.Offset('B'));
  ASSERT_EQ(cluster.ChangeRole('A', api::kTableLeader, 1, "BC"), 0);
  ASSERT_TRUE(cluster.RunUntilEqual("ABC", absl::Seconds(2)));
  EXPECT_TRUE(Missing(writer.acknowledged(), cluster.Keys('A')).empty());
  EXPECT_EQ(cluster.Keys('B'), cluster.Keys('A'));
  EXPECT_EQ(cluster.Keys('C'), cluster.Keys('A'));
}

}  // namespace
}  // namespace omdb::simulator
