// Writes and reads as clients make them (F3.4, F3.5).
#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "tests/simulator/model/tablet_codes.h"
#include "tests/simulator/model/tablet_testing.h"

namespace omdb::simulator {
namespace {

// A row of (k string, ts timestamp, v bigint) as OpenMLDB encodes it.
std::string EncodeRow(const std::string& k, std::optional<int64_t> ts, int64_t v) {
  std::string row = {1, 1, 0, 0, 0, 0};
  row += static_cast<char>(ts.has_value() ? 0 : 2);
  int64_t time = ts.value_or(0);
  row.append(reinterpret_cast<const char*>(&time), 8);
  row.append(reinterpret_cast<const char*>(&v), 8);
  row += static_cast<char>(row.size() + 1);
  row += k;
  uint32_t size = static_cast<uint32_t>(row.size());
  std::memcpy(row.data() + 2, &size, 4);
  return row;
}

// Table (k, ts, v) with index k ordered by ts, and index v ordered by the time of the put.
class TabletRows : public ::testing::Test {
 protected:
  TabletRows() : cluster_("AB") {
    for (char name : {'B', 'A'}) {
      api::CreateTableRequest request;
      api::TableMeta& meta = *request.mutable_table_meta();
      meta.set_tid(9);
      meta.set_pid(0);
      meta.set_name("rows");
      meta.set_term(1);
      meta.set_mode(name == 'A' ? api::kTableLeader : api::kTableFollower);
      if (name == 'A') meta.add_replicas(TabletCluster::NameOf('B'));
      AddColumn(meta, "k", openmldb::type::kVarchar);
      AddColumn(meta, "ts", openmldb::type::kTimestamp);
      AddColumn(meta, "v", openmldb::type::kBigInt);
      auto* key = meta.add_column_key();
      key->set_index_name("by_k");
      key->set_ts_name("ts");
      meta.add_column_key()->set_index_name("by_v");
      EXPECT_EQ(cluster_.Call<api::CreateTableResponse>(name, "CreateTable", request).code(), 0);
    }
  }

  static void AddColumn(api::TableMeta& meta, const std::string& name,
                        openmldb::type::DataType type) {
    auto* column = meta.add_column_desc();
    column->set_name(name);
    column->set_data_type(type);
  }
  static api::PutRequest PutOf(const std::string& k, int64_t ts, int64_t v) {
    api::PutRequest request;
    request.set_tid(9);
    request.set_pid(0);
    request.set_time(5000 + ts);
    request.set_value(EncodeRow(k, ts, v));
    request.add_dimensions()->set_key(k);
    request.mutable_dimensions(0)->set_idx(0);
    request.add_dimensions()->set_key(std::to_string(v));
    request.mutable_dimensions(1)->set_idx(1);
    return request;
  }
  int Put(const std::string& k, int64_t ts, int64_t v) {
    return cluster_.Call<api::PutResponse>('A', "Put", PutOf(k, ts, v)).code();
  }
  uint32_t Count(char name, const std::string& index, const std::string& key) {
    api::CountRequest request;
    request.set_tid(9);
    request.set_pid(0);
    request.set_idx_name(index);
    request.set_key(key);
    return cluster_.Call<api::CountResponse>(name, "Count", request).count();
  }
  api::GetResponse Get(const std::string& key, uint64_t ts, api::GetType type) {
    api::GetRequest request;
    request.set_tid(9);
    request.set_pid(0);
    request.set_key(key);
    request.set_ts(ts);
    request.set_type(type);
    return cluster_.Call<api::GetResponse>('B', "Get", request);
  }
  api::TableStatus Status(char name) {
    api::GetTableStatusRequest request;
    request.set_tid(9);
    return cluster_.Call<api::GetTableStatusResponse>(name, "GetTableStatus", request)
        .all_table_status(0);
  }

  TabletCluster cluster_;
};

TEST_F(TabletRows, SortsByTheIndexsTimeColumnOnEveryReplica) {
  ASSERT_EQ(Put("a", 1000, 1), 0);
  ASSERT_EQ(Put("a", 3000, 3), 0);
  ASSERT_EQ(Put("a", 2000, 2), 0);
  cluster_.RunFor(absl::Seconds(2));
  EXPECT_EQ(Get("a", 0, api::kSubKeyEq).ts(), 3000);
  EXPECT_EQ(Get("a", 2000, api::kSubKeyEq).value(), EncodeRow("a", 2000, 2));
  EXPECT_EQ(Get("a", 2500, api::kSubKeyLe).ts(), 2000);
  EXPECT_EQ(Get("a", 2500, api::kSubKeyEq).code(), kKeyNotFound);
  EXPECT_EQ(Get("b", 0, api::kSubKeyEq).code(), kKeyNotFound);
}

TEST_F(TabletRows, ScanGivesNewestFirstInPairsOrBareInTheAttachment) {
  for (int64_t ts : {1, 2, 3, 4}) ASSERT_EQ(Put("a", ts * 1000, ts), 0);
  auto request = std::make_unique<api::ScanRequest>();
  request->set_tid(9);
  request->set_pid(0);
  request->set_pk("a");
  request->set_st(3000);
  request->set_et(1000);
  auto pairs = cluster_.Call<api::ScanResponse>('A', "Scan", *request);
  EXPECT_EQ(pairs.count(), 2);
  std::string first = EncodeRow("a", 3000, 3);
  uint32_t size;
  uint64_t ts;
  std::memcpy(&size, pairs.pairs().data(), 4);
  std::memcpy(&ts, pairs.pairs().data() + 4, 8);
  EXPECT_EQ(size, 8 + first.size());
  EXPECT_EQ(ts, 3000);
  EXPECT_EQ(pairs.pairs().substr(12, first.size()), first);

  request->set_use_attachment(true);
  Reply reply;
  cluster_.process('A').server().dispatcher().Handle(
      "openmldb.api.TabletServer/Scan", std::move(request),
      [&](absl::StatusOr<Reply> answer) { reply = *std::move(answer); });
  EXPECT_EQ(reply.attachment, first + EncodeRow("a", 2000, 2));
  EXPECT_EQ(static_cast<api::ScanResponse&>(*reply.message).buf_size(), reply.attachment.size());
}

TEST_F(TabletRows, TraverseGoesOnWhereItEndedAlsoWithinEqualTimes) {
  for (int64_t v = 0; v < 7; ++v) ASSERT_EQ(Put("same", 1000, v), 0);
  ASSERT_EQ(Put("z", 1, 99), 0);
  api::TraverseRequest request;
  request.set_tid(9);
  request.set_pid(0);
  request.set_limit(3);
  int rows = 0;
  for (int calls = 1;; ++calls) {
    ASSERT_LT(calls, 10);
    auto response = cluster_.Call<api::TraverseResponse>('A', "Traverse", request);
    rows += static_cast<int>(response.count());
    if (response.is_finish()) break;
    request.set_pk(response.pk());
    request.set_ts(response.ts());
    request.set_ts_pos(response.ts_pos());
  }
  EXPECT_EQ(rows, 8);
}

TEST_F(TabletRows, TheSdksDeleteAfterARefusedPutTakesThatTimeOnly) {
  ASSERT_EQ(Put("a", 1000, 1), 0);
  ASSERT_EQ(Put("a", 2000, 2), 0);
  ASSERT_EQ(Put("a", 999, 3), 0);
  api::DeleteRequest request;
  request.set_tid(9);
  request.set_pid(0);
  request.add_dimensions()->set_key("a");
  request.mutable_dimensions(0)->set_idx(0);
  request.set_ts(1000);
  request.set_end_ts(999);
  request.set_enable_decode_value(false);
  uint64_t before = Status('A').offset();
  EXPECT_EQ(cluster_.Call<api::GeneralResponse>('A', "Delete", request).code(), 0);
  EXPECT_EQ(Status('A').offset(), before + 1);  // a log entry even when nothing matches
  EXPECT_EQ(cluster_.Call<api::GeneralResponse>('A', "Delete", request).code(), 0);
  cluster_.RunFor(absl::Seconds(2));
  EXPECT_EQ(Status('B').offset(), before + 2);
  for (char name : {'A', 'B'}) {
    EXPECT_EQ(Count(name, "by_k", "a"), 2u);
    EXPECT_EQ(Count(name, "by_v", "1"), 1u);  // not decoded: the other index keeps it
  }
}

TEST_F(TabletRows, DeleteFromAKeyReachesTheOtherIndexes) {
  ASSERT_EQ(Put("a", 1000, 1), 0);
  ASSERT_EQ(Put("a", 2000, 2), 0);
  ASSERT_EQ(Put("b", 2000, 2), 0);
  api::DeleteRequest request;
  request.set_tid(9);
  request.set_pid(0);
  request.add_dimensions()->set_key("a");
  request.mutable_dimensions(0)->set_idx(0);
  EXPECT_EQ(cluster_.Call<api::GeneralResponse>('A', "Delete", request).code(), 0);
  cluster_.RunFor(absl::Seconds(2));
  for (char name : {'A', 'B'}) {
    EXPECT_EQ(Count(name, "by_k", "a"), 0u);
    EXPECT_EQ(Count(name, "by_v", "1"), 0u);
    EXPECT_EQ(Status(name).record_cnt(), 1);
  }
}

TEST_F(TabletRows, RefusesWhatTheServersRefuse) {
  auto code = [&](const api::PutRequest& request, char name = 'A') {
    return cluster_.Call<api::PutResponse>(name, "Put", request).code();
  };
  api::PutRequest request = PutOf("a", 1, 1);
  EXPECT_EQ(code(request, 'B'), kTableIsFollower);
  request.set_pid(5);
  EXPECT_EQ(code(request), kTableIsNotExist);
  request = PutOf("a", 1, 1);
  request.mutable_dimensions(1)->set_idx(2);
  EXPECT_EQ(code(request), kInvalidDimension);
  request = PutOf("", 1, 1);
  EXPECT_EQ(code(request), kInvalidDimension);
  request = PutOf("a", 1, 1);
  request.set_value("short");
  EXPECT_EQ(code(request), kPutFailed);
  request.set_value(EncodeRow("a", std::nullopt, 1));
  EXPECT_EQ(code(request), kPutFailed);
  EXPECT_EQ(Status('A').offset(), 0);
  EXPECT_EQ(cluster_.Call<api::QueryResponse>('A', "Query", api::QueryRequest()).code(), -1);
}

TEST_F(TabletRows, PutIfAbsentIsAcknowledgedWithoutASecondRow) {
  api::PutRequest request = PutOf("a", 1000, 1);
  request.set_put_if_absent(true);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(cluster_.Call<api::PutResponse>('A', "Put", request).code(), 0);
  }
  EXPECT_EQ(Status('A').record_cnt(), 1);
}

TEST_F(TabletRows, StatusCountsRowsByIndexAndSegment) {
  for (int64_t i = 0; i < 40; ++i) ASSERT_EQ(Put("k" + std::to_string(i), 1, i), 0);
  api::TableStatus status = Status('A');
  EXPECT_EQ(status.record_cnt(), 40);
  EXPECT_EQ(status.idx_cnt(), 80);
  EXPECT_EQ(status.record_pk_cnt(), 80);
  ASSERT_EQ(status.ts_idx_status_size(), 2);
  EXPECT_EQ(status.ts_idx_status(0).idx_name(), "by_k");
  EXPECT_EQ(status.ts_idx_status(0).seg_cnts_size(), 8);
  uint64_t sum = 0;
  for (uint64_t count : status.ts_idx_status(0).seg_cnts()) sum += count;
  EXPECT_EQ(sum, 40u);
}

TEST_F(TabletRows, AFullDiskRefusesTheWriteAndKeepsTheOffset) {
  ASSERT_EQ(Put("a", 1, 1), 0);
  cluster_.process('A').disk().FailChanges(absl::ResourceExhaustedError("no space left"));
  EXPECT_EQ(Put("b", 1, 1), kPutFailed);
  EXPECT_EQ(Status('A').offset(), 1);
  cluster_.process('A').disk().FailChanges(absl::OkStatus());
  EXPECT_EQ(Put("c", 1, 1), 0);
  EXPECT_EQ(Status('A').offset(), 2);
}

}  // namespace
}  // namespace omdb::simulator
