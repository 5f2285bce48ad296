#include "operator/openmldb/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "controllers/openmldb.h"
#include "name_server.pb.h"
#include "tablet.pb.h"

namespace omdb {
namespace {

using testing::HasSubstr;

template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

TEST(Convert, Tablets) {
  struct {
    std::string message;
    Tablet tablet;
  } const cases[] = {
      {"endpoint: 'tablet-0' state: 'kHealthy' age: 1500 real_endpoint: '10.0.0.3:10921'",
       {"tablet-0", true, absl::Milliseconds(1500), "10.0.0.3:10921"}},
      {"endpoint: '10.0.0.3:10921' state: 'kOffline' age: 7",
       {"10.0.0.3:10921", false, absl::Milliseconds(7), "10.0.0.3:10921"}},
  };
  for (const auto& item : cases) {
    EXPECT_EQ(ToTablet(FromText<openmldb::nameserver::TabletStatus>(item.message)), item.tablet)
        << item.message;
  }
}

TEST(Convert, TablesWithTheirPartitionsInOrder) {
  const Table table = ToTable(FromText<openmldb::nameserver::TableInfo>(R"pb(
    name: "orders"
    db: "demo"
    tid: 7
    seg_cnt: 4
    replica_num: 3
    storage_mode: kSSD
    base_table_tid: 5
    table_partition {
      pid: 1
      partition_meta { endpoint: "tablet-0" is_leader: true is_alive: false offset: 9 }
      partition_meta { endpoint: "tablet-1" is_leader: true offset: 12 tablet_has_partition: false }
      term_offset { term: 1 offset: 0 }
      term_offset { term: 3 offset: 10 }
    }
    table_partition { pid: 0 })pb"));
  const Table expected{.db = "demo",
                       .name = "orders",
                       .tid = 7,
                       .replica_num = 3,
                       .seg_cnt = 4,
                       .storage_mode = StorageMode::kSsd,
                       .base_table_tid = 5,
                       .partitions = {{.id = {"demo", "orders", 7, 0}},
                                      {.id = {"demo", "orders", 7, 1},
                                       // Absent means alive and loaded: the servers' defaults.
                                       .replicas = {{"tablet-0", true, false, true, 9},
                                                    {"tablet-1", true, true, false, 12}},
                                       .term_offsets = {{1, 0}, {3, 10}}}}};
  EXPECT_TRUE(table == expected);
  EXPECT_EQ(table.partitions[1].Leader()->endpoint, "tablet-1");
  EXPECT_EQ(table.partitions[0].Leader(), nullptr);
  EXPECT_EQ(table.partitions[1].Find("tablet-0")->offset, 9u);
  EXPECT_EQ(table.partitions[1].Find("tablet-9"), nullptr);
}

TEST(Convert, StatesOfOps) {
  struct {
    std::string text;
    OpState state;
  } const cases[] = {
      {"kInited", OpState::kInited},     {"kDoing", OpState::kDoing},
      {"kDone", OpState::kDone},         {"kFailed", OpState::kFailed},
      {"kCanceled", OpState::kCanceled}, {"kSomethingNew", OpState::kDoing},
  };
  for (const auto& item : cases) {
    openmldb::nameserver::OPStatus message;
    message.set_status(item.text);
    EXPECT_EQ(ToOp(message).state, item.state) << item.text;
  }
}

TEST(Convert, OpsThatLeftTheirLane) {
  openmldb::nameserver::OPStatus message;
  message.set_status("kCanceled");
  EXPECT_TRUE(ToOp(message).UnderWay());
  message.set_end_time(7);
  EXPECT_FALSE(ToOp(message).UnderWay());
  EXPECT_EQ(ToOp(message).ended, absl::FromUnixSeconds(7));
}

TEST(Convert, Ops) {
  const Op op = ToOp(FromText<openmldb::nameserver::OPStatus>(R"pb(
    op_id: 12
    op_type: "kChangeLeaderOP"
    status: "kDoing"
    start_time: 1
    end_time: 0
    task_type: "kSelectLeader"
    name: "orders"
    pid: 3
    db: "demo")pb"));
  EXPECT_EQ(op, (Op{12, "kChangeLeaderOP", OpState::kDoing, "kSelectLeader", "demo", "orders", 3,
                    absl::InfiniteFuture(), absl::FromUnixSeconds(1)}));
}

TEST(Convert, ReplicasOnTablets) {
  struct {
    std::string message;
    ReplicaStatus status;
  } const cases[] = {
      {"tid: 7 pid: 3 offset: 99 mode: kTableLeader state: kTableNormal record_cnt: 42",
       {7, 3, 99, TableMode::kLeader, TableState::kNormal, 42}},
      {"tid: 7 mode: kTableFollower state: kSnapshotPaused",
       {7, 0, 0, TableMode::kFollower, TableState::kSnapshotPaused, 0}},
      {"state: kTableLoading",
       // proto2's default of an absent mode is the first value.
       {0, 0, 0, TableMode::kLeader, TableState::kLoading, 0}},
      {"mode: kTableFollower state: kMakingSnapshot",
       {0, 0, 0, TableMode::kFollower, TableState::kMakingSnapshot, 0}},
      {"mode: kTableFollower", {0, 0, 0, TableMode::kFollower, TableState::kUndefined, 0}},
  };
  for (const auto& item : cases) {
    EXPECT_EQ(ToReplicaStatus(FromText<openmldb::api::TableStatus>(item.message)), item.status)
        << item.message;
  }
}

TEST(Convert, ALoadRequestSaysRoleAndTerm) {
  const auto meta = ToLoadTableRequest({.partition = {"demo", "orders", 7, 3},
                                        .mode = TableMode::kLeader,
                                        .term = 5,
                                        .seg_cnt = 2,
                                        .storage_mode = StorageMode::kHdd,
                                        .replicas = {"tablet-1"}})
                        .table_meta();
  EXPECT_EQ(meta.ShortDebugString(),
            "tid: 7 name: \"orders\" pid: 3 seg_cnt: 2 replicas: \"tablet-1\" mode: kTableLeader "
            "term: 5 db: \"demo\" storage_mode: kHDD");
  EXPECT_TRUE(ToLoadTableRequest({}).table_meta().has_mode());
}

TEST(OpenMldbError, CarriesItsCode) {
  const absl::Status status = OpenMldbError(301, "ChangeLeader", "auto_failover is enabled");
  EXPECT_EQ(CodeOf(status), 301);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("ChangeLeader"));
  EXPECT_THAT(status.message(), HasSubstr("turn auto_failover off first"));
  EXPECT_EQ(CodeOf(OpenMldbError(-1, "Put", "")), -1);
  EXPECT_EQ(CodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(CodeOf(absl::FailedPreconditionError("something else")), 0);
}

TEST(PartitionId, Prints) {
  EXPECT_EQ(ToString(PartitionId{"demo", "orders", 7, 3}), "demo.orders/3 (tid 7)");
}

}  // namespace
}  // namespace omdb
