// What a change of leader loses under writers, and how it loses nothing (M1, M2, M3, M9, M11).
#include <gtest/gtest.h>

#include <memory>

#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

// With the pauses of replication.
Options Busy() {
  Options options = Cluster::Quiet();
  options.binlog_write_time = Options().binlog_write_time;
  return options;
}

// A table with a routed writer for each partition.
class Loss {
 public:
  Loss(uint64_t seed, uint32_t partitions, absl::Duration pause)
      : cluster_(Busy(), seed), partitions_(partitions) {
    cluster_.Start();
    EXPECT_EQ(cluster_.CreateTable("t", static_cast<int>(partitions), 3), code::kOk);
    for (uint32_t pid = 0; pid < partitions; ++pid) {
      writers_.push_back(std::make_unique<TableWriter>(cluster_, "t", pid, "", pause));
    }
    cluster_.RunFor(absl::Seconds(2));
  }

  Cluster& cluster() { return cluster_; }
  TableWriter& writer(uint32_t pid) { return *writers_[pid]; }
  std::vector<uint32_t> LedBy(const std::string& tablet) {
    std::vector<uint32_t> pids;
    for (uint32_t pid = 0; pid < partitions_; ++pid) {
      if (cluster_.LeaderOf("t", pid) == tablet) pids.push_back(pid);
    }
    return pids;
  }
  void StopWriting() {
    for (auto& writer : writers_) writer->Stop();
    cluster_.RunFor(absl::Seconds(3));
  }
  size_t LostOf(uint32_t pid) {
    return writers_[pid]->Lost(cluster_.Keys(cluster_.LeaderOf("t", pid), "t", pid)).size();
  }
  size_t Lost() {
    size_t lost = 0;
    for (uint32_t pid = 0; pid < partitions_; ++pid) lost += LostOf(pid);
    return lost;
  }
  int Refused() {
    int refused = 0;
    for (auto& writer : writers_) refused += writer->refused();
    return refused;
  }
  // Of the partition's last change: what the new term left out of what the old leader has.
  uint64_t ComputedLoss(uint32_t pid, const std::string& old_leader) {
    const nameserver::TablePartition partition = cluster_.Partition("t", pid);
    return cluster_.Status(old_leader, "t", pid).offset() + 1 -
           partition.term_offset(partition.term_offset_size() - 1).offset();
  }

 private:
  Cluster cluster_;
  uint32_t partitions_;
  std::vector<std::unique_ptr<TableWriter>> writers_;
};

TEST(ChangeLeaderLoss, EightUnfencedChangesLoseAFewRowsEachAndTheirWritersSeeNoError) {
  // M1: 54 of 8,509 rows at 1,235 a second, and as many as the old leaders' offsets say.
  size_t lost = 0;
  constexpr int kStories = 3;
  for (uint64_t seed = 1; seed <= kStories; ++seed) {
    Loss loss(seed, 8, absl::Milliseconds(6));
    std::vector<std::string> old_leaders;
    for (uint32_t pid = 0; pid < 8; ++pid) {
      old_leaders.push_back(loss.cluster().LeaderOf("t", pid));
      ASSERT_EQ(loss.cluster().ChangeLeader("t", pid, "auto"), code::kOk);
      ASSERT_TRUE(loss.cluster().RunUntilOpsDone(absl::Seconds(1)));
    }
    loss.StopWriting();
    EXPECT_EQ(loss.Refused(), 0);
    for (uint32_t pid = 0; pid < 8; ++pid) {
      EXPECT_EQ(loss.LostOf(pid), loss.ComputedLoss(pid, old_leaders[pid]));
      lost += loss.LostOf(pid);
    }
  }
  EXPECT_GT(lost, 8 * kStories * 3u);
  EXPECT_LT(lost, 8 * kStories * 40u);
}

TEST(ChangeLeaderLoss, ACandidateBehindItsSiblingLosesMoreThanIsComputed) {
  // M1: 7 computed, 8 missing. The new term begins after the furthest follower.
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 3), code::kOk);
  const std::string leader = cluster.LeaderOf("t", 0);
  const std::string candidate = cluster.FollowersOf("t", 0).at(0);
  cluster.PutRows(leader, "t", 0, "k", 10);
  ASSERT_TRUE(cluster.RunUntilEqual("t", 0, kTablets, absl::Seconds(2)));
  auto& network = cluster.world().network;
  network.Cut(cluster.tablet(leader).address(), cluster.tablet(candidate).address());
  cluster.PutRows(leader, "t", 0, "only the sibling has it", 1);
  cluster.RunFor(absl::Seconds(1));
  ASSERT_EQ(cluster.ChangeLeader("t", 0, candidate), code::kOk);
  ASSERT_TRUE(cluster.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_EQ(cluster.Status(leader, "t", 0).offset(), 11u);
  EXPECT_EQ(cluster.Status(candidate, "t", 0).offset(), 10u);
  EXPECT_EQ(cluster.Partition("t", 0).term_offset(1).offset(), 12u);  // nothing lost, it says
}

TEST(OfflineEndpointLoss, ALiveTabletsLeadersLoseRowsAndStayLeadersThere) {
  // M3: 168 of 82,850 over 9 leaders.
  Loss loss(1, 12, absl::Milliseconds(8));
  const std::vector<uint32_t> led = loss.LedBy("t1");
  ASSERT_FALSE(led.empty());
  ASSERT_EQ(loss.cluster().OfflineEndpoint("t1"), code::kOk);
  ASSERT_TRUE(loss.cluster().RunUntilOpsDone(absl::Seconds(60)));
  loss.StopWriting();
  EXPECT_EQ(loss.Refused(), 0);
  EXPECT_GT(loss.Lost(), 0u);
  for (uint32_t pid : led) {
    EXPECT_NE(loss.cluster().LeaderOf("t", pid), "t1");
    EXPECT_TRUE(loss.cluster().TermPair("t1", "t", pid).is_leader());
    EXPECT_EQ(loss.cluster().Put("t1", "t", pid, "to nobody's knowledge"), 0);
  }
}

TEST(WholeTabletFence, EveryLeaderLeavesItInAboutASecondWithoutLoss) {
  // M9: 23 leaders 0.63 s, 18 leaders 1.09 s.
  Loss loss(4, 36, absl::Milliseconds(48));
  Cluster& cluster = loss.cluster();
  const std::string x = "t1";
  const std::vector<uint32_t> led = loss.LedBy(x);
  const absl::Time fenced = cluster.Now();
  ASSERT_EQ(cluster.SetMode(x, true), 0);
  std::vector<uint64_t> offsets;
  for (uint32_t pid : led) {
    ASSERT_TRUE(cluster.RunUntilEqual("t", pid, kTablets, absl::Seconds(2)));
    offsets.push_back(cluster.Status(x, "t", pid).offset());
  }
  for (uint32_t pid : led) ASSERT_EQ(cluster.ChangeLeader("t", pid, "auto"), code::kOk);
  ASSERT_TRUE(cluster.RunUntilOpsDone(absl::Seconds(3)));
  for (size_t i = 0; i < led.size(); ++i) {
    ASSERT_EQ(cluster.ChangeRole(x, "t", led[i], api::kTableFollower), 0);
    EXPECT_EQ(cluster.Partition("t", led[i]).term_offset(1).offset(), offsets[i] + 1);
  }
  ASSERT_EQ(cluster.SetMode(x, false), 0);
  EXPECT_GT(cluster.Now() - fenced, absl::Seconds(0.2));
  EXPECT_LT(cluster.Now() - fenced, absl::Seconds(2));
  for (uint32_t pid : led) ASSERT_EQ(cluster.RecoverTable("t", pid, x), code::kOk);
  ASSERT_TRUE(cluster.RunUntilOpsDone(absl::Seconds(60)));
  for (const nameserver::OPStatus& op : cluster.Ops()) {
    EXPECT_EQ(op.status(), "kDone");
    EXPECT_NE(op.op_type(), "kReAddReplicaWithDropOP");
  }
  loss.StopWriting();
  EXPECT_GT(loss.Refused(), 0);
  EXPECT_EQ(loss.Lost(), 0u);
}

TEST(HandOver, OnePartitionAtATimeTakesATenthOfASecondEachAndLosesNothing) {
  // M11: 16 leaders in 1.0 to 1.5 s at 500 rows a second over 24 partitions.
  int moved = 0;
  absl::Duration in_all;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Loss loss(seed, 24, absl::Milliseconds(48));
    Cluster& cluster = loss.cluster();
    const std::string x = "t0";
    const absl::Time start = cluster.Now();
    for (uint32_t pid : loss.LedBy(x)) {
      bool demoted = false;
      while (!demoted) {
        ASSERT_TRUE(cluster.RunUntilEqual("t", pid, kTablets, absl::Seconds(3)));
        ASSERT_EQ(cluster.SetMode(x, true), 0);
        if (cluster.RunUntilEqual("t", pid, kTablets, absl::Milliseconds(80))) {
          ASSERT_EQ(cluster.ChangeRole(x, "t", pid, api::kTableFollower), 0);
          demoted = true;
        }
        ASSERT_EQ(cluster.SetMode(x, false), 0);
      }
      const uint64_t offset = cluster.Status(x, "t", pid).offset();
      ASSERT_EQ(cluster.ChangeLeader("t", pid, "auto"), code::kOk);
      ASSERT_TRUE(cluster.RunUntilOpsDone(absl::Seconds(2)));
      EXPECT_EQ(cluster.Partition("t", pid).term_offset(1).offset(), offset + 1);
      ++moved;
    }
    in_all += cluster.Now() - start;
    loss.StopWriting();
    EXPECT_EQ(loss.Lost(), 0u);
  }
  EXPECT_GT(in_all / moved, absl::Milliseconds(50));
  EXPECT_LT(in_all / moved, absl::Milliseconds(110));
}

class Fenced : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_.Start();
    ASSERT_EQ(cluster_.CreateTable("t", 1, 3), code::kOk);
    old_ = cluster_.LeaderOf("t", 0);
    followers_ = cluster_.FollowersOf("t", 0);
    cluster_.PutRows(old_, "t", 0, "k", 20);
    ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, kTablets, absl::Seconds(2)));
  }
  // As SelectLeader does it, and no more.
  void FenceFollowers(uint64_t term) {
    for (const std::string& follower : followers_) {
      api::AppendEntriesRequest fence;
      fence.set_tid(cluster_.Table("t").tid());
      fence.set_pid(0);
      fence.set_term(term);
      ASSERT_EQ(
          cluster_.AskTablet<api::AppendEntriesResponse>(follower, "AppendEntries", fence).code(),
          0);
    }
  }
  std::string RecoveredBy(const std::string& endpoint) {
    EXPECT_EQ(cluster_.RecoverTable("t", 0, endpoint), code::kOk);
    EXPECT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(40)));
    EXPECT_EQ(cluster_.LastOp().status(), "kDone");
    return cluster_.LastOp().op_type();
  }

  Cluster cluster_;
  std::string old_;
  std::vector<std::string> followers_;
};

TEST_F(Fenced, TheFenceLiftedBeforeTheDemotionReopensTheHole) {
  // M2: the next row goes to the old leader, and recovering it drops it.
  ASSERT_EQ(cluster_.SetMode(old_, true), 0);
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  ASSERT_EQ(cluster_.SetMode(old_, false), 0);
  EXPECT_EQ(cluster_.Put(old_, "t", 0, "lost"), 0);
  const absl::Time start = cluster_.Now();
  EXPECT_EQ(RecoveredBy(old_), "kReAddReplicaWithDropOP");
  EXPECT_GT(cluster_.Now() - start, absl::Seconds(9.5));
  EXPECT_LT(cluster_.Now() - start, absl::Seconds(14.5));
  EXPECT_EQ(cluster_.Keys(old_, "t", 0).count("lost"), 0u);
  EXPECT_EQ(cluster_.tablet(old_).disk().List("recycle")->size(), 1u);  // the old copy
}

TEST_F(Fenced, RecoveredUnderTheFenceTheOldLeaderIsDemotedAtOnce) {
  // M2: the other order, 17 ms after the request.
  ASSERT_EQ(cluster_.SetMode(old_, true), 0);
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  ASSERT_EQ(cluster_.RecoverTable("t", 0, old_), code::kOk);
  ASSERT_TRUE(cluster_.RunUntil([&] { return !cluster_.TermPair(old_, "t", 0).is_leader(); },
                                absl::Milliseconds(30)));
  ASSERT_EQ(cluster_.SetMode(old_, false), 0);
  EXPECT_EQ(cluster_.Put(old_, "t", 0, "refused"), 103);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(5)));
  EXPECT_EQ(cluster_.LastOp().op_type(), "kReAddReplicaSimplifyOP");
}

TEST_F(Fenced, ChangingTheLeaderAfterAFenceWasLeftBehindLosesWhatWasAcknowledgedSince) {
  // M2: 20 rows.
  FenceFollowers(2);
  cluster_.PutRows(old_, "t", 0, "since", 20);
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  EXPECT_EQ(cluster_.Keys(followers_[0], "t", 0).size(), 20u);
  EXPECT_EQ(cluster_.Status(old_, "t", 0).offset(), 40u);
}

TEST_F(Fenced, ATermThatWasRepairedMakesFullCopiesUntilTheNextChange) {
  // M6: the term of the repair is in no history.
  FenceFollowers(2);
  ASSERT_EQ(cluster_.ChangeRole(old_, "t", 0, api::kTableFollower), 0);
  ASSERT_EQ(cluster_.ChangeRole(old_, "t", 0, api::kTableLeader, 2, followers_), 0);
  cluster_.PutRows(old_, "t", 0, "more", 10);
  ASSERT_TRUE(cluster_.RunUntilEqual("t", 0, kTablets, absl::Seconds(1)));
  for (const std::string& follower : followers_) {
    ASSERT_EQ(cluster_.UpdateAlive("t", 0, follower, false), code::kOk);
    EXPECT_EQ(RecoveredBy(follower), "kReAddReplicaWithDropOP");
  }
  ASSERT_EQ(cluster_.ChangeLeader("t", 0, followers_[0]), code::kOk);
  ASSERT_TRUE(cluster_.RunUntilOpsDone(absl::Seconds(1)));
  cluster_.RunFor(absl::Seconds(1));
  ASSERT_EQ(cluster_.UpdateAlive("t", 0, followers_[1], false), code::kOk);
  EXPECT_EQ(RecoveredBy(followers_[1]), "kReAddReplicaSimplifyOP");
}

}  // namespace
}  // namespace omdb::simulator
