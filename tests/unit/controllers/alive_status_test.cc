#include "controllers/alive_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/fake_openmldb.h"

// Three partitions that a led before b.
namespace omdb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AliveStatus : public testing::Test {
 protected:
  AliveStatus() {
    Table table{.db = "db", .name = "t", .tid = 1};
    for (uint32_t pid = 0; pid < 3; ++pid)
      table.partitions.push_back({Id(pid), {{"a", false, true}, {"b", true, true}}});
    openmldb.tables = {table};
  }
  static PartitionId Id(uint32_t pid) { return FakeOpenMldb::Id(pid); }
  ReplicaMeta& OnA(uint32_t pid) { return openmldb.Meta(pid).replicas[0]; }

  using Mark = absl::Status(OpenMldb&, const Table&, const std::string&,
                            const std::vector<PartitionId>&);
  // The pids in which a is alive afterwards.
  std::vector<uint32_t> Alive(Mark mark, const std::vector<PartitionId>& partitions) {
    status = mark(openmldb, Table(openmldb.tables[0]), "a", partitions);
    std::vector<uint32_t> alive;
    for (uint32_t pid = 0; pid < 3; ++pid) {
      const ReplicaMeta* meta = openmldb.Meta(pid).Find("a");
      if (meta != nullptr && meta->is_alive) alive.push_back(pid);
    }
    return alive;
  }

  FakeClock clock;
  FakeOpenMldb openmldb{clock};
  absl::Status status;
};

class NotAlive : public AliveStatus {
 protected:
  // One by one is refused: only an edit of the whole table is made.
  bool AtOnce(const std::vector<PartitionId>& partitions) {
    openmldb.Always("UpdateTableAliveStatus", Refused(absl::UnavailableError("away")));
    (void)Alive(MarkNotAlive, partitions);
    return status.ok();
  }
};

TEST_F(NotAlive, IsSaidOfAWholeTableAtOnce) {
  EXPECT_TRUE(AtOnce({Id(0), Id(1), Id(2)}));
  EXPECT_THAT(Alive(MarkNotAlive, {}), IsEmpty());
}

TEST_F(NotAlive, IsSaidOfOneByItself) {
  EXPECT_THAT(Alive(MarkNotAlive, {Id(1)}), ElementsAre(0, 2));
  EXPECT_FALSE(AtOnce({Id(1)}));
}

TEST_F(NotAlive, LeavesAloneWhatIsNotMeant) {
  EXPECT_THAT(Alive(MarkNotAlive, {Id(0), Id(1)}), ElementsAre(2));
}

TEST_F(NotAlive, IsSaidAtOnceWhereTheRestIsNotAlive) {
  OnA(2) = {"a", true, false};
  EXPECT_TRUE(AtOnce({Id(0), Id(1)}));
}

TEST_F(NotAlive, LeavesToAnOpWhatItMayBringBack) {
  OnA(2).is_alive = false;
  openmldb.ops = {{9, "kRecoverTableOP", OpState::kDoing, "kLoadTable", "db", "t", 2}};
  EXPECT_FALSE(AtOnce({Id(0), Id(1)}));
  openmldb.ops[0].state = OpState::kDone;
  EXPECT_TRUE(AtOnce({Id(0), Id(1)}));
  openmldb.ops[0] = {9, "kRecoverTableOP", OpState::kDoing, "kLoadTable", "db", "t", 0};
  EXPECT_TRUE(AtOnce({Id(0), Id(1)})) << "of another partition";
}

TEST_F(NotAlive, LeavesWhatAnOpBroughtBackMeanwhile) {
  OnA(2).is_alive = false;
  openmldb.On("ShowOpStatus", Then([this] { OnA(2).is_alive = true; }));
  EXPECT_THAT(Alive(MarkNotAlive, {Id(0), Id(1)}), ElementsAre(2));
}

TEST_F(NotAlive, IsSaidOfNothingWhileNobodyTells) {
  for (const char* call : {"ShowOpStatus", "ShowTable db.t"}) {
    openmldb.On(call, Refused(absl::UnavailableError("away")));
    EXPECT_THAT(Alive(MarkNotAlive, {Id(0), Id(1)}), ElementsAre(0, 1, 2)) << call;
    EXPECT_TRUE(absl::IsUnavailable(status));
  }
}

TEST_F(NotAlive, IsSaidAtOnceWhateverHasNoReplicaThere) {
  openmldb.Meta(2).replicas.erase(openmldb.Meta(2).replicas.begin());
  EXPECT_TRUE(AtOnce({Id(0), Id(1)}));
}

class AliveAgain : public AliveStatus {
 protected:
  AliveAgain() {
    for (uint32_t pid = 0; pid < 3; ++pid) OnA(pid).is_alive = false;
  }
  bool AtOnce(const std::vector<PartitionId>& partitions) {
    openmldb.Always("SetReplicaMeta", Refused(absl::UnavailableError("away")));
    (void)Alive(MarkAlive, partitions);
    return status.ok();
  }
};

TEST_F(AliveAgain, IsSaidOfAWholeTableAtOnce) {
  EXPECT_TRUE(AtOnce({Id(0), Id(1), Id(2)}));
  EXPECT_THAT(Alive(MarkAlive, {}), ElementsAre(0, 1, 2));
}

TEST_F(AliveAgain, IsSaidOfOneByItself) {
  EXPECT_THAT(Alive(MarkAlive, {Id(1)}), ElementsAre(1));
  EXPECT_FALSE(AtOnce({Id(0)}));
}

TEST_F(AliveAgain, IsSaidAtOnceWhateverHasNoReplicaThere) {
  openmldb.Meta(2).replicas.erase(openmldb.Meta(2).replicas.begin());
  EXPECT_TRUE(AtOnce({Id(0), Id(1)}));
}

TEST_F(AliveAgain, LeavesAloneWhatIsNotMeant) {
  EXPECT_THAT(Alive(MarkAlive, {Id(0), Id(1)}), ElementsAre(0, 1));
}

// Marked alive before it would be a second leader.
TEST_F(AliveAgain, IsSaidOfAFormerLeaderOnceThatIsNone) {
  OnA(0).is_leader = true;
  EXPECT_FALSE(AtOnce({Id(0), Id(1), Id(2)}));
  EXPECT_FALSE(OnA(0).is_alive || OnA(1).is_alive);
  openmldb.Always("SetReplicaMeta", {});
  openmldb.Always("UpdateTableAliveStatus", Refused(absl::UnavailableError("away")));
  EXPECT_THAT(Alive(MarkAlive, {Id(0), Id(1), Id(2)}), ElementsAre(0, 1, 2));
  EXPECT_FALSE(OnA(0).is_leader);
}

TEST_F(AliveAgain, IsSaidOfNoFormerLeaderThatIsNotMeant) {
  OnA(2).is_leader = true;
  EXPECT_THAT(Alive(MarkAlive, {Id(0), Id(1)}), ElementsAre(0, 1));
}

TEST_F(AliveAgain, IsSaidAtOnceWhereTheRestIsAlive) {
  OnA(2).is_alive = true;
  EXPECT_TRUE(AtOnce({Id(0), Id(1)}));
}

TEST_F(AliveAgain, LeavesWhatSomebodyMarksMeanwhile) {
  OnA(2).is_alive = true;
  openmldb.On("ShowTable db.t", Then([this] { OnA(2).is_alive = false; }));
  EXPECT_THAT(Alive(MarkAlive, {Id(0), Id(1)}), ElementsAre(0, 1));
}

TEST_F(AliveAgain, IsSaidOfNothingWhileNobodyTells) {
  openmldb.On("ShowTable db.t", Refused(absl::UnavailableError("away")));
  EXPECT_THAT(Alive(MarkAlive, {Id(0), Id(1)}), IsEmpty());
  EXPECT_TRUE(absl::IsUnavailable(status));
}

// Its leader may be changed right now.
TEST_F(AliveAgain, IsNotSaidAtOnceWhereTheTabletLeads) {
  openmldb.Meta(2).replicas = {{"a", true, true}};
  EXPECT_FALSE(AtOnce({Id(0), Id(1)}));
}

TEST_F(AliveAgain, TakesTheLeadershipFromNobodyWhoGotItMeanwhile) {
  openmldb.Meta(0).replicas = {{"a", true, true}, {"b", true, false}};
  EXPECT_THAT(Alive(MarkAlive, {Id(0), Id(1), Id(2)}), ElementsAre(0, 1, 2));
  EXPECT_TRUE(openmldb.Meta(0).LedBy("a"));
}

TEST_F(AliveAgain, ForgetsWhatIsNoMore) {
  EXPECT_THAT(Alive(MarkAlive, {FakeOpenMldb::Id(7)}), IsEmpty());
  EXPECT_TRUE(status.ok());
}

}  // namespace
}  // namespace omdb
