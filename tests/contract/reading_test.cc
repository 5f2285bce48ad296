#include <algorithm>

#include "absl/time/clock.h"
#include "tests/contract/fixture.h"

// What is read to observe a cluster (F2, F3.3, F3.4, M7).
namespace omdb::contract {
namespace {

using testing::Contains;
using testing::Each;
using testing::Field;
using testing::Not;
using testing::SizeIs;

using Reading = ContractTest;

TEST_F(Reading, TheFirstNameserverLeadsAndTheOthersDoNotAnswerAsLeaders) {
  const auto nameservers = openmldb_->Nameservers();
  ASSERT_TRUE(nameservers.ok()) << nameservers.status();
  ASSERT_FALSE(nameservers->empty());
  EXPECT_EQ(raw_->AskWhoLeads(*openmldb_->AddressOf(nameservers->front())), 0);
  for (size_t i = 1; i < nameservers->size(); ++i) {
    // A standby that never led does not listen yet (F1.4, M6).
    EXPECT_THAT(raw_->AskWhoLeads(*openmldb_->AddressOf((*nameservers)[i])),
                testing::AnyOf(300, kNoAnswer));
  }
}

TEST_F(Reading, RegisteredTabletsAreHealthyAndHaveTheirAddresses) {
  const auto registered = openmldb_->RegisteredTablets();
  const auto tablets = openmldb_->ShowTablet();
  ASSERT_TRUE(registered.ok()) << registered.status();
  ASSERT_TRUE(tablets.ok()) << tablets.status();
  EXPECT_GE(registered->size(), 3u) << "this suite needs three tablets";
  for (const Tablet& tablet : *tablets) {
    if (!tablet.healthy) continue;
    EXPECT_THAT(*registered, Contains(tablet.endpoint));
    EXPECT_EQ(*openmldb_->AddressOf(tablet.endpoint), tablet.real_endpoint);
  }
}

TEST_F(Reading, ServersTellTheirVersionOverHttp) {
  std::vector<std::string> endpoints = *openmldb_->RegisteredTablets();
  endpoints.push_back(openmldb_->Nameservers()->front());
  for (const std::string& endpoint : endpoints) {
    const auto version = openmldb_->Version(*openmldb_->AddressOf(endpoint));
    ASSERT_TRUE(version.ok()) << version.status();
    EXPECT_NE(*version, "") << endpoint;
  }
}

TEST_F(Reading, ShowTableHasTheTablesOfEveryDatabase) {
  const Table table = Create(2, 3);
  const auto tables = openmldb_->ShowTable();
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_THAT(*tables, Contains(Field(&Table::db, db_)));
  EXPECT_THAT(*tables, Contains(Field(&Table::db, "__INTERNAL_DB")));
  EXPECT_THAT(raw_->ShowDatabase(), Contains(db_));
  EXPECT_THAT(raw_->ShowDatabase(), Not(Contains("__INTERNAL_DB"))) << "hidden";
  ASSERT_THAT(table.partitions, SizeIs(2));
  for (const Partition& partition : table.partitions) {
    EXPECT_THAT(partition.replicas, SizeIs(3));
    EXPECT_THAT(partition.replicas, Each(Field(&ReplicaMeta::is_alive, true)));
    ASSERT_NE(partition.Leader(), nullptr);
    EXPECT_THAT(partition.term_offsets, SizeIs(1));
    EXPECT_TRUE(Meta(partition.id).id == partition.id);
  }
}

TEST_F(Reading, TabletsKnowTheirOwnReplicas) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  PutRows(leader, id, "k", 25);
  const ReplicaStatus status = On(leader, id);
  EXPECT_EQ(status.offset, 25u) << "one binlog entry for each row";
  EXPECT_EQ(status.mode, TableMode::kLeader);
  EXPECT_EQ(status.state, TableState::kNormal);
  EXPECT_EQ(status.record_count, 25u);
  const std::string follower = FollowersOf(id).at(0);
  EXPECT_EQ(On(follower, id).mode, TableMode::kFollower);
  EXPECT_EQ(raw_->GetTableFollower(follower, id), 103);
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {leader, follower}); }));
  EXPECT_EQ(raw_->Put(follower, id, "k"), 103);
  EXPECT_EQ(*raw_->Count(follower, id, "k7"), 1u) << "any replica reads";
  EXPECT_THAT(*openmldb_->GetTableFollower(id, leader),
              Contains(Field(&FollowerInfo::endpoint, follower)));
  EXPECT_TRUE(TermOn(leader, id).is_leader);
  EXPECT_EQ(TermOn(leader, id).term, Meta(id).term_offsets.back().term);
}

TEST_F(Reading, MetasFollowTheTabletsOffsetsWithinSeconds) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  PutRows(leader, id, "k", 25);
  EXPECT_TRUE(Until(absl::Seconds(6), [&] {
    const Partition partition = Meta(id);
    return std::all_of(partition.replicas.begin(), partition.replicas.end(),
                       [](const ReplicaMeta& replica) {
                         return replica.offset == 25 && replica.tablet_has_partition;
                       });
  }));
}

TEST_F(Reading, AStatusOfOnePartitionTakesAboutAMillisecond) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  std::vector<std::string> all = FollowersOf(id);
  all.push_back(LeaderOf(id));
  EXPECT_TRUE(SameOffset(id, all));
  constexpr int kCalls = 200;
  const absl::Time start = absl::Now();
  for (int i = 0; i < kCalls; ++i) EXPECT_TRUE(SameOffset(id, all));
  const absl::Duration each = (absl::Now() - start) / kCalls;
  RecordProperty("microseconds", static_cast<int>(absl::ToInt64Microseconds(each)));
  // The fence of a hand-over lasts for several of these: far above this it could not be short.
  EXPECT_LT(each, absl::Milliseconds(10));
}

}  // namespace
}  // namespace omdb::contract
