#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "controllers/guards.h"
#include "controllers/hand_over.h"
#include "controllers/replica_repair.h"
#include "tablet.pb.h"
#include "tests/explore/outcome.h"
#include "tests/explore/story.h"
#include "tests/simulator/world/caller.h"

// The hazards of OpenMLDB (M1 to M6) as an operator meets them: its guard sees each; what it does
// all the same does damage, and what it does once the guard is content does none. H6's is in
// safeguards_test.cc.
namespace omdb::explore {
namespace {

Shape Cluster() {
  Shape shape;
  shape.nameservers = 1;
  shape.tables = {{"t", 24, 3}, {"two", 2, 2}};
  shape.auto_failover = false;
  shape.write_interval = absl::Milliseconds(20);
  return shape;
}

class Hazards : public testing::TestWithParam<bool> {
 protected:
  explicit Hazards(const Shape& shape = Cluster()) : story_(1, shape) {}
  void SetUp() override { ASSERT_TRUE(story_.Begin(kFrom)); }

  bool guarded() const { return GetParam(); }
  OpenMldb& openmldb() { return story_.openmldb(); }
  void RunFor(absl::Duration duration) { story_.world().executor.RunFor(duration); }
  void RunUntilNoOp() {
    for (int i = 0; i < 3000 && OpUnderWay(story_.database()); ++i) RunFor(absl::Milliseconds(100));
  }

  std::string tablet(int index) const { return story_.tablet_name(index); }
  omdb::Table Table(const std::string& name) {
    const std::vector<omdb::Table> tables = story_.database().tables;
    return *std::find_if(tables.begin(), tables.end(),
                         [&](const omdb::Table& each) { return each.name == name; });
  }
  // Partitions of t.
  std::vector<Partition> LedBy(int index) {
    std::vector<Partition> led = Table("t").partitions;
    std::erase_if(led, [&](const Partition& each) { return !each.LedBy(tablet(index)); });
    return led;
  }
  static std::vector<std::string> Followers(const Partition& partition) {
    std::vector<std::string> followers;
    for (const ReplicaMeta& meta : partition.replicas) {
      if (!meta.is_leader) followers.push_back(meta.endpoint);
    }
    return followers;
  }

  // As somebody would who does not know what it may cost: a client that has not heard of it goes on
  // writing to the old leader, which still leads.
  void ChangeLeadersByHand(int from, int to, const std::vector<Partition>& partitions) {
    for (const Partition& partition : partitions)
      ASSERT_TRUE(openmldb().ChangeLeader(partition.id, tablet(to)).ok());
    RunUntilNoOp();
    for (const Partition& partition : partitions) WriteTo(tablet(from), partition.id, 200);
  }
  // Rows that no other client writes.
  void WriteTo(const std::string& tablet, const PartitionId& id, uint64_t rows) {
    simulator::Caller client(story_.world(), "stale");
    for (uint64_t i = 0; i < rows; ++i) {
      const auto request = WorldWriter::RequestFor(id, kStale + written_++);
      const auto response = client.Call<::openmldb::api::PutResponse>(*openmldb().AddressOf(tablet),
                                                                      WorldWriter::kPut, request);
      ASSERT_EQ(response->code(), 0);
    }
  }
  void Detach(const PartitionId& id, const std::string& leader, const std::string& follower) {
    ASSERT_TRUE(openmldb().DelReplica({id}, {leader}, follower)[0].ok());
    ASSERT_TRUE(openmldb().UpdateTableAliveStatus(id, follower, false).ok());
  }
  void Recover(int index, const std::vector<Partition>& partitions) {
    for (const Partition& partition : partitions)
      ASSERT_TRUE(RecoverFromLeader(openmldb(), partition.id, tablet(index)).ok());
    RunUntilNoOp();
  }

  absl::StatusOr<HandOverResult> HandOver(const PartitionId& id, const std::string& from,
                                          const std::string& to) {
    WorldClock clock(story_.world());
    return HandOverLeaders(openmldb(), clock, from, {{id, StorageMode::kMemory, to}}, {})[0];
  }
  // Sequence numbers on one tablet that are not on the other.
  Story::Rows OnlyOn(const PartitionId& id, const std::string& tablet, const std::string& other) {
    const auto there = story_.RowsOf(id, other);
    Story::Rows rows = story_.RowsOf(id, tablet);
    absl::erase_if(rows, [&](uint64_t row) { return there.count(row) > 0; });
    return rows;
  }
  std::string GuardSays() {
    const auto problem = FormerLeaderNotDemoted(story_.database());
    return problem ? problem->reason : "";
  }

  static constexpr uint64_t kStale = 1000000;
  Story story_;
  uint64_t written_ = 0;
};

// H1: a former leader fills a replica that is loaded anew.
TEST_P(Hazards, AFormerLeaderAndASecondChange) {
  const Partition partition = LedBy(0)[0];
  ChangeLeadersByHand(0, 1, {partition});
  EXPECT_EQ(GuardSays(), "FormerLeaderNotDemoted");
  if (guarded()) {
    Recover(0, {partition});
    ASSERT_EQ(GuardSays(), "");
  }
  ChangeLeadersByHand(1, 2, {partition});
  Recover(1, {partition});
  RunFor(absl::Seconds(3));
  story_.writer().Stop();
  RunFor(absl::Seconds(5));
  const auto missing = OnlyOn(partition.id, tablet(2), tablet(1));
  EXPECT_EQ(missing.empty(), guarded()) << missing.size() << " rows are not on a follower";
}

// H2: a fenced tablet takes what a former leader of one of its partitions sends.
TEST_P(Hazards, AFormerLeaderAndAFence) {
  const auto partitions = LedBy(0);
  story_.writer().Stop();
  ChangeLeadersByHand(0, 1, partitions);
  EXPECT_EQ(GuardSays(), "FormerLeaderNotDemoted");
  if (guarded()) {
    Recover(0, partitions);
    ASSERT_EQ(GuardSays(), "");
  }
  for (int fences = 0; fences < 10; ++fences) {
    ASSERT_TRUE(openmldb().SetMode(tablet(1), true).ok());
    RunFor(HandOverLimits().fence);
    ASSERT_TRUE(openmldb().SetMode(tablet(1), false).ok());
    RunFor(absl::Seconds(1));
  }
  std::ptrdiff_t taken = 0;
  for (const Partition& partition : partitions) {
    const auto rows = story_.RowsOf(partition.id, tablet(1));
    taken += std::distance(rows.lower_bound(kStale), rows.end());
  }
  EXPECT_EQ(taken == 0, guarded()) << taken << " rows that had been given up are there again";
}

// H3: the change of a leader waits behind another op, whatever its partition.
TEST_P(Hazards, AnOpInTheLane) {
  const Partition two = Table("two").partitions[1];
  std::string spare;
  for (int i = 0; i < 3; ++i) {
    if (two.Find(tablet(i)) == nullptr) spare = tablet(i);
  }
  ASSERT_TRUE(openmldb().AddReplicaNs(two.id, spare).ok());
  RunFor(absl::Milliseconds(100));
  EXPECT_TRUE(OpUnderWay(story_.database()));
  if (guarded()) RunUntilNoOp();
  const Partition partition = Table("t").partitions[0];
  const auto moved = HandOver(partition.id, partition.Leader()->endpoint, Followers(partition)[0]);
  EXPECT_EQ(moved.ok(), guarded()) << moved.status();
  RunFor(absl::Seconds(1));
  const auto& pauses = story_.writer().rows().at(partition.id).pauses;
  ASSERT_FALSE(pauses.empty());
  const absl::Duration longest = *std::max_element(pauses.begin(), pauses.end());
  if (guarded()) {
    EXPECT_LT(longest, absl::Milliseconds(500));
  } else {
    EXPECT_GT(longest, absl::Milliseconds(600)) << "nobody could write to it";
  }
}

class UnluckyHazards : public Hazards {
 protected:
  UnluckyHazards() : Hazards(Unlucky()) {}
  static Shape Unlucky() {
    Shape shape = Cluster();
    shape.failing_removals = 0.5;
    return shape;
  }
  std::vector<Partition> NotAlive(const std::string& follower) {
    std::vector<Partition> partitions = Table("t").partitions;
    std::erase_if(partitions, [&](const Partition& each) { return each.Find(follower)->is_alive; });
    return partitions;
  }
};

// H4: RecoverTable fails for no reason.
TEST_P(UnluckyHazards, ARecoveryThatFails) {
  const auto partitions = LedBy(0);
  for (const Partition& partition : partitions) Detach(partition.id, tablet(0), tablet(1));
  Recover(1, partitions);
  EXPECT_FALSE(NotAlive(tablet(1)).empty());
  if (guarded()) {
    for (int again = 0; again < 20; ++again) Recover(1, NotAlive(tablet(1)));
  }
  RunFor(absl::Minutes(5));
  EXPECT_EQ(NotAlive(tablet(1)).empty(), guarded());
}

// H5: two changes of a partition at once.
TEST_P(Hazards, AnOpOnThePartition) {
  const Partition partition = LedBy(0)[0];
  const std::string follower = Followers(partition)[0];
  Detach(partition.id, tablet(0), follower);
  ASSERT_TRUE(openmldb().DropTable(partition.id, follower).ok());
  RunFor(absl::Seconds(1));
  ASSERT_TRUE(openmldb().RecoverTable(partition.id, follower).ok());
  WorldClock clock(story_.world());
  for (int look = 0; look < 100; ++look) {
    RunFor(absl::Milliseconds(100));
    const Database database = story_.database();
    const Partition* now = database.FindPartition(partition.id);
    if (guarded() && OpUnderWayOn(database, partition.id)) continue;
    if (now->Find(follower)->is_alive) break;
    EXPECT_TRUE(guarded() || look > 0 || OpUnderWayOn(database, partition.id));
    uint64_t followed_in_term = 0;
    (void)Rejoin(openmldb(), clock, *database.TableOf(partition.id), *now, follower,
                 followed_in_term);
  }
  RunUntilNoOp();
  story_.writer().Stop();
  RunFor(absl::Seconds(5));
  const auto missing = OnlyOn(partition.id, tablet(0), follower);
  EXPECT_EQ(missing.empty(), guarded()) << missing.size() << " rows are not on a follower";
}

const auto kBoth = testing::Bool();
std::string Name(const testing::TestParamInfo<bool>& guarded) {
  return guarded.param ? "DoNoHarmToWhoObeysTheGuard" : "DoHarmToWhoDoesNot";
}
INSTANTIATE_TEST_SUITE_P(, Hazards, kBoth, Name);
INSTANTIATE_TEST_SUITE_P(, UnluckyHazards, kBoth, Name);

}  // namespace
}  // namespace omdb::explore
