#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/contract/fixture.h"

// ChangeLeader and what it leaves behind (F5.2, M1).
namespace omdb::contract {
namespace {

using testing::SizeIs;

class ChangeLeader : public ContractTest {
 protected:
  uint64_t GlobalTerm() {
    uint64_t term = 0;
    EXPECT_TRUE(absl::SimpleAtoi(Node("/table/term"), &term));
    return term;
  }
};

TEST_F(ChangeLeader, AnswersBadRequestsWithTheirCodes) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  const std::string follower = FollowersOf(id).at(0);
  EXPECT_EQ(raw_->ChangeLeader(id, ""), 309) << "no candidate while the leader is alive";
  EXPECT_EQ(raw_->ChangeLeader(id, leader), 305) << "the candidate leads already";
  EXPECT_EQ(raw_->ChangeLeader(id, "nobody-0"), 305) << "the candidate is unknown";
  PartitionId unknown = id;
  unknown.table = "unknown";
  EXPECT_EQ(raw_->ChangeLeader(unknown, follower), 100);
  unknown = id;
  unknown.pid = 77;
  EXPECT_EQ(raw_->ChangeLeader(unknown, follower), 308);
  EXPECT_EQ(LeaderOf(id), leader);
}

TEST_F(ChangeLeader, IsRefusedWith134ForASingleReplica) {
  const PartitionId id = Create(1, 1).partitions[0].id;
  EXPECT_EQ(raw_->ChangeLeader(id, TabletWithout(id)), 134);
}

TEST_F(ChangeLeader, IsRefusedWith301WhileAutoFailoverIsOn) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  const std::string follower = FollowersOf(id).at(0);
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->SetAutoFailover(true).ok());
  EXPECT_TRUE(*openmldb_->GetAutoFailover());
  EXPECT_EQ(raw_->ChangeLeader(id, follower), 301);
  EXPECT_EQ(raw_->OfflineEndpoint(leader, 1), 301);
  EXPECT_EQ(CodeOf(openmldb_->RecoverTable(id, follower)), 301);
  EXPECT_EQ(CodeOf(openmldb_->UpdateTableAliveStatus(id, follower, false)), 301);
  EXPECT_EQ(CodeOf(openmldb_->SetReplicaMeta(id, follower, false, false)), 301);
  ASSERT_TRUE(openmldb_->SetAutoFailover(false).ok());
  EXPECT_FALSE(*openmldb_->GetAutoFailover());
  EXPECT_EQ(LastOpId(), last_op);
  EXPECT_EQ(LeaderOf(id), leader);
  EXPECT_THAT(FollowersOf(id), SizeIs(2));
}

TEST_F(ChangeLeader, MakesTheCandidateLeaderUnderANewTerm) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const Partition before = Meta(id);
  const std::string old_leader = before.Leader()->endpoint;
  const std::string candidate = FollowersOf(id).at(0);
  const std::string sibling = FollowersOf(id).at(1);
  PutRows(old_leader, id, "k", 20);
  ASSERT_TRUE(Until(absl::Seconds(5), [&] {
    return SameOffset(id, {old_leader, candidate, sibling});
  }));
  const uint64_t offset = On(candidate, id).offset;
  EXPECT_EQ(offset, 20u);
  const uint64_t old_term = TermOn(old_leader, id).term;
  const uint64_t global_term = GlobalTerm();
  const std::string notify = Node("/table/notify");
  const uint64_t last_op = LastOpId();

  ASSERT_TRUE(openmldb_->ChangeLeader(id, candidate).ok());
  const std::vector<Op> ops = OpsAfter(last_op, id, absl::Seconds(5));
  ASSERT_THAT(ops, SizeIs(1));
  EXPECT_EQ(ops[0].type, "kChangeLeaderOP");
  EXPECT_EQ(ops[0].state, OpState::kDone);

  const Partition after = Meta(id);
  ASSERT_NE(after.Leader(), nullptr);
  EXPECT_EQ(after.Leader()->endpoint, candidate);
  // The old leader stays "leader", only not alive.
  EXPECT_TRUE(after.Find(old_leader)->is_leader);
  EXPECT_FALSE(after.Find(old_leader)->is_alive);
  EXPECT_TRUE(after.Find(sibling)->is_alive);

  EXPECT_EQ(GlobalTerm(), global_term + 2);
  ASSERT_THAT(after.term_offsets, SizeIs(before.term_offsets.size() + 1));
  EXPECT_EQ(after.term_offsets.back(), (TermOffset{global_term + 2, offset + 1}));
  const TermPair new_leader = TermOn(candidate, id);
  EXPECT_TRUE(new_leader.is_leader);
  EXPECT_EQ(new_leader.term, global_term + 2);
  EXPECT_TRUE(Until(absl::Seconds(3), [&] { return TermOn(sibling, id).term == global_term + 2; }))
      << "a follower has the new term after the new leader's first contact";
  EXPECT_EQ(TermOn(old_leader, id).term, old_term);
  EXPECT_TRUE(TermOn(old_leader, id).is_leader) << "nobody tells the old leader";
  EXPECT_NE(Node("/table/notify"), notify);
}

TEST_F(ChangeLeader, LeavesAnOldLeaderThatKeepsAcceptingUntilItIsDemoted) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string old_leader = LeaderOf(id);
  const std::string candidate = FollowersOf(id).at(0);
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->ChangeLeader(id, candidate).ok());
  ASSERT_EQ(OpsAfter(last_op, id, absl::Seconds(5))[0].state, OpState::kDone);

  EXPECT_EQ(raw_->Put(old_leader, id, "lost"), 0);
  EXPECT_EQ(raw_->Put(candidate, id, "kept"), 0);
  ASSERT_TRUE(openmldb_->Demote({id}, old_leader)[0].ok());
  EXPECT_EQ(raw_->Put(old_leader, id, "refused"), 103);
  EXPECT_EQ(raw_->Get(candidate, id, "lost"), 109);
}

TEST_F(ChangeLeader, WithoutAFenceMayLoseRowsButKeepsReplicatingToTheOtherFollower) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string candidate = FollowersOf(id).at(0);
  const std::string sibling = FollowersOf(id).at(1);
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->ChangeLeader(id, candidate).ok());
  ASSERT_EQ(OpsAfter(last_op, id, absl::Seconds(5))[0].state, OpState::kDone);
  PutRows(candidate, id, "k", 20);
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {candidate, sibling}); }));
  const auto followers = openmldb_->GetTableFollower(id, candidate);
  ASSERT_TRUE(followers.ok()) << followers.status();
  ASSERT_THAT(*followers, SizeIs(1)) << "the old leader is not among the followers";
  EXPECT_EQ((*followers)[0].endpoint, sibling);
}

}  // namespace
}  // namespace omdb::contract
