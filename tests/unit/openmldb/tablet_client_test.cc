#include "operator/openmldb/tablet_client.h"

#include <gmock/gmock.h>

#include "absl/synchronization/barrier.h"
#include "tests/unit/openmldb/fixture.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

namespace api = openmldb::api;

class TabletClientTest : public ClientTest {
 protected:
  TabletClientTest() {
    EXPECT_TRUE(server_.started());
    AddTablet("tablet-0", server_.address());
  }

  FakeTablet tablet_;
  LoopbackServer server_{tablet_};
};

TEST_F(TabletClientTest, EveryCallCarriesTheCredential) {
  EXPECT_TRUE(tablets_.SetMode("tablet-0", true).ok());
  EXPECT_TRUE(tablets_.GetTableStatus({"tablet-0"})[0].ok());
  EXPECT_THAT(tablet_.log.calls(), ElementsAre("SetMode sdefault", "GetTableStatus sdefault"));
}

TEST_F(TabletClientTest, AsksForOnePartitionByItsNumbers) {
  tablet_.on_GetTableStatus = [](const api::GetTableStatusRequest& request,
                                 api::GetTableStatusResponse* reply) {
    EXPECT_EQ(request.ShortDebugString(), "tid: 7 pid: 3");
    api::TableStatus& status = *reply->add_all_table_status();
    status.set_tid(7);
    status.set_pid(3);
    status.set_offset(1234);
    return grpc::Status::OK;
  };
  const auto statuses = tablets_.GetReplicaStatus({{partition_, "tablet-0"}});
  ASSERT_EQ(statuses.size(), 1u);
  EXPECT_EQ(statuses[0]->offset, 1234u);
}

TEST_F(TabletClientTest, APartitionThatIsNotLoadedIsNotFound) {
  const absl::Status status = tablets_.GetReplicaStatus({{partition_, "tablet-0"}})[0].status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(status.message(), HasSubstr("demo.orders/3 (tid 7)"));
  EXPECT_THAT(status.message(), HasSubstr("tablet-0"));
}

TEST_F(TabletClientTest, BatchCallsRunAtTheSameTime) {
  constexpr int kCalls = 8;
  absl::Mutex mutex;
  int arrived = 0;
  tablet_.on_LoadTable = [&](const api::LoadTableRequest&, api::GeneralResponse*) {
    absl::MutexLock lock(&mutex);
    ++arrived;
    const auto all = [&arrived] { return arrived == kCalls; };
    const bool together = mutex.AwaitWithTimeout(absl::Condition(&all), absl::Milliseconds(300));
    return together ? grpc::Status::OK : grpc::Status(grpc::StatusCode::ABORTED, "alone");
  };
  for (const absl::Status& status :
       tablets_.LoadTable("tablet-0", std::vector<LoadRequest>(kCalls))) {
    EXPECT_TRUE(status.ok()) << status;
  }
}

TEST_F(TabletClientTest, DemotesAllAtTheSameTimeAndMakesOneLead) {
  std::vector<std::string> requests;
  absl::Mutex mutex;
  tablet_.on_ChangeRole = [&](const api::ChangeRoleRequest& request,
                              api::ChangeRoleResponse* reply) {
    absl::MutexLock lock(&mutex);
    requests.push_back(request.ShortDebugString());
    const auto both = [&requests] { return requests.size() >= 2; };
    mutex.AwaitWithTimeout(absl::Condition(&both), absl::Milliseconds(300));
    reply->set_code(request.pid() == 4 ? 100 : 0);
    return both() ? grpc::Status::OK : grpc::Status(grpc::StatusCode::ABORTED, "alone");
  };
  PartitionId other = partition_;
  other.pid = 4;
  const auto answers = tablets_.Demote({partition_, other}, "tablet-0");
  EXPECT_TRUE(answers[0].ok()) << answers[0];
  EXPECT_EQ(CodeOf(answers[1]), 100);
  EXPECT_THAT(requests, UnorderedElementsAre("tid: 7 pid: 3 mode: kTableFollower",
                                             "tid: 7 pid: 4 mode: kTableFollower"));
  EXPECT_TRUE(tablets_.Lead(partition_, "tablet-0", 9, {"tablet-1"}).ok());
  EXPECT_EQ(requests.back(), "tid: 7 pid: 3 term: 9 mode: kTableLeader replicas: \"tablet-1\"");
}

TEST_F(TabletClientTest, AnswersStayInTheOrderOfTheRequests) {
  // More than run at once, and each takes another time.
  std::vector<LoadRequest> requests(200);
  for (size_t i = 0; i < requests.size(); ++i) requests[i].partition.pid = i;
  tablet_.on_LoadTable = [](const api::LoadTableRequest& request, api::GeneralResponse* reply) {
    const int pid = request.table_meta().pid();
    absl::SleepFor(absl::Milliseconds(pid % 7));
    reply->set_code(1000 + pid);
    return grpc::Status::OK;
  };
  const std::vector<absl::Status> results = tablets_.LoadTable("tablet-0", requests);
  ASSERT_EQ(results.size(), requests.size());
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(CodeOf(results[i]), static_cast<int>(1000 + i)) << results[i];
  }
}

TEST_F(TabletClientTest, OneDeadTabletDoesNotSpoilTheBatch) {
  AddTablet("tablet-1", ClosedAddress());
  const auto statuses = tablets_.GetTableStatus({"tablet-1", "tablet-0"});
  ASSERT_EQ(statuses.size(), 2u);
  EXPECT_TRUE(absl::IsUnavailable(statuses[0].status())) << statuses[0].status();
  EXPECT_THAT(statuses[0].status().message(), HasSubstr("tablet-1"));
  EXPECT_TRUE(statuses[1].ok()) << statuses[1].status();
}

TEST_F(TabletClientTest, AReplicaThatExistsIsAdded) {
  tablet_.on_AddReplica = [](const api::ReplicaRequest& request, api::AddReplicaResponse* reply) {
    EXPECT_EQ(request.ShortDebugString(), "tid: 7 pid: 3 endpoint: \"tablet-5\"");
    reply->set_code(119);
    return grpc::Status::OK;
  };
  EXPECT_TRUE(tablets_.AddReplica({partition_}, {"tablet-0"}, "tablet-5")[0].ok());
  tablet_.on_AddReplica = [](const api::ReplicaRequest&, api::AddReplicaResponse* reply) {
    reply->set_code(103);
    return grpc::Status::OK;
  };
  EXPECT_EQ(CodeOf(tablets_.AddReplica({partition_}, {"tablet-0"}, "tablet-5")[0]), 103);
}

TEST_F(TabletClientTest, ALeaderWithoutFollowersHasAnEmptyList) {
  tablet_.on_GetTableFollower = [](const api::GetTableFollowerRequest&,
                                   api::GetTableFollowerResponse* reply) {
    reply->set_code(134);
    return grpc::Status::OK;
  };
  EXPECT_THAT(*tablets_.GetTableFollower(partition_, "tablet-0"), IsEmpty());
}

TEST_F(TabletClientTest, ACodeIsAnErrorThatNamesCallPartitionAndTablet) {
  tablet_.on_GetTableFollower = [](const api::GetTableFollowerRequest&,
                                   api::GetTableFollowerResponse* reply) {
    reply->set_code(103);
    reply->set_msg("table is follower");
    return grpc::Status::OK;
  };
  const absl::Status status = tablets_.GetTableFollower(partition_, "tablet-0").status();
  EXPECT_EQ(CodeOf(status), 103);
  EXPECT_EQ(status.message(), "GetTableFollower of demo.orders/3 (tid 7) at tablet tablet-0 (" +
                                  server_.address() +
                                  "): OpenMLDB answered code 103 (table is follower)");
}

TEST_F(TabletClientTest, FollowsATabletToItsNewAddress) {
  EXPECT_TRUE(tablets_.SetMode("tablet-0", false).ok());
  FakeTablet moved;
  LoopbackServer elsewhere(moved);
  AddTablet("tablet-0", elsewhere.address());
  absl::SleepFor(options_.address_ttl);
  EXPECT_TRUE(tablets_.SetMode("tablet-0", false).ok());
  EXPECT_THAT(moved.log.calls(), ElementsAre("SetMode sdefault"));
}

}  // namespace
}  // namespace omdb
