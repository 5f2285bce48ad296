// Loading, dropping, snapshots and their transfer (F5.6, F5.7, F5.9).
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/simulator/model/tablet_codes.h"
#include "tests/simulator/model/tablet_testing.h"

namespace omdb::simulator {
namespace {

constexpr uint32_t kTid = TabletCluster::kTid;

int Snapshot(TabletCluster& cluster, char name, const std::string& method, uint64_t offset = 0) {
  api::GeneralRequest request;
  request.set_tid(kTid);
  request.set_pid(0);
  if (offset > 0) request.set_offset(offset);
  return cluster.Call<api::GeneralResponse>(name, method, request).code();
}

api::Manifest ManifestOf(TabletCluster& cluster, char name) {
  api::GetManifestRequest request;
  request.set_tid(kTid);
  request.set_pid(0);
  return cluster.Call<api::GetManifestResponse>(name, "GetManifest", request).manifest();
}

int SendSnapshot(TabletCluster& cluster, char from, char to, uint64_t op_id = 0) {
  api::SendSnapshotRequest request;
  request.set_tid(kTid);
  request.set_pid(0);
  request.set_endpoint(TabletCluster::NameOf(to));
  if (op_id > 0) {
    api::TaskInfo* task = request.mutable_task_info();
    task->set_op_id(op_id);
    task->set_op_type(api::kAddReplicaOP);
    task->set_task_type(api::kSendSnapshot);
    task->set_status(api::kInited);
  }
  return cluster.Call<api::GeneralResponse>(from, "SendSnapshot", request).code();
}

std::vector<api::TaskInfo> Tasks(TabletCluster& cluster, char name) {
  auto response =
      cluster.Call<api::TaskStatusResponse>(name, "GetTaskStatus", api::TaskStatusRequest());
  return {response.task().begin(), response.task().end()};
}

TEST(TabletLoading, RefusesWhatIsThereOrWasNever) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("AB");
  EXPECT_EQ(cluster.LoadTable('A', api::kTableLeader, 1), kTableAlreadyExists);
  EXPECT_EQ(cluster.LoadTable('A', api::kTableLeader, 1, "", 3), kDbPathIsNotExist);
  api::LoadTableRequest request;
  request.mutable_table_meta()->set_tid(kTid);
  EXPECT_EQ(cluster.Call<api::GeneralResponse>('A', "LoadTable", request).code(),
            kTableMetaIsIllegal);
}

TEST(TabletLoading, TakesTimeByRowsAndRefusesMeanwhile) {
  Options options;
  options.load_rows_per_second = 1000;
  TabletCluster cluster("AB", 1, options);
  cluster.CreatePartition("AB");
  cluster.PutRows('A', "r", 1500);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(5)));
  ASSERT_TRUE(cluster.RestartElsewhere('B').code() == absl::StatusCode::kAlreadyExists);
  cluster.RunFor(absl::Seconds(12));
  ASSERT_TRUE(cluster.process('B').Start().ok());
  absl::Time begin = cluster.world().executor.Now();
  ASSERT_EQ(cluster.LoadTable('B', api::kTableFollower, 1), 0);
  cluster.RunFor(absl::Milliseconds(700));
  EXPECT_EQ(cluster.Status('B').state(), api::kTableLoading);
  EXPECT_EQ(cluster.LoadTable('B', api::kTableFollower, 1), kTableAlreadyExists);
  EXPECT_EQ(cluster.ChangeRole('B', api::kTableLeader, 3), kTableIsLoading);
  EXPECT_EQ(cluster.Fence('B', 5).code(), kTableIsLoading);
  ASSERT_TRUE(cluster.RunUntilLoaded('B', absl::Seconds(3)));
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster.world().executor.Now() - begin), 1.5, 0.05);
  EXPECT_EQ(cluster.Offset('B'), 1500);
}

TEST(TabletLoading, SharesTheMachinesCores) {
  Options options;
  options.load_rows_per_second = 1000;
  TabletCluster cluster("A", 1, options);
  for (uint32_t pid = 0; pid < 4; ++pid) {
    cluster.CreatePartition("A", pid);
    cluster.PutRows('A', "r", 500, pid);
  }
  cluster.process('A').Kill();
  cluster.RunFor(absl::Seconds(12));
  ASSERT_TRUE(cluster.process('A').Start().ok());
  const absl::Time begin = cluster.world().executor.Now();
  for (uint32_t pid = 0; pid < 4; ++pid)
    ASSERT_EQ(cluster.LoadTable('A', api::kTableLeader, 1, "", pid), 0);
  for (uint32_t pid = 0; pid < 4; ++pid)
    ASSERT_TRUE(cluster.RunUntilLoaded('A', absl::Seconds(3), pid));
  EXPECT_NEAR(absl::ToDoubleSeconds(cluster.world().executor.Now() - begin), 1.0, 0.05);
}

TEST(TabletLoading, KeepsTheStaleModeAndTermOfTheFile) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("AB", 0, 7);
  cluster.PutRows('A', "r", 3);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(2)));
  cluster.ChangeLeader("B", 'B', 7);
  ASSERT_EQ(cluster.ChangeRole('A', api::kTableFollower), 0);
  for (char name : {'A', 'B'}) {
    cluster.Call<api::GeneralResponse>(name, "DisConnectZK", api::DisConnectZKRequest());
    ASSERT_TRUE(cluster.process(name).Start().ok());
    api::LoadTableRequest request;
    request.mutable_table_meta()->set_tid(kTid);
    request.mutable_table_meta()->set_pid(0);
    request.mutable_table_meta()->set_name("t");
    ASSERT_EQ(cluster.Call<api::GeneralResponse>(name, "LoadTable", request).code(), 0);
    ASSERT_TRUE(cluster.RunUntilLoaded(name, absl::Seconds(1)));
    EXPECT_EQ(cluster.TermPair(name).offset(), 3);
  }
  // The one demoted since leads again, the one promoted follows (F5.6); a follower takes no term
  // from the file.
  EXPECT_EQ(cluster.TermPair('A').term(), 7);
  EXPECT_EQ(cluster.TermPair('B').term(), 0);
  EXPECT_TRUE(cluster.TermPair('A').is_leader());
  EXPECT_FALSE(cluster.TermPair('B').is_leader());
  auto names = cluster.process('A').disk().List("db/7_0");
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(std::count_if(
                names->begin(), names->end(),
                [](const std::string& name) { return absl::StartsWith(name, "table_meta.txt."); }),
            1);
}

TEST(TabletLoading, AnUnreadableMetaFileIsOverwrittenByTheThinRequest) {
  TabletCluster cluster("A");
  cluster.CreatePartition("A");
  cluster.Call<api::GeneralResponse>('A', "DisConnectZK", api::DisConnectZKRequest());
  ASSERT_TRUE(cluster.process('A').Start().ok());
  ASSERT_TRUE(
      cluster.process('A').disk().Write("db/7_0/table_meta.txt", "field_of_a_newer_one: 1").ok());
  ASSERT_EQ(cluster.LoadTable('A', api::kTableLeader, 1), 0);
  ASSERT_TRUE(cluster.RunUntilLoaded('A', absl::Seconds(1)));
  api::GetTableSchemaRequest request;
  request.set_tid(kTid);
  request.set_pid(0);
  auto schema = cluster.Call<api::GetTableSchemaResponse>('A', "GetTableSchema", request);
  EXPECT_EQ(schema.table_meta().column_desc_size(), 0);
}

TEST(TabletLoading, ReplicaThatIsNotLoadedShowsOnlyItsSnapshot) {
  TabletCluster cluster("A");
  cluster.CreatePartition("A", 0, 4);
  cluster.PutRows('A', "r", 30);
  ASSERT_EQ(Snapshot(cluster, 'A', "MakeSnapshot", 20), 0);
  cluster.RunFor(absl::Seconds(1));
  cluster.Call<api::GeneralResponse>('A', "DisConnectZK", api::DisConnectZKRequest());
  ASSERT_TRUE(cluster.process('A').Start().ok());
  auto pair = cluster.TermPair('A');
  EXPECT_FALSE(pair.has_table());
  EXPECT_EQ(pair.offset(), 20);
  EXPECT_EQ(pair.term(), 4);
  ASSERT_EQ(cluster.LoadTable('A', api::kTableLeader, 4), 0);
  ASSERT_TRUE(cluster.RunUntilLoaded('A', absl::Seconds(1)));
  EXPECT_EQ(cluster.Offset('A'), 30);  // snapshot and binlog
  EXPECT_EQ(cluster.Status('A').record_cnt(), 30);
}

TEST(TabletLoading, DroppedReplicaIsInTheRecycleBin) {
  TabletCluster cluster("A");
  cluster.CreatePartition("A");
  cluster.PutRows('A', "r", 3);
  EXPECT_EQ(cluster.DropTable('A'), 0);
  EXPECT_EQ(cluster.DropTable('A'), kTableIsNotExist);
  EXPECT_FALSE(cluster.process('A').disk().Exists("db/7_0"));
  auto names = cluster.process('A').disk().List("recycle");
  ASSERT_EQ(names->size(), 1u);
  EXPECT_TRUE(absl::StartsWith((*names)[0], "7_0_"));
  EXPECT_TRUE(cluster.process('A').disk().Exists("recycle/" + (*names)[0] + "/binlog"));
  EXPECT_EQ(cluster.LoadTable('A', api::kTableLeader, 1), kDbPathIsNotExist);
}

TEST(TabletLoading, DeletedBinlogLeavesTheSnapshot) {
  TabletCluster cluster("A");
  cluster.CreatePartition("A");
  cluster.PutRows('A', "r", 30);
  ASSERT_EQ(Snapshot(cluster, 'A', "MakeSnapshot", 20), 0);
  cluster.RunFor(absl::Seconds(1));
  cluster.Call<api::GeneralResponse>('A', "DisConnectZK", api::DisConnectZKRequest());
  ASSERT_TRUE(cluster.process('A').Start().ok());
  ASSERT_EQ(Snapshot(cluster, 'A', "DeleteBinlog"), 0);
  ASSERT_EQ(cluster.LoadTable('A', api::kTableLeader, 1), 0);
  ASSERT_TRUE(cluster.RunUntilLoaded('A', absl::Seconds(1)));
  EXPECT_EQ(cluster.Offset('A'), 20);
  cluster.PutRows('A', "new", 1);
  EXPECT_EQ(cluster.Offset('A'), 21);
}

TEST(TabletSnapshot, BelowTheThresholdNothingIsMadeUnlessAnEndIsNamed) {
  Options options;
  options.make_snapshot_threshold_offset = 50;
  TabletCluster cluster("A", 1, options);
  cluster.CreatePartition("A");
  cluster.PutRows('A', "r", 40);
  EXPECT_EQ(Snapshot(cluster, 'A', "MakeSnapshot"), 0);
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(ManifestOf(cluster, 'A').offset(), 0);
  EXPECT_EQ(Snapshot(cluster, 'A', "MakeSnapshot", 35), 0);
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(ManifestOf(cluster, 'A').offset(), 35);
  EXPECT_EQ(ManifestOf(cluster, 'A').count(), 35);
  cluster.PutRows('A', "s", 60);
  EXPECT_EQ(Snapshot(cluster, 'A', "MakeSnapshot"), 0);
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(ManifestOf(cluster, 'A').offset(), 100);
}

TEST(TabletSnapshot, PausesAndRecovers) {
  Options options;
  options.load_rows_per_second = 100;
  TabletCluster cluster("AB", 1, options);
  cluster.CreatePartition("AB");
  cluster.PutRows('A', "r", 100);
  EXPECT_EQ(SendSnapshot(cluster, 'A', 'B'), kTableStatusIsNotPaused);
  EXPECT_EQ(Snapshot(cluster, 'A', "MakeSnapshot", 100), 0);  // one second
  cluster.RunFor(absl::Milliseconds(300));
  EXPECT_EQ(cluster.Status('A').state(), api::kMakingSnapshot);
  EXPECT_EQ(Snapshot(cluster, 'A', "PauseSnapshot"), kTableStatusIsNotNormal);
  EXPECT_EQ(Snapshot(cluster, 'A', "MakeSnapshot", 100), kTableStatusIsNotNormal);
  EXPECT_EQ(cluster.DropTable('A'), kTableStatusIsMakingSnapshot);
  EXPECT_EQ(cluster.Put('A', "meanwhile"), 0);
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(Snapshot(cluster, 'A', "PauseSnapshot"), 0);
  EXPECT_EQ(Snapshot(cluster, 'A', "PauseSnapshot"), 0);
  EXPECT_EQ(cluster.Status('A').state(), api::kSnapshotPaused);
  EXPECT_EQ(Snapshot(cluster, 'A', "MakeSnapshot", 101), kTableStatusIsNotNormal);
  EXPECT_EQ(cluster.Put('A', "paused"), 0);
  EXPECT_EQ(Snapshot(cluster, 'A', "RecoverSnapshot"), 0);
  EXPECT_EQ(Snapshot(cluster, 'A', "RecoverSnapshot"), 0);
  EXPECT_EQ(cluster.Status('A').state(), api::kTableNormal);
}

TEST(TabletSnapshot, SentSnapshotAndBinlogMakeANewReplica) {
  Options options;
  options.stream_bandwidth_limit_bytes = 4000;
  TabletCluster cluster("AB", 1, options);
  cluster.CreatePartition("A");
  cluster.PutRows('A', "r", 200);
  ASSERT_EQ(Snapshot(cluster, 'A', "MakeSnapshot", 150), 0);
  cluster.RunFor(absl::Seconds(1));
  ASSERT_EQ(Snapshot(cluster, 'A', "PauseSnapshot"), 0);
  absl::Time begin = cluster.world().executor.Now();
  ASSERT_EQ(SendSnapshot(cluster, 'A', 'B', 5), 0);
  EXPECT_EQ(SendSnapshot(cluster, 'A', 'B', 5), kGenericError);  // the op has this task here
  EXPECT_EQ(SendSnapshot(cluster, 'A', 'B', 6), kSnapshotIsSending);
  auto done = [&] { return Tasks(cluster, 'A')[0].status() == api::kDone; };
  while (!done() && cluster.world().executor.Now() - begin < absl::Seconds(30)) {
    cluster.RunFor(absl::Milliseconds(100));
  }
  ASSERT_TRUE(done());
  EXPECT_EQ(Tasks(cluster, 'A')[1].status(), api::kFailed);
  // Three files of at least a second each, and about 6 kB at 4 kB a second.
  EXPECT_GT(cluster.world().executor.Now() - begin, absl::Seconds(4));

  ASSERT_EQ(cluster.LoadTable('B', api::kTableFollower, 1), 0);
  ASSERT_TRUE(cluster.RunUntilLoaded('B', absl::Seconds(1)));
  EXPECT_EQ(cluster.Offset('B'), 150);
  ASSERT_EQ(cluster.AddReplica('A', 'B'), 0);
  EXPECT_EQ(cluster.AddReplica('A', 'B'), kReplicaAlreadyExists);
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(3)));
  EXPECT_EQ(cluster.Keys('B'), cluster.Keys('A'));
  EXPECT_EQ(cluster.Status('A').state(), api::kSnapshotPaused);  // nothing un-pauses it

  // To a tablet that has it loaded: three tries, then failed (M5).
  ASSERT_EQ(SendSnapshot(cluster, 'A', 'B', 7), 0);
  cluster.RunFor(absl::Seconds(13));
  EXPECT_EQ(Tasks(cluster, 'A').back().status(), api::kFailed);
}

TEST(TabletSnapshot, FollowerFarBehindIsSentTheBinlogFromDisk) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("A");
  cluster.PutRows('A', "r", 3000);
  ASSERT_EQ(cluster.CreateEmptyFollower('B'), 0);
  ASSERT_EQ(cluster.AddReplica('A', 'B'), 0);
  cluster.RunFor(absl::Milliseconds(2));
  ASSERT_LT(cluster.Offset('B'), 2000);
  cluster.PutRows('A', "meanwhile", 20);  // the file being read grows
  ASSERT_TRUE(cluster.RunUntilEqual("AB", absl::Seconds(3)));
  EXPECT_EQ(cluster.Status('B').record_cnt(), 3020);
  EXPECT_EQ(cluster.Keys('B'), cluster.Keys('A'));
}

TEST(TabletTasks, AreListedUntilDeletedAndForgottenByARestart) {
  TabletCluster cluster("AB");
  cluster.CreatePartition("A");
  api::ReplicaRequest request;
  request.set_tid(kTid);
  request.set_pid(0);
  request.set_endpoint(TabletCluster::NameOf('B'));
  api::TaskInfo* task = request.mutable_task_info();
  task->set_op_id(11);
  task->set_op_type(api::kAddReplicaOP);
  task->set_task_type(api::kAddReplica);
  task->set_status(api::kInited);
  EXPECT_EQ(cluster.Call<api::AddReplicaResponse>('A', "AddReplica", request).code(), 0);
  task->set_op_id(12);
  EXPECT_EQ(cluster.Call<api::AddReplicaResponse>('A', "AddReplica", request).code(),
            kReplicaAlreadyExists);
  ASSERT_EQ(Tasks(cluster, 'A').size(), 2u);
  EXPECT_EQ(Tasks(cluster, 'A')[1].status(), api::kDone);  // though the answer was 119
  task->set_op_id(13);
  request.set_pid(4);
  EXPECT_EQ(cluster.Call<api::AddReplicaResponse>('A', "AddReplica", request).code(),
            kTableIsNotExist);
  EXPECT_EQ(Tasks(cluster, 'A')[2].status(), api::kFailed);

  api::DeleteTaskRequest remove;
  remove.add_op_id(11);
  remove.add_op_id(13);
  EXPECT_EQ(cluster.Call<api::GeneralResponse>('A', "DeleteOPTask", remove).code(), 0);
  ASSERT_EQ(Tasks(cluster, 'A').size(), 1u);
  cluster.Call<api::GeneralResponse>('A', "DisConnectZK", api::DisConnectZKRequest());
  ASSERT_TRUE(cluster.process('A').Start().ok());
  EXPECT_TRUE(Tasks(cluster, 'A').empty());
}

}  // namespace
}  // namespace omdb::simulator
