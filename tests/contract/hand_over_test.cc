#include <algorithm>

#include "absl/time/clock.h"
#include "tests/contract/fixture.h"
#include "tests/contract/writer.h"

// The hand-over of a leader under a writer, and the old leader's way back in place (M11, M12).
namespace omdb::contract {
namespace {

using testing::IsSubsetOf;

class HandOverTest : public ContractTest {
 protected:
  // Steps 1 to 3: waits for a moment without lag, fences the tablet, demotes the partition, lifts
  // the fence. The offset that all replicas have; `fenced` is how long the tablet refused writes.
  uint64_t Demote(const PartitionId& id, const std::string& leader,
                  const std::vector<std::string>& all, absl::Duration* fenced) {
    for (int attempt = 0; attempt < 200; ++attempt) {
      Until(absl::Seconds(2), [&] { return SameOffset(id, all); });
      const absl::Time start = absl::Now();
      EXPECT_TRUE(openmldb_->SetMode(leader, /*follower=*/true).ok());
      const bool equal = Until(absl::Milliseconds(80), [&] { return SameOffset(id, all); });
      const uint64_t offset = On(leader, id).offset;
      if (equal) {
        EXPECT_TRUE(openmldb_->Demote({id}, leader)[0].ok());
        EXPECT_EQ(On(leader, id).offset, offset);
      }
      EXPECT_TRUE(openmldb_->SetMode(leader, /*follower=*/false).ok());
      *fenced = absl::Now() - start;
      if (equal) return offset;
      absl::SleepFor(absl::Milliseconds(20));
    }
    ADD_FAILURE() << "no moment without lag was found";
    return 0;
  }
};

TEST_F(HandOverTest, LosesNoAcknowledgedRowUnderAWriter) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string first = LeaderOf(id);
  std::vector<std::string> all = FollowersOf(id);
  all.push_back(first);

  Writer writer(*raw_, *openmldb_, id);
  ASSERT_TRUE(Until(absl::Seconds(5), [&] { return writer.acknowledged_count() > 100; }));
  // There, and back again: the operator hands leaders back where they were.
  for (int round = 0; round < 2; ++round) {
    const std::string old_leader = LeaderOf(id);
    const std::string candidate = round == 0 ? FollowersOf(id).at(0) : first;
    absl::Duration fenced;
    const uint64_t offset = Demote(id, old_leader, all, &fenced);
    EXPECT_EQ(raw_->Put(old_leader, id, "x"), 103);
    EXPECT_LT(fenced, absl::Milliseconds(400));
    RecordProperty(round == 0 ? "fenced_ms_there" : "fenced_ms_back",
                   static_cast<int>(absl::ToInt64Milliseconds(fenced)));

    const uint64_t last_op = LastOpId();
    ASSERT_TRUE(openmldb_->ChangeLeader(id, candidate).ok());
    ASSERT_EQ(OpsAfter(last_op, id, absl::Seconds(5))[0].state, OpState::kDone);
    const Partition partition = Meta(id);
    EXPECT_EQ(partition.Leader()->endpoint, candidate);
    EXPECT_EQ(partition.term_offsets.back().offset, offset + 1);
    EXPECT_EQ(TermOn(candidate, id).term, partition.term_offsets.back().term);

    RejoinInPlace(id, old_leader);
    const size_t before = writer.acknowledged_count();
    EXPECT_TRUE(Until(absl::Seconds(5), [&] { return writer.acknowledged_count() > before + 100; }))
        << "the writer goes on with the new leader";
  }
  writer.Stop();
  EXPECT_EQ(LeaderOf(id), first);
  EXPECT_LT(writer.longest_pause(), absl::Seconds(2));
  RecordProperty("longest_pause_ms",
                 static_cast<int>(absl::ToInt64Milliseconds(writer.longest_pause())));

  ASSERT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, all); }));
  const auto rows = raw_->Keys(first, id);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_THAT(writer.acknowledged(), IsSubsetOf(*rows)) << "rows were lost";
  for (const std::string& tablet : all) {
    const auto keys = raw_->Keys(tablet, id);
    ASSERT_TRUE(keys.ok()) << keys.status();
    EXPECT_EQ(*keys, *rows) << tablet;
    EXPECT_EQ(On(tablet, id).record_count, On(first, id).record_count) << tablet;
  }
}

TEST_F(HandOverTest, MayBeUndoneBeforeTheLeaderIsChanged) {
  const PartitionId id = Create(1, 3).partitions[0].id;
  const std::string leader = LeaderOf(id);
  const std::vector<std::string> followers = FollowersOf(id);
  std::vector<std::string> all = followers;
  all.push_back(leader);
  PutRows(leader, id, "k", 50);
  const uint64_t term = TermOn(leader, id).term;
  absl::Duration fenced;
  Demote(id, leader, all, &fenced);
  // The operator died here. Its successor puts the leader back.
  ASSERT_TRUE(openmldb_->Lead(id, leader, term, followers).ok());
  PutRows(leader, id, "more", 50);
  EXPECT_TRUE(Until(absl::Seconds(5), [&] { return SameOffset(id, all); }));
  EXPECT_EQ(On(leader, id).offset, 100u);
}

}  // namespace
}  // namespace omdb::contract
