#include <algorithm>
#include <cstdlib>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/contract/fixture.h"
#include "tests/contract/flags.h"

// Detaching a replica and bringing it back without the op engine (M12).
namespace omdb::contract {
namespace {

using testing::Contains;
using testing::Field;
using testing::IsEmpty;
using testing::Not;

class Rejoin : public ContractTest {
 protected:
  // Step 1.
  void Detach(const PartitionId& id, const std::string& follower) {
    ASSERT_TRUE(openmldb_->UpdateTableAliveStatus(id, follower, false).ok());
    ASSERT_TRUE(openmldb_->DelReplica({id}, {LeaderOf(id)}, follower)[0].ok());
  }
};

TEST_F(Rejoin, ADetachedFollowerIsLeftAloneAndMakesNoOp) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  const std::string follower = FollowersOf(id).at(0);
  const std::string other = FollowersOf(id).at(1);
  PutRows(leader, id, "k", 10);
  ASSERT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {leader, follower}); }));
  const uint64_t last_op = LastOpId();
  Detach(id, follower);
  EXPECT_EQ(LastOpId(), last_op);
  EXPECT_FALSE(ReplicaOf(id, follower).is_alive);
  EXPECT_FALSE(ReplicaOf(id, follower).is_leader);
  const auto followers = openmldb_->GetTableFollower(id, leader);
  ASSERT_TRUE(followers.ok()) << followers.status();
  EXPECT_THAT(*followers, Not(Contains(Field(&FollowerInfo::endpoint, follower))));
  EXPECT_EQ(raw_->DelReplica(leader, id, follower), 0) << "detached already";

  PutRows(leader, id, "more", 10);
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, {leader, other}); }));
  EXPECT_EQ(On(follower, id).offset, 10u);
  RejoinInPlace(id, follower);
  EXPECT_EQ(On(follower, id).offset, 20u);
  EXPECT_EQ(*raw_->Keys(follower, id), *raw_->Keys(leader, id));
}

TEST_F(Rejoin, AnOldLeaderContinuesFromItsOwnOffset) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string old_leader = LeaderOf(id);
  const std::string candidate = FollowersOf(id).at(0);
  PutRows(old_leader, id, "k", 30);
  ASSERT_NO_FATAL_FAILURE(HandOver(id, candidate));
  PutRows(candidate, id, "more", 30);
  EXPECT_EQ(On(old_leader, id).offset, 30u);
  const std::string notify = Node("/table/notify");
  const uint64_t last_op = LastOpId();
  RejoinInPlace(id, old_leader);
  EXPECT_EQ(LastOpId(), last_op);
  EXPECT_EQ(Node("/table/notify"), notify) << "SetTablePartition tells nobody";
  EXPECT_EQ(On(old_leader, id).offset, 60u);
  EXPECT_EQ(On(old_leader, id).mode, TableMode::kFollower);
  EXPECT_EQ(*raw_->Keys(old_leader, id), *raw_->Keys(candidate, id));
  // It is a follower like any other: leadership can go back to it.
  ASSERT_NO_FATAL_FAILURE(HandOver(id, old_leader));
}

TEST_F(Rejoin, SettingAMetaChangesNothingElse) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string follower = FollowersOf(id).at(0);
  Partition expected = Meta(id);
  ASSERT_TRUE(openmldb_->SetReplicaMeta(id, follower, false, false).ok());
  Partition found = Meta(id);
  for (Partition* partition : {&expected, &found}) {
    for (ReplicaMeta& replica : partition->replicas) {
      replica.offset = 0;  // refreshed meanwhile
      replica.tablet_has_partition = true;
      if (replica.endpoint == follower) replica.is_alive = false;
    }
  }
  EXPECT_TRUE(found == expected);
  EXPECT_TRUE(openmldb_->SetReplicaMeta(id, follower, false, true).ok());
  EXPECT_THAT(FollowersOf(id), Contains(follower));
}

TEST_F(Rejoin, AWholeTableIsMarkedInOneEdit) {
  const Table table = Create(4, 3);
  const std::string tablet = FollowersOf(table.partitions[0].id).at(0);
  const auto alive = [&] {
    return std::count_if(
        table.partitions.begin(), table.partitions.end(),
        [&](const Partition& partition) { return ReplicaOf(partition.id, tablet).is_alive; });
  };
  for (const Partition& partition : table.partitions) {
    if (LeaderOf(partition.id) == tablet) {
      ASSERT_NO_FATAL_FAILURE(HandOver(partition.id, FollowersOf(partition.id).at(0)));
    }
  }
  const uint64_t last_op = LastOpId();
  ASSERT_TRUE(openmldb_->UpdateTableAliveStatus(table.db, table.name, tablet, false).ok());
  EXPECT_EQ(alive(), 0);
  // A former leader would be a second one.
  for (const Partition& partition : table.partitions)
    ASSERT_TRUE(openmldb_->SetReplicaMeta(partition.id, tablet, false, false).ok());
  ASSERT_TRUE(openmldb_->UpdateTableAliveStatus(table.db, table.name, tablet, true).ok());
  EXPECT_EQ(alive(), 4);
  EXPECT_EQ(LastOpId(), last_op);
  const auto one = openmldb_->ShowTable(table.db, table.name);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->tid, table.tid);
  EXPECT_EQ(one->partitions.size(), 4u);
  EXPECT_TRUE(absl::IsNotFound(openmldb_->ShowTable(table.db, "none").status()));
}

TEST_F(Rejoin, AReplicaIsAddedAndDeletedOnce) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  const std::string follower = FollowersOf(id).at(0);
  EXPECT_EQ(raw_->AddReplica(leader, id, follower), 119);
  EXPECT_TRUE(openmldb_->AddReplica({id}, {leader}, follower)[0].ok());
  EXPECT_EQ(raw_->AddReplica(follower, id, leader), 103) << "asked of a follower";
}

TEST_F(Rejoin, WhatIsLoadedIsNotLoadedAgain) {
  const Table table = Create(1, 3);
  const PartitionId id = table.partitions[0].id;
  const std::string follower = FollowersOf(id).at(0);
  const std::vector<absl::Status> loaded = openmldb_->LoadTable(
      follower, {{.partition = id, .term = Meta(id).term_offsets.back().term}});
  EXPECT_EQ(CodeOf(loaded[0]), 101);
}

TEST_F(Rejoin, WhatIsNotOnDiskIsNotLoaded) {
  const PartitionId id = Create(1, 1).partitions[0].id;
  const std::string elsewhere = TabletWithout(id);
  const std::vector<absl::Status> loaded = openmldb_->LoadTable(elsewhere, {{.partition = id}});
  EXPECT_NE(CodeOf(loaded[0]), 0) << loaded[0];
  EXPECT_TRUE(absl::IsNotFound(openmldb_->GetReplicaStatus({{id, elsewhere}})[0].status()));
  const TermPair pair = TermOn(elsewhere, id);
  EXPECT_FALSE(pair.has_table);
}

// Needs --restart_tablet.
class RejoinAfterRestart : public Rejoin {
 protected:
  void SetUp() override {
    if (absl::GetFlag(FLAGS_restart_tablet).empty()) GTEST_SKIP() << "needs --restart_tablet";
    Rejoin::SetUp();
  }

  void Restart(const std::string& tablet) {
    ASSERT_EQ(setenv("TABLET", tablet.c_str(), /*overwrite=*/1), 0);
    ASSERT_EQ(std::system(absl::GetFlag(FLAGS_restart_tablet).c_str()), 0);
    ASSERT_TRUE(Until(absl::Seconds(60),
                      [&] {
                        const auto tablets = openmldb_->ShowTablet();
                        return tablets.ok() &&
                               std::any_of(tablets->begin(), tablets->end(), [&](const Tablet& t) {
                                 return t.endpoint == tablet && t.healthy;
                               });
                      }))
        << tablet << " is not healthy again";
  }
};

TEST_F(RejoinAfterRestart, LoadsNothingByItselfAndEverythingWhenTold) {
  const Table table = Create(4, 3);
  const std::string tablet = LeaderOf(table.partitions[0].id);
  for (const Partition& partition : table.partitions) {
    PutRows(LeaderOf(partition.id), partition.id, "k", 200);
  }
  // As before a restart: its leaders away, its followers detached.
  for (const Partition& partition : table.partitions) {
    if (LeaderOf(partition.id) == tablet) {
      ASSERT_NO_FATAL_FAILURE(HandOver(partition.id, FollowersOf(partition.id).at(0)));
    } else {
      ASSERT_TRUE(Until(absl::Seconds(5), [&] {
        return SameOffset(partition.id, {LeaderOf(partition.id), tablet});
      }));
      ASSERT_NO_FATAL_FAILURE(Detach(partition.id, tablet));
    }
  }
  std::vector<uint64_t> offsets;
  for (const Partition& partition : table.partitions) {
    offsets.push_back(On(tablet, partition.id).offset);
    PutRows(LeaderOf(partition.id), partition.id, "meanwhile", 50);
  }
  // Whatever else the cluster has on this tablet must come back too.
  const auto all_tables = openmldb_->ShowTable();
  ASSERT_TRUE(all_tables.ok()) << all_tables.status();
  const auto loaded_before = openmldb_->GetTableStatus({tablet})[0];
  ASSERT_TRUE(loaded_before.ok()) << loaded_before.status();

  const absl::Time stopped = absl::Now();
  ASSERT_TRUE(openmldb_->DisconnectZk(*openmldb_->AddressOf(tablet), /*nameserver=*/false).ok());
  ASSERT_NO_FATAL_FAILURE(Restart(tablet));
  EXPECT_THAT(*openmldb_->GetTableStatus({tablet})[0], IsEmpty());

  std::vector<LoadRequest> requests;
  for (const ReplicaStatus& replica : *loaded_before) {
    for (const Table& any : *all_tables) {
      if (any.tid != replica.tid) continue;
      const Partition meta = Meta(any.partitions[replica.pid].id);
      LoadRequest request{.partition = meta.id,
                          .mode = replica.mode,
                          .term = meta.term_offsets.back().term,
                          .seg_cnt = any.seg_cnt,
                          .storage_mode = any.storage_mode};
      if (replica.mode == TableMode::kLeader) request.replicas = FollowersOf(meta.id);
      requests.push_back(request);
    }
  }
  for (const absl::Status& status : openmldb_->LoadTable(tablet, requests)) {
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(Until(absl::Seconds(30), [&] {
    const auto loaded = openmldb_->GetTableStatus({tablet})[0];
    return loaded.ok() && loaded->size() == requests.size() &&
           std::all_of(loaded->begin(), loaded->end(), [](const ReplicaStatus& replica) {
             return replica.state == TableState::kNormal;
           });
  }));
  for (size_t i = 0; i < table.partitions.size(); ++i) {
    const PartitionId id = table.partitions[i].id;
    EXPECT_EQ(On(tablet, id).offset, offsets[i]) << "the local binlog is kept";
    RejoinInPlace(id, tablet);
    EXPECT_EQ(*raw_->Keys(tablet, id), *raw_->Keys(LeaderOf(id), id));
  }
  RecordProperty("away_ms", static_cast<int>(absl::ToInt64Milliseconds(absl::Now() - stopped)));
}

}  // namespace
}  // namespace omdb::contract
