#ifndef OMDB_TESTS_UNIT_CONTROLLERS_HAND_OVER_FIXTURE_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_HAND_OVER_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controllers/hand_over.h"
#include "tests/unit/controllers/fake_openmldb.h"

namespace omdb {

// A partition that a leads, with its followers b and c, to be handed over from a to b.
class HandOver : public testing::Test {
 protected:
  HandOver() { openmldb.With(0, {"a", "b", "c"}); }

  absl::StatusOr<HandOverResult> Move() { return Move({0})[0]; }
  std::vector<absl::StatusOr<HandOverResult>> Move(const std::vector<uint32_t>& pids) {
    std::vector<LeaderToMove> leaders;
    for (uint32_t pid : pids) leaders.push_back({FakeOpenMldb::Id(pid), StorageMode::kMemory, "b"});
    return HandOverLeaders(openmldb, clock, "a", leaders, limits);
  }
  std::string Leader() { return openmldb.Meta().Leader()->endpoint; }
  // Rows that a has and its followers do not get.
  void WriteUnseen(uint64_t rows) {
    openmldb.lagging = {"b", "c"};
    openmldb.Replica("a").offset += rows;
  }
  void Demote() { openmldb.Replica("a").mode = TableMode::kFollower; }

  FakeClock clock;
  FakeOpenMldb openmldb{clock};
  HandOverLimits limits;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_HAND_OVER_FIXTURE_H_
