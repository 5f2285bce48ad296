#include <algorithm>

#include "tests/contract/fixture.h"

// The two fences of a leader: of its whole tablet, and of the partition alone (F5.2.4, M2).
namespace omdb::contract {
namespace {

class Fence : public ContractTest {
 protected:
  void TearDown() override {
    if (!fenced_.empty()) LiftFence();
    ContractTest::TearDown();
  }

  void SetFence(const std::string& tablet) {
    fenced_ = tablet;
    ASSERT_TRUE(openmldb_->SetMode(tablet, /*follower=*/true).ok());
  }
  void LiftFence() { EXPECT_TRUE(openmldb_->SetMode(fenced_, /*follower=*/false).ok()); }

  std::string fenced_;
};

TEST_F(Fence, OfATabletRefusesWith453AndReplicationGoesOn) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  std::vector<std::string> all = FollowersOf(id);
  all.push_back(leader);
  PutRows(leader, id, "k", 300);
  SetFence(leader);
  EXPECT_EQ(raw_->Put(leader, id, "refused"), 453);
  // Replication pauses up to a second at the end of what was written (M7).
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, all); }));
  EXPECT_EQ(On(leader, id).offset, 300u);
  EXPECT_EQ(On(leader, id).mode, TableMode::kLeader) << "the role of its partitions stays";
  LiftFence();
  EXPECT_EQ(raw_->Put(leader, id, "accepted"), 0);
}

TEST_F(Fence, OfATabletIsForAllThatItLeadsAndForNothingElse) {
  const Table table = Create(6, 3);
  const std::string fenced = LeaderOf(table.partitions[0].id);
  SetFence(fenced);
  for (const Partition& partition : table.partitions) {
    const std::string leader = LeaderOf(partition.id);
    EXPECT_EQ(raw_->Put(leader, partition.id, "k"), leader == fenced ? 453 : 0) << leader;
  }
  LiftFence();
}

TEST_F(Fence, OfAPartitionKeepsTheOffsetAndRefusesWith103) {
  const Table table = Create(6, 3);
  const PartitionId id = table.partitions[0].id;
  const std::string leader = LeaderOf(id);
  PutRows(leader, id, "k", 10);
  ASSERT_TRUE(Until(absl::Seconds(5), [&] {
    return SameOffset(id, {leader, FollowersOf(id).at(0), FollowersOf(id).at(1)});
  }));
  const uint64_t term = TermOn(leader, id).term;
  ASSERT_TRUE(openmldb_->Demote({id}, leader)[0].ok());
  EXPECT_EQ(On(leader, id).offset, 10u);
  EXPECT_EQ(On(leader, id).mode, TableMode::kFollower);
  EXPECT_EQ(raw_->Put(leader, id, "refused"), 103);
  EXPECT_EQ(raw_->GetTableFollower(leader, id), 103);
  EXPECT_EQ(LeaderOf(id), leader) << "the nameserver's metadata does not follow";
  EXPECT_TRUE(openmldb_->Demote({id}, leader)[0].ok()) << "to a follower again";
  for (const Partition& other : table.partitions) {
    if (other.id.pid == id.pid || LeaderOf(other.id) != leader) continue;
    EXPECT_EQ(raw_->Put(leader, other.id, "k"), 0) << "the tablet's other partitions serve";
  }

  // The way back: the same term, and replication to all followers anew.
  const std::vector<std::string> followers = FollowersOf(id);
  ASSERT_TRUE(openmldb_->Lead(id, leader, term, followers).ok());
  EXPECT_EQ(CodeOf(openmldb_->Lead(id, leader, term, followers)), 102);
  EXPECT_EQ(raw_->Put(leader, id, "accepted"), 0);
  EXPECT_TRUE(Until(absl::Seconds(5), [&] {
    return SameOffset(id, {leader, followers[0], followers[1]});
  }));
  EXPECT_EQ(TermOn(leader, id).term, term);
}

TEST_F(Fence, LeftOnTheFollowersIsLiftedByTheirTermAndLosesNothing) {
  // As a nameserver leaves it that dies between the fence and the new leader (M2, M6).
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  const std::vector<std::string> followers = FollowersOf(id);
  const std::vector<std::string> all = {leader, followers[0], followers[1]};
  PutRows(leader, id, "k", 10);
  ASSERT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, all); }));
  const uint64_t term = TermOn(leader, id).term + 1;
  for (const std::string& follower : followers) ASSERT_EQ(raw_->Fence(follower, id, term), 0);
  PutRows(leader, id, "meanwhile", 10);
  EXPECT_FALSE(Until(absl::Seconds(3), [&] { return SameOffset(id, {leader, followers[0]}); }));
  EXPECT_EQ(On(followers[0], id).offset, 10u);
  EXPECT_GT(TermOn(followers[0], id).term, TermOn(leader, id).term);
  EXPECT_TRUE(Meta(id).Leader() != nullptr && FollowersOf(id).size() == 2) << "no meta shows it";

  ASSERT_TRUE(openmldb_->Demote({id}, leader)[0].ok());
  ASSERT_TRUE(openmldb_->Lead(id, leader, term, followers).ok());
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, all); }));
  EXPECT_EQ(*raw_->Keys(followers[1], id), *raw_->Keys(leader, id));
}

TEST_F(Fence, OfAPartitionThatIsNotLoadedIsRefused) {
  const PartitionId id = Create(1, 1).partitions[0].id;
  EXPECT_EQ(CodeOf(openmldb_->Demote({id}, TabletWithout(id))[0]), 100);
}

}  // namespace
}  // namespace omdb::contract
