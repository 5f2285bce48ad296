#include <algorithm>

#include "absl/time/clock.h"
#include "tests/contract/fixture.h"

// More and fewer replicas by the nameserver's ops, and its own way of recovering one (F5.5, F5.7,
// M5, M9).
namespace omdb::contract {
namespace {

using testing::Contains;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

using Replicas = ContractTest;

TEST_F(Replicas, ASingleReplicaMovesByAnExtraOne) {
  const Table table = Create(1, 1);
  const PartitionId id = table.partitions[0].id;
  const std::string home = LeaderOf(id);
  const std::string guest = TabletWithout(id);
  PutRows(home, id, "k", 100);
  EXPECT_EQ(raw_->GetTableFollower(home, id), 134);
  EXPECT_THAT(*openmldb_->GetTableFollower(id, home), IsEmpty());

  uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->AddReplicaNs(id, guest).ok());
  std::vector<Op> ops = OpsAfter(last_op, id, absl::Seconds(40));
  ASSERT_THAT(ops, SizeIs(1));
  EXPECT_EQ(ops[0].type, "kAddReplicaOP");
  ASSERT_EQ(ops[0].state, OpState::kDone);
  EXPECT_THAT(FollowersOf(id), testing::ElementsAre(guest));
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {home, guest}); }));
  EXPECT_EQ(*raw_->Keys(guest, id), *raw_->Keys(home, id));
  EXPECT_EQ(CodeOf(openmldb_->AddReplicaNs(id, guest)), 317);
  EXPECT_EQ(On(home, id).state, TableState::kNormal) << "its snapshots go on";

  ASSERT_NO_FATAL_FAILURE(HandOver(id, guest));
  RejoinInPlace(id, home);
  ASSERT_NO_FATAL_FAILURE(HandOver(id, home));
  RejoinInPlace(id, guest);

  EXPECT_EQ(CodeOf(openmldb_->DelReplicaNs(id, home)), 102) << "it leads";
  last_op = LastOpId();
  ASSERT_TRUE(openmldb_->DelReplicaNs(id, guest).ok());
  ops = OpsAfter(last_op, id, absl::Seconds(20));
  ASSERT_THAT(ops, SizeIs(1));
  EXPECT_EQ(ops[0].type, "kDelReplicaOP");
  EXPECT_EQ(ops[0].state, OpState::kDone);
  EXPECT_THAT(Meta(id).replicas, SizeIs(1));
  EXPECT_TRUE(absl::IsNotFound(openmldb_->GetReplicaStatus({{id, guest}})[0].status()));
  EXPECT_EQ(CodeOf(openmldb_->DelReplicaNs(id, guest)), 308) << "it has none any more";

  const auto tables = openmldb_->ShowTable();
  ASSERT_TRUE(tables.ok()) << tables.status();
  for (const Table& now : *tables) {
    if (now.tid == table.tid) {
      EXPECT_EQ(now.replica_num, 1u) << "never updated";
    }
  }
}

TEST_F(Replicas, AreNotAddedOnATabletThatIsUnknown) {
  const PartitionId id = Create(1, 1).partitions[0].id;
  EXPECT_EQ(CodeOf(openmldb_->AddReplicaNs(id, "nobody-0")), 303);
  EXPECT_THAT(Meta(id).replicas, SizeIs(1));
}

TEST_F(Replicas, AliveOnesAreNotRecovered) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  EXPECT_EQ(CodeOf(openmldb_->RecoverTable(id, FollowersOf(id).at(0))), 311);
  EXPECT_EQ(CodeOf(openmldb_->RecoverTable(id, "nobody-0")), 302);
}

TEST_F(Replicas, ADemotedLeaderThatHasNothingOfItsOwnIsRecoveredSimply) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string old_leader = LeaderOf(id);
  PutRows(old_leader, id, "k", 20);
  ASSERT_NO_FATAL_FAILURE(HandOver(id, FollowersOf(id).at(0)));
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->RecoverTable(id, old_leader).ok());
  EXPECT_TRUE(Until(absl::Seconds(20), [&] { return ReplicaOf(id, old_leader).is_alive; }));
  EXPECT_FALSE(ReplicaOf(id, old_leader).is_leader);
  const std::vector<Op> ops = OpsAfter(last_op, id, absl::Seconds(10));
  EXPECT_THAT(ops, Contains(Field(&Op::type, "kRecoverTableOP")));
  EXPECT_THAT(ops, Contains(Field(&Op::type, "kReAddReplicaSimplifyOP")));
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {LeaderOf(id), old_leader}); }));
}

TEST_F(Replicas, AnOldLeaderWithRowsOfItsOwnIsDroppedAndCopiedAnew) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string old_leader = LeaderOf(id);
  const std::string candidate = FollowersOf(id).at(0);
  PutRows(old_leader, id, "k", 20);
  ASSERT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {old_leader, candidate}); }));
  uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->ChangeLeader(id, candidate).ok());
  ASSERT_EQ(OpsAfter(last_op, id, absl::Seconds(5))[0].state, OpState::kDone);
  PutRows(old_leader, id, "stray", 5);
  PutRows(candidate, id, "right", 9);

  last_op = LastOpId();
  ASSERT_TRUE(openmldb_->RecoverTable(id, old_leader).ok());
  EXPECT_TRUE(Until(absl::Seconds(2), [&] { return raw_->Put(old_leader, id, "late") == 103; }))
      << "recovering begins with the demotion";
  EXPECT_TRUE(Until(absl::Seconds(40), [&] { return ReplicaOf(id, old_leader).is_alive; }));
  EXPECT_THAT(OpsAfter(last_op, id, absl::Seconds(10)),
              Contains(Field(&Op::type, "kReAddReplicaWithDropOP")));
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {candidate, old_leader}); }));
  EXPECT_EQ(*raw_->Keys(old_leader, id), *raw_->Keys(candidate, id));
  EXPECT_EQ(On(old_leader, id).record_count, On(candidate, id).record_count);
}

TEST_F(Replicas, OfflineEndpointAnswersBadRequestsWithTheirCodes) {
  EXPECT_EQ(raw_->OfflineEndpoint("nobody-0", 1), 302);
  EXPECT_EQ(raw_->OfflineEndpoint(openmldb_->ShowTablet()->front().endpoint, 9), 307);
}

TEST_F(Replicas, AnOpThatIsDoneIsNotCanceled) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->ChangeLeader(id, FollowersOf(id).at(0)).ok());
  const std::vector<Op> ops = OpsAfter(last_op, id, absl::Seconds(5));
  ASSERT_THAT(ops, SizeIs(1));
  EXPECT_EQ(CodeOf(openmldb_->CancelOp(ops[0].id)), 312);
}

TEST_F(Replicas, AnOpThatWaitsBehindAnotherTablesIsCanceled) {
  // Adding a replica takes lane 0 for seconds, whatever its partition (H3).
  const PartitionId waiting = Create(1, 3).partitions[0].id;
  const PartitionId growing = Create(2, 1).partitions[1].id;
  const std::string leader = LeaderOf(waiting);
  const uint64_t before_growth = LastOpId();
  ASSERT_TRUE(openmldb_->AddReplicaNs(growing, TabletWithout(growing)).ok());
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->ChangeLeader(waiting, FollowersOf(waiting).at(0)).ok());
  absl::SleepFor(absl::Seconds(1));
  const auto ops = openmldb_->ShowOpStatus(waiting);
  ASSERT_TRUE(ops.ok()) << ops.status();
  ASSERT_FALSE(ops->empty());
  EXPECT_EQ(ops->back().state, OpState::kInited);
  EXPECT_TRUE(openmldb_->CancelOp(ops->back().id).ok());
  const auto cancelled = openmldb_->ShowOpStatus(waiting);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_TRUE(cancelled->back().BeingCancelled()) << "it stays in its lane until its turn";
  EXPECT_EQ(OpsAfter(before_growth, growing, absl::Seconds(40))[0].state, OpState::kDone);
  EXPECT_EQ(OpsAfter(last_op, waiting, absl::Seconds(5))[0].state, OpState::kCanceled);
  EXPECT_EQ(LeaderOf(waiting), leader);
}

TEST_F(Replicas, AnOpThatWaitsIsDeletedAtOnce) {
  const PartitionId waiting = Create(1, 3).partitions[0].id;
  const PartitionId growing = Create(2, 1).partitions[1].id;
  const std::string leader = LeaderOf(waiting);
  ASSERT_TRUE(openmldb_->AddReplicaNs(growing, TabletWithout(growing)).ok());
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->ChangeLeader(waiting, FollowersOf(waiting).at(0)).ok());
  EXPECT_TRUE(openmldb_->CancelOp(last_op + 1).ok());
  EXPECT_TRUE(openmldb_->DeleteOp(last_op + 1).ok());
  const auto ops = openmldb_->ShowOpStatus(waiting);
  ASSERT_TRUE(ops.ok()) << ops.status();
  for (const Op& op : *ops) EXPECT_NE(op.id, last_op + 1);
  EXPECT_TRUE(openmldb_->DeleteOp(last_op + 1).ok()) << "not there is ok";
  EXPECT_EQ(LeaderOf(waiting), leader);
}

TEST_F(Replicas, SnapshotsOfALeaderAreResumedAtAnyTime) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  EXPECT_TRUE(openmldb_->RecoverSnapshot(id, LeaderOf(id)).ok());
  EXPECT_EQ(On(LeaderOf(id), id).state, TableState::kNormal);
}

}  // namespace
}  // namespace omdb::contract
