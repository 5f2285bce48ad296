#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/explore/outcome.h"
#include "tests/explore/story.h"

// A tablet dies while another one is being replaced, and stays away until the operator has given
// its partitions other leaders: what had not been replicated is lost, no more, and the operator
// says how much.
namespace omdb::explore {
namespace {

class LostRows {
 public:
  explicit LostRows(uint64_t seed) : random_(seed), story_(seed, Cluster()) {}

  void Run() {
    ASSERT_TRUE(story_.Begin(kFrom));
    story_.Apply(kTo);
    const absl::Duration when =
        absl::Seconds(8) * std::uniform_real_distribution<double>(0, 1)(random_);
    story_.RunFor(absl::Seconds(4) + when);
    ASSERT_TRUE(story_.RunUntilTrue(
        [this] { return story_.ledger().tablet && !story_.database().auto_failover; },
        absl::Seconds(30)));
    // In the middle of what the operator does.
    story_.world().executor.Schedule(
        absl::Milliseconds(100) * std::uniform_real_distribution<double>(0, 1)(random_),
        [this] { Die(); });
    story_.RunFor(absl::Seconds(80));
    story_.node().away.clear();
    ASSERT_TRUE(story_.RunUntilReady(kTo, absl::Minutes(10))) << story_.condition("Ready").message;
    Judge();
  }
  size_t lost() const { return lost_; }

 private:
  static Shape Cluster() {
    Shape shape;
    shape.tables = {{"t", 6, 3}};
    shape.write_interval = absl::Milliseconds(10);
    return shape;
  }

  // Of those that are not in hand.
  void Die() {
    const auto hand = story_.ledger().tablet;
    for (int i = 0; i < story_.shape().tablets; ++i) {
      if (!hand || hand->name != story_.tablet_name(i)) victim_ = story_.tablet_name(i);
    }
    const Database now = story_.database();
    for (const Table& table : now.tables) {
      if (table.db != "user") continue;
      for (const Partition& partition : table.partitions) {
        if (!partition.LedBy(victim_)) continue;
        const uint64_t offset = now.Status(victim_, partition.id)->offset;
        uint64_t replicated = 0;
        for (const ReplicaMeta& meta : partition.replicas) {
          const ReplicaStatus* status = now.Status(meta.endpoint, partition.id);
          if (meta.endpoint != victim_ && meta.is_alive && status != nullptr)
            replicated = std::max(replicated, status->offset);
        }
        // And what was written since that look.
        tails_[ToString(partition.id)] = offset - std::min(offset, replicated) + 5;
      }
    }
    story_.node().away = {victim_};
    story_.node().Crash(victim_);
  }

  bool IsReported(const std::string& partition) const {
    return std::any_of(story_.events().begin(), story_.events().end(), [&](const Note& note) {
      return note.reason == "RowsLost" && note.warning &&
             absl::StrContains(note.message, partition);
    });
  }

  void Judge() {
    std::map<std::string, uint64_t> lost;
    for (const std::string& row : story_.StopWritingAndFindLost())
      ++lost[row.substr(0, row.rfind(' '))];
    for (const auto& [partition, rows] : lost) {
      lost_ += rows;
      EXPECT_LE(rows, tails_[partition]) << partition;
      EXPECT_TRUE(IsReported(partition)) << partition;
    }
    EXPECT_GE(story_.status().rows_lost, lost_);
    // One of each partition may have been written and not yet acknowledged.
    EXPECT_LE(story_.status().rows_lost, lost_ + tails_.size());
  }

  std::mt19937_64 random_;
  Story story_;
  std::string victim_;
  std::map<std::string, uint64_t> tails_;  // by ToString(PartitionId)
  size_t lost_ = 0;
};

TEST(LostRows, AreTheTailOfTheTabletThatDiedAndAreReported) {
  size_t lost = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    LostRows story(seed);
    story.Run();
    lost += story.lost();
  }
  EXPECT_GT(lost, 0u);
}

}  // namespace
}  // namespace omdb::explore
