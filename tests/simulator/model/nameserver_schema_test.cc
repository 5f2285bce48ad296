// Databases, tables and what is said about them (F3.3, F3.5).
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {
namespace {

TEST(NameServerSchema, TableIsSpreadOverTabletsAndLeadersToo) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 6, 2), code::kOk);
  std::map<std::string, int> leaders, replicas;
  const nameserver::TableInfo table = cluster.Table("t");
  ASSERT_EQ(table.table_partition_size(), 6);
  for (const auto& partition : table.table_partition()) {
    ASSERT_EQ(partition.partition_meta_size(), 2);
    ASSERT_EQ(partition.term_offset_size(), 1);
    EXPECT_EQ(partition.term_offset(0).term(), 1u);
    for (const auto& meta : partition.partition_meta()) {
      EXPECT_TRUE(meta.is_alive());
      ++replicas[meta.endpoint()];
      if (meta.is_leader()) ++leaders[meta.endpoint()];
    }
  }
  for (const char* tablet : {"t0", "t1", "t2"}) {
    EXPECT_EQ(replicas[tablet], 4);
    EXPECT_EQ(leaders[tablet], 2);
  }
  // An index over the first column, since there was none.
  ASSERT_EQ(table.column_key_size(), 1);
  EXPECT_EQ(table.column_key(0).col_name(0), "k");
  // What SDKs read.
  nameserver::TableInfo stored;
  ASSERT_TRUE(stored.ParseFromString(cluster.world().zookeeper.Value(
      "/openmldb/table/db_table_data/" + std::to_string(table.tid()))));
  EXPECT_EQ(stored.name(), "t");
}

TEST(NameServerSchema, RowsReachTheFollowersAndTheirOffsetsAreShownTwoSecondsLater) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 3), code::kOk);
  const std::string leader = cluster.LeaderOf("t", 0);
  cluster.PutRows(leader, "t", 0, "k", 20);
  EXPECT_TRUE(cluster.RunUntilEqual("t", 0, {"t0", "t1", "t2"}, absl::Seconds(1)));
  cluster.RunFor(absl::Seconds(3));
  const nameserver::TablePartition partition = cluster.Partition("t", 0);
  EXPECT_EQ(partition.partition_meta_size(), 3);
  for (const auto& meta : partition.partition_meta()) {
    EXPECT_EQ(meta.offset(), 20u);
    EXPECT_EQ(meta.record_cnt(), 20u);
    EXPECT_TRUE(meta.tablet_has_partition());
  }
  EXPECT_EQ(partition.record_cnt(), 20u);
}

TEST(NameServerSchema, EachTableChangeRaisesTheNotifyCounter) {
  Cluster cluster;
  cluster.Start();
  const std::string before = cluster.world().zookeeper.Value("/openmldb/table/notify");
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  EXPECT_EQ(std::stoi(cluster.world().zookeeper.Value("/openmldb/table/notify")),
            std::stoi(before) + 1);
}

TEST(NameServerSchema, RefusalsHaveTheirCodes) {
  Cluster cluster;
  cluster.Start();
  EXPECT_EQ(cluster.CreateTable("wide", 1, 4), code::kSetPartitionInfoFailed);
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  EXPECT_EQ(cluster.CreateTable("t", 1, 2), code::kTableExists);

  nameserver::CreateDatabaseRequest create;
  create.set_db(kDb);
  EXPECT_EQ(cluster.Ask("CreateDatabase", create).code(), code::kDatabaseExists);
  create.set_if_not_exists(true);
  EXPECT_EQ(cluster.Ask("CreateDatabase", create).code(), code::kOk);
  nameserver::UseDatabaseRequest use;
  use.set_db("none");
  EXPECT_EQ(cluster.Ask("UseDatabase", use).code(), code::kDatabaseNotFound);
  nameserver::DropDatabaseRequest drop;
  drop.set_db(kDb);
  EXPECT_EQ(cluster.Ask("DropDatabase", drop).code(), code::kDatabaseNotEmpty);
  nameserver::DropTableRequest drop_table;
  drop_table.set_db(kDb);
  drop_table.set_name("none");
  EXPECT_EQ(cluster.Ask("DropTable", drop_table).code(), code::kTableNotExist);
  drop_table.set_name("t");
  EXPECT_EQ(cluster.Ask("DropTable", drop_table).code(), code::kOk);
  EXPECT_EQ(cluster.Ask("DropDatabase", drop).code(), code::kOk);
  auto shown =
      cluster.Ask<nameserver::ShowDatabaseResponse>("ShowDatabase", nameserver::GeneralRequest());
  EXPECT_EQ(shown.db_size(), 0);  // the internal ones are hidden
}

TEST(NameServerSchema, DroppingLeavesReplicasThatAreNotAlive) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  const std::string leader = cluster.LeaderOf("t", 0);
  const std::string follower = cluster.FollowersOf("t", 0).at(0);
  ASSERT_EQ(cluster.ChangeLeader("t", 0, follower), code::kOk);
  ASSERT_TRUE(cluster.RunUntilOpsDone(absl::Seconds(1)));
  api::GetTableStatusRequest status;
  status.set_tid(cluster.Table("t").tid());
  nameserver::DropTableRequest drop;
  drop.set_db(kDb);
  drop.set_name("t");
  ASSERT_EQ(cluster.Ask("DropTable", drop).code(), code::kOk);
  cluster.RunFor(absl::Seconds(1));
  auto at_old = cluster.AskTablet<api::GetTableStatusResponse>(leader, "GetTableStatus", status);
  ASSERT_EQ(at_old.all_table_status_size(), 1);
  EXPECT_EQ(at_old.all_table_status(0).mode(), api::kTableLeader);
  auto at_new = cluster.AskTablet<api::GetTableStatusResponse>(follower, "GetTableStatus", status);
  EXPECT_EQ(at_new.all_table_status_size(), 0);
}

TEST(NameServerSchema, ShowTableFiltersByNameEvenWhenEmpty) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  nameserver::ShowTableRequest request;
  request.set_show_all(true);
  auto all = cluster.Ask<nameserver::ShowTableResponse>("ShowTable", request);
  EXPECT_EQ(all.table_info_size(), 6);
  request.set_name("");
  EXPECT_EQ(cluster.Ask<nameserver::ShowTableResponse>("ShowTable", request).table_info_size(), 0);
}

TEST(NameServerSchema, PartitionEntryIsReplacedUncheckedAndUnannounced) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  nameserver::SetTablePartitionRequest request;
  request.set_db(kDb);
  request.set_name("t");
  *request.mutable_table_partition() = cluster.Partition("t", 0);
  request.mutable_table_partition()->mutable_partition_meta(0)->set_is_alive(false);
  const std::string notify = cluster.world().zookeeper.Value("/openmldb/table/notify");
  ASSERT_EQ(cluster.SetAutoFailover(true), code::kOk);
  EXPECT_EQ(cluster.Ask("SetTablePartition", request).code(), code::kAutoFailoverEnabled);
  ASSERT_EQ(cluster.SetAutoFailover(false), code::kOk);
  EXPECT_EQ(cluster.Ask("SetTablePartition", request).code(), code::kOk);
  EXPECT_FALSE(cluster.Partition("t", 0).partition_meta(0).is_alive());
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/table/notify"), notify);
  // It survives the nameserver.
  cluster.ns(0).Kill();
  ASSERT_TRUE(cluster.AwaitLeader(absl::Seconds(20)));
  EXPECT_FALSE(cluster.Partition("t", 0).partition_meta(0).is_alive());
}

TEST(NameServerSchema, WhatAnSdkAsksFirstIsAnswered) {
  Cluster cluster;
  cluster.Start();
  EXPECT_EQ(
      cluster
          .Ask<nameserver::ShowFunctionResponse>("ShowFunction", nameserver::ShowFunctionRequest())
          .code(),
      code::kOk);
  EXPECT_EQ(
      cluster.Ask<api::ShowProcedureResponse>("ShowProcedure", api::ShowProcedureRequest()).code(),
      code::kOk);
  // And what it reads without asking (F2).
  for (const char* path : {"/table/notify", "/table/db_table_data", "/map/names", "/data/function",
                           "/store_procedure/db_sp_data", "/notify/global_variable", "/db/db"}) {
    EXPECT_TRUE(cluster.world().zookeeper.Exists(absl::StrCat("/openmldb", path))) << path;
  }
  const std::vector<std::string> queue = cluster.world().zookeeper.Children("/openmldb/leader");
  EXPECT_EQ(cluster.world().zookeeper.Value("/openmldb/leader/" + queue.at(0)), "ns0");
}

TEST(NameServerSchema, CatalogVersionsOfAllTabletsAreShown) {
  Cluster cluster;
  cluster.Start();
  ASSERT_EQ(cluster.CreateTable("t", 1, 2), code::kOk);
  cluster.RunFor(absl::Seconds(1));
  auto shown =
      cluster.Ask<nameserver::ShowCatalogResponse>("ShowCatalog", nameserver::ShowCatalogRequest());
  ASSERT_EQ(shown.catalog_size(), 3);
  EXPECT_EQ(std::to_string(shown.catalog(0).version()),
            cluster.world().zookeeper.Value("/openmldb/table/notify"));
}

}  // namespace
}  // namespace omdb::simulator
