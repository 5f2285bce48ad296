#include "controllers/observe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/objects/objects.h"
#include "tests/unit/controllers/fake_kubernetes.h"
#include "tests/unit/controllers/fake_openmldb.h"
#include "tests/unit/controllers/whole_cluster.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Observing : public testing::Test {
 protected:
  Observing() { openmldb.With(0, {"a", "b"}); }

  Snapshot Look() {
    const auto snapshot = Observe(kubernetes, openmldb, clock, cluster, versions);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return *snapshot;
  }
  void Store(Component component) {
    DesiredObject desired = DesiredWorkload(cluster, component, "0.9.1");
    kubernetes.Put(desired.type, desired.object);
  }
  // The pod of a component that is ready at 10.0.0.1.
  Json& PutPod(Component component) {
    const std::string name = WorkloadName(cluster, component) + "-0";
    kubernetes.Put(
        types::Pod(),
        {{"metadata",
          {{"name", name},
           {"namespace", "ns"},
           {"uid", "u"},
           {"labels", ComponentLabels(cluster, component)}}},
         {"status",
          {{"podIP", "10.0.0.1"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    return kubernetes.At(types::Pod(), {"ns", name});
  }

  FakeClock clock;
  FakeKubernetes kubernetes;
  FakeOpenMldb openmldb{clock};
  Cluster cluster = WholeCluster().seen.cluster;
  VersionCache versions;
};

TEST_F(Observing, ReadsTheWholeDatabase) {
  openmldb.nameservers = {"ns-1", "ns-0"};
  openmldb.ops = {{3, "kAddReplicaOP", OpState::kDone, "-", "db", "t", 0}};
  openmldb.auto_failover = true;
  openmldb.task_manager = "10.0.0.9:9902";
  openmldb.jobs = {{7, "ImportOnlineData", "RUNNING", absl::UnixEpoch()}};
  const auto database = ReadDatabase(openmldb, /*with_jobs=*/true);
  ASSERT_TRUE(database.ok());
  EXPECT_THAT(database->nameservers, ElementsAre("ns-1", "ns-0"));
  EXPECT_THAT(database->registered_tablets, ElementsAre("a", "b"));
  EXPECT_EQ(database->tablets, openmldb.tablets);
  EXPECT_EQ(database->tables, openmldb.tables);
  EXPECT_EQ(database->ops, openmldb.ops);
  EXPECT_TRUE(database->auto_failover);
  EXPECT_EQ(database->Status("a", FakeOpenMldb::Id(0))->mode, TableMode::kLeader);
  EXPECT_EQ(database->Status("b", FakeOpenMldb::Id(0))->offset, 100u);
  EXPECT_EQ(database->unfinished_jobs.size(), 1u);
  EXPECT_TRUE(database->task_manager_status.ok());
}

TEST_F(Observing, ReadsNoDatabaseInPart) {
  for (const std::string call : {"Nameservers", "RegisteredTablets", "ShowTablet", "ShowTable",
                                 "ShowOpStatus", "GetAutoFailover"}) {
    openmldb.On(call, Refused(kAway));
    EXPECT_EQ(ReadDatabase(openmldb, true).status(), kAway) << call;
  }
}

TEST_F(Observing, LeavesOutATabletThatDoesNotAnswer) {
  openmldb.On("GetTableStatus b", Refused(kAway));
  const auto database = ReadDatabase(openmldb, false);
  ASSERT_TRUE(database.ok());
  EXPECT_TRUE(database->Answered("a"));
  EXPECT_FALSE(database->Answered("b"));
  EXPECT_EQ(database->Status("b", FakeOpenMldb::Id(0)), nullptr);
}

TEST_F(Observing, AnEmptyTabletHasAnswered) {
  openmldb.loaded["b"].clear();
  const auto database = ReadDatabase(openmldb, false);
  ASSERT_TRUE(database.ok());
  EXPECT_TRUE(database->Answered("b"));
  EXPECT_EQ(database->Status("b", FakeOpenMldb::Id(0)), nullptr);
}

class LookingClosely : public Observing {
 protected:
  Database::CloseLook LookAt(Database database) {
    LookClosely(openmldb, database);
    return *database.closely;
  }
  Database Read() { return ReadDatabase(openmldb, false).value(); }

  const std::string kName = ToString(FakeOpenMldb::Id(0));
};

TEST_F(LookingClosely, SeesFollowersAndTerms) {
  const auto closely = LookAt(Read());
  EXPECT_THAT(closely.followers.at(kName), ElementsAre("b"));
  EXPECT_EQ(closely.terms.at(kName).at("a"), openmldb.Replica("a").term);
  EXPECT_EQ(closely.terms.at(kName).count("b"), 1u);
}

TEST_F(LookingClosely, ListsNoFollowerThatLacksWhatItsLeaderHasSent) {
  Database read = Read();
  read.loaded["b"].begin()->second.offset = 50;
  EXPECT_THAT(LookAt(read).followers.at(kName), ElementsAre("b")) << "it has got it since";
  openmldb.On("GetReplicaStatus b", Then([this] { openmldb.Replica("b").offset = 60; }));
  EXPECT_THAT(LookAt(read).followers.at(kName), IsEmpty());
  openmldb.On("GetReplicaStatus b", Refused(kAway));
  EXPECT_THAT(LookAt(read).followers.at(kName), ElementsAre("b")) << "nobody knows";
}

TEST_F(LookingClosely, ListsNoFollowerThatItsLeaderHasNotReached) {
  Database read = Read();
  openmldb.Replica("a").offset = 0;  // all that it believes of a follower
  EXPECT_THAT(LookAt(read).followers.at(kName), IsEmpty());
  read.loaded["a"].begin()->second.offset = 0;
  EXPECT_THAT(LookAt(read).followers.at(kName), ElementsAre("b")) << "there is nothing to send";
}

TEST_F(LookingClosely, LeavesOutWhatDoesNotAnswer) {
  openmldb.On("GetTableFollower", Refused(kAway));
  openmldb.On("GetTermPair b", Refused(kAway));
  const auto closely = LookAt(Read());
  EXPECT_EQ(closely.followers.count(kName), 0u);
  EXPECT_EQ(closely.terms.at(kName).count("b"), 0u);
}

TEST_F(LookingClosely, AsksNoMoreWhatHasStoppedAnswering) {
  openmldb.With(1, {"a", "b"});
  int asked = 0;
  openmldb.Always("GetTermPair a", Then([&asked] { ++asked; }));
  openmldb.On("GetTermPair a", Refused(kAway));
  const auto closely = LookAt(Read());
  EXPECT_EQ(asked, 0) << "and it would lead the other one";
  EXPECT_THAT(closely.followers, IsEmpty());
}

TEST_F(LookingClosely, LeavesOutWhatIsNotLoadedAnyMore) {
  const Database read = Read();
  openmldb.loaded["b"].clear();
  EXPECT_EQ(LookAt(read).terms.at(kName).count("b"), 0u);
}

TEST_F(LookingClosely, AsksNoLeaderThatHasNotLoadedThePartition) {
  Database read = Read();
  read.loaded["a"].clear();
  const auto closely = LookAt(read);
  EXPECT_EQ(closely.followers.count(kName), 0u);
  EXPECT_EQ(closely.terms.at(kName).count("a"), 0u);
}

TEST_F(Observing, ReadsThePreflightPodAsWhatItIs) {
  Json pod = PutPod(Component::kTablet);
  pod["metadata"]["name"] = "c-preflight";
  pod["metadata"]["labels"]["app.kubernetes.io/component"] = kPreflight;
  kubernetes.Put(types::Pod(), pod);
  const Snapshot seen = Look();
  EXPECT_EQ(seen.pods.size(), 1u);
  EXPECT_EQ(seen.preflight->name, "c-preflight");
}

TEST_F(LookingClosely, SeesTheTermsOfAPartitionWithoutALeader) {
  openmldb.Meta().replicas[0].is_alive = false;
  const auto closely = LookAt(Read());
  EXPECT_EQ(closely.followers.count(kName), 0u);
  EXPECT_EQ(closely.terms.at(kName).size(), 2u);
}

TEST_F(Observing, AsksNoTaskManagerWhereThereIsNone) {
  EXPECT_TRUE(ReadDatabase(openmldb, true)->task_manager_status.ok());
  openmldb.On("ActiveTaskManager", Refused(kAway));
  EXPECT_TRUE(ReadDatabase(openmldb, false)->task_manager_status.ok());
}

TEST_F(Observing, SaysWhyJobsAreNotKnown) {
  openmldb.On("ActiveTaskManager", Refused(kAway));
  EXPECT_EQ(ReadDatabase(openmldb, true)->task_manager_status, kAway);
  openmldb.task_manager = "10.0.0.9:9902";
  openmldb.On("UnfinishedJobs", Refused(kAway));
  EXPECT_EQ(ReadDatabase(openmldb, true)->task_manager_status, kAway);
}

TEST_F(Observing, LooksForNoDatabaseBeforeThereAreNameservers) {
  Store(Component::kTablet);
  const Snapshot seen = Look();
  EXPECT_EQ(seen.workloads.size(), 1u);
  EXPECT_FALSE(seen.database.has_value());
  EXPECT_TRUE(absl::IsUnavailable(seen.database_status));
}

TEST_F(Observing, ReadsEveryObjectOfTheClusterAndNoOther) {
  for (Component component : {Component::kNameserver, Component::kTablet, Component::kApiServer}) {
    Store(component);
    for (const DesiredObject& desired : SupportingObjects(cluster, component, false))
      kubernetes.Put(desired.type, desired.object);
  }
  PutPod(Component::kTablet);
  PutPod(Component::kApiServer);
  Json foreign = PutPod(Component::kTablet);
  foreign["metadata"]["name"] = "d-tablet-0";
  foreign["metadata"]["labels"]["app.kubernetes.io/instance"] = "d";
  kubernetes.Put(types::Pod(), foreign);
  Json unknown = DesiredWorkload(cluster, Component::kTablet, "0.9.1").object;
  unknown["metadata"]["name"] = "c-dashboard";
  unknown["metadata"]["labels"]["app.kubernetes.io/component"] = "dashboard";
  kubernetes.Put(types::StatefulSet(), unknown);

  const absl::Time begin = clock.Now();
  const Snapshot seen = Look();
  EXPECT_EQ(seen.now, begin);
  EXPECT_EQ(seen.workloads.size(), 3u);
  EXPECT_EQ(seen.workloads.at(Component::kApiServer).version, "0.9.1");
  EXPECT_EQ(seen.object_hashes.size(), 6u);
  ASSERT_EQ(seen.pods.size(), 2u);
  EXPECT_EQ(seen.pods[0].name, "c-apiserver-0");
  EXPECT_EQ(seen.pods[1].name, "c-tablet-0");
  EXPECT_TRUE(seen.database.has_value());
}

TEST_F(Observing, FailsWhereKubernetesCannotBeRead) {
  for (const std::string kind :
       {"StatefulSet", "Deployment", "Service", "PodDisruptionBudget", "Pod"}) {
    kubernetes.before = [&](const std::string& call) {
      return call == "list " + kind ? kAway : absl::OkStatus();
    };
    EXPECT_EQ(Observe(kubernetes, openmldb, clock, cluster, versions).status(), kAway) << kind;
  }
}

TEST_F(Observing, SaysWhyThereIsNoDatabase) {
  Store(Component::kNameserver);
  openmldb.On("ShowTablet", Refused(kAway));
  const Snapshot seen = Look();
  EXPECT_FALSE(seen.database.has_value());
  EXPECT_EQ(seen.database_status, kAway);
}

TEST_F(Observing, AsksEachServerForItsVersionOnce) {
  PutPod(Component::kTablet);
  openmldb.versions["10.0.0.1:10921"] = "0.9.1-5ca1ab1e";
  EXPECT_EQ(Look().pods[0].reported_version, "0.9.1-5ca1ab1e");
  openmldb.versions["10.0.0.1:10921"] = "0.9.9";
  EXPECT_EQ(Look().pods[0].reported_version, "0.9.1-5ca1ab1e");
}

TEST_F(Observing, AsksAgainAfterAContainerRestarted) {
  Json& pod = PutPod(Component::kTablet);
  openmldb.versions["10.0.0.1:10921"] = "0.9.1";
  Look();
  openmldb.versions["10.0.0.1:10921"] = "0.9.2";
  pod["status"]["containerStatuses"] = {{{"restartCount", 1}, {"state", {{"running", {}}}}}};
  EXPECT_EQ(Look().pods[0].reported_version, "0.9.2");
  EXPECT_EQ(versions.size(), 1u) << "what is gone is forgotten";
}

TEST_F(Observing, AsksTaskManagersInTheirOwnWay) {
  PutPod(Component::kTaskManager);
  openmldb.versions["10.0.0.1:9902"] = "0.9.1";
  openmldb.Always("Version", Refused(kAway));
  EXPECT_EQ(Look().pods[0].reported_version, "0.9.1");
}

TEST_F(Observing, BelievesNoVersionOfAServerThatIsNotThere) {
  openmldb.versions["10.0.0.1:10921"] = "0.9.1";
  Json& pod = PutPod(Component::kTablet);
  const Json serving = pod;
  pod["status"]["conditions"][0]["status"] = "False";
  EXPECT_THAT(Look().pods[0].reported_version, IsEmpty()) << "not ready";
  pod = serving;
  pod["status"].erase("podIP");
  EXPECT_THAT(Look().pods[0].reported_version, IsEmpty()) << "without an address";
  pod = serving;
  pod["metadata"]["deletionTimestamp"] = "2024-05-01T13:00:00Z";
  EXPECT_THAT(Look().pods[0].reported_version, IsEmpty()) << "on its way out";
  pod = serving;
  openmldb.On("Version", Refused(kAway));
  EXPECT_THAT(Look().pods[0].reported_version, IsEmpty()) << "silent";
}

TEST_F(Observing, TakesNoOtherTextForAVersion) {
  PutPod(Component::kTablet);
  for (const std::string text : {"", "Builtin services of tablet"}) {
    openmldb.versions["10.0.0.1:10921"] = text;
    EXPECT_THAT(Look().pods[0].reported_version, IsEmpty());
  }
}

TEST_F(Observing, AsksNoZooKeeperForAVersion) {
  PutPod(Component::kZooKeeper);
  openmldb.versions["10.0.0.1:2181"] = "3.8";
  EXPECT_THAT(Look().pods[0].reported_version, IsEmpty());
}

TEST(TimeTasks, CountsFromTheFirstSightOfAnOpInItsTask) {
  const absl::Time now = absl::FromUnixSeconds(100);
  std::vector<Op> ops = {{1, "kAddReplicaOP", OpState::kDoing, "kSendSnapshot"},
                         {2, "kAddReplicaOP", OpState::kDone, "-"}};
  TaskTimes times;
  TimeTasks(ops, now, times);
  TimeTasks(ops, now + absl::Seconds(5), times);
  EXPECT_EQ(ops[0].in_task_since, now);
  EXPECT_EQ(ops[1].in_task_since, absl::InfiniteFuture()) << "it is over";
  ops[0].task = "kLoadTable";
  TimeTasks(ops, now + absl::Seconds(7), times);
  EXPECT_EQ(ops[0].in_task_since, now + absl::Seconds(7));
  ops.clear();
  TimeTasks(ops, now + absl::Seconds(9), times);
  EXPECT_TRUE(times.empty());
}

}  // namespace
}  // namespace omdb
