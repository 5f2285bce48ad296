#include "operator/kube/client.h"

#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operator/monotonic_clock.h"
#include "tests/unit/kube/fake_transport.h"

namespace omdb::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// What a client writes and how it understands the answers; no watch.
class ClientWriteTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeTransport> server_ = std::make_shared<FakeTransport>();
  Client client_{server_, {}};
};

TEST_F(ClientWriteTest, AppliesWithItsFieldManagerAndForce) {
  server_->Add(200, PodObject("a", 7));
  const auto stored = client_.Apply(types::Pod(), PodObject("a", 6));
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(*stored, PodObject("a", 7));
  const HttpRequest& request = server_->requests.at(0);
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.path, "/api/v1/namespaces/db/pods/a?fieldManager=openmldb-operator&force=true");
  EXPECT_EQ(request.content_type, "application/apply-patch+yaml");
  EXPECT_EQ(Json::parse(request.body), PodObject("a", 6));
}

TEST_F(ClientWriteTest, AppliesTheStatusBesideTheObject) {
  server_->Add(200, PodObject("a", 7));
  ASSERT_TRUE(client_.ApplyStatus(types::Pod(), PodObject("a", 6)).ok());
  EXPECT_THAT(server_->requests.at(0).path, HasSubstr("/pods/a/status?"));
}

TEST_F(ClientWriteTest, WritesTextThatIsNoUtf8AsWellAsItCan) {
  server_->Add(200, PodObject("a", 7));
  Json pod = PodObject("a", 6);
  pod["status"]["message"] = "the tablet said \xff";
  ASSERT_TRUE(client_.ApplyStatus(types::Pod(), pod).ok());
  EXPECT_EQ(Json::parse(server_->requests.at(0).body)["status"]["message"],
            "the tablet said \xEF\xBF\xBD");
}

TEST_F(ClientWriteTest, AFailedPreconditionIsAborted) {
  server_->Add(409, StatusObject(409, "Conflict", "the object has been modified"));
  const absl::Status status = client_.Apply(types::Pod(), PodObject("a", 6)).status();
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_THAT(status.message(), AllOf(HasSubstr("apply pods db/a"), HasSubstr("modified")));
}

TEST_F(ClientWriteTest, RefusesAnObjectWithoutAName) {
  EXPECT_TRUE(absl::IsInvalidArgument(client_.Apply(types::Pod(), Json::object()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(client_.Create(types::Pod(), 5).status()));
  EXPECT_THAT(server_->requests, SizeIs(0));
}

TEST_F(ClientWriteTest, DeletesTheObjectWithTheUidAndNoOther) {
  server_->Add(200, StatusObject(200, "", ""));
  ASSERT_TRUE(client_.Delete(types::Pod(), {"db", "a"}, "u1").ok());
  const HttpRequest& request = server_->requests.at(0);
  EXPECT_EQ(request.method, "DELETE");
  EXPECT_EQ(Json::parse(request.body)["preconditions"], (Json{{"uid", "u1"}}));
  server_->Add(409, StatusObject(409, "Conflict", "the UID in the precondition does not match"));
  EXPECT_TRUE(absl::IsAborted(client_.Delete(types::Pod(), {"db", "a"}, "u1")));
}

TEST_F(ClientWriteTest, DeletingWhatIsGoneIsOk) {
  server_->Add(404, StatusObject(404, "NotFound", "m"));
  EXPECT_TRUE(client_.Delete(types::Pod(), {"db", "a"}, "u1").ok());
}

TEST_F(ClientWriteTest, RepeatsADeletionOnlyWithAUid) {
  server_->AddError(absl::UnavailableError("reset"));
  server_->Add(404, StatusObject(404, "NotFound", "m"));
  EXPECT_TRUE(client_.Delete(types::Pod(), {"db", "a"}, "u1").ok());
  server_->AddError(absl::UnavailableError("reset"));
  EXPECT_TRUE(absl::IsUnavailable(client_.Delete(types::Pod(), {"db", "a"}, "")));
  EXPECT_FALSE(Json::parse(server_->requests.back().body).contains("preconditions"));
}

TEST_F(ClientWriteTest, CreatesOnceAndSaysWhenThereIsOneAlready) {
  server_->Add(201, PodObject("a", 7));
  EXPECT_TRUE(client_.Create(types::Pod(), PodObject("a", 0)).ok());
  EXPECT_EQ(server_->requests.at(0).method, "POST");
  EXPECT_EQ(server_->requests.at(0).path,
            "/api/v1/namespaces/db/pods?fieldManager=openmldb-operator");
  server_->Add(409, StatusObject(409, "AlreadyExists", "pods \"a\" already exists"));
  EXPECT_TRUE(absl::IsAlreadyExists(client_.Create(types::Pod(), PodObject("a", 0)).status()));
  server_->AddError(absl::UnavailableError("reset"));
  EXPECT_TRUE(absl::IsUnavailable(client_.Create(types::Pod(), PodObject("a", 0)).status()));
  EXPECT_THAT(server_->requests, SizeIs(3));
}

TEST_F(ClientWriteTest, ReadsFromTheServerWhatIsNotWatched) {
  server_->Add(200, PodObject("a", 7));
  EXPECT_EQ(*client_.Get(types::Pod(), {"db", "a"}), PodObject("a", 7));
  server_->Add(200, PodList({PodObject("a", 7)}, 9));
  EXPECT_THAT(*client_.List(types::Pod(), "db", {}),
              ElementsAre(testing::Pointee(PodObject("a", 7))));
  server_->Add(403, Json::object());
  EXPECT_TRUE(absl::IsPermissionDenied(client_.List(types::Pod(), "db", {}).status()));
}

TEST_F(ClientWriteTest, NamesAnObjectWithoutANamespace) {
  server_->Add(404, StatusObject(404, "NotFound", "m"));
  const absl::Status status = client_.GetFresh(types::Pod(), {"", "a"}).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(status.message(), HasSubstr("get pods a: "));
}

// A server with one pod and a watch that stays open. Thread-safe.
class OpenWatch : public HttpTransport {
 public:
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request, StopSignal& stop) override {
    if (stop.stopped()) return absl::CancelledError("stopped");
    ++sent;
    if (request.path.find("services") != std::string::npos) {
      return HttpResponse{403, StatusObject(403, "Forbidden", "services").dump()};
    }
    if (request.method == "PATCH") return HttpResponse{200, PodObject("a", 50).dump()};
    if (request.method == "DELETE" && deletes_slowly) {
      Json pod = PodObject("a", 60);
      pod["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z";
      return HttpResponse{200, pod.dump()};
    }
    if (request.method == "DELETE") {
      return HttpResponse{200, Json{{"kind", "Status"}, {"details", {{"uid", "uid-a"}}}}.dump()};
    }
    return HttpResponse{200, PodList({PodObject("a", 1)}, 40).dump()};
  }
  absl::StatusOr<HttpResponse> Stream(const HttpRequest&, StopSignal& stop,
                                      const std::function<bool(absl::string_view)>&) override {
    stop.SleepFor(absl::InfiniteDuration());
    return absl::CancelledError("stopped");
  }
  std::string Host() const override { return "api.test"; }

  std::atomic<int> sent = 0;
  std::atomic<bool> deletes_slowly = false;
};

TEST(ClientWatch, AnswersFromTheCacheAndKnowsItsOwnWrites) {
  auto server = std::make_shared<OpenWatch>();
  Client client(server, {});
  std::vector<std::string> changes;
  std::mutex mutex;
  client.OnChange([&](const Change& change) {
    std::lock_guard lock(mutex);
    changes.push_back(change.key.name + (change.after == nullptr ? " gone" : ""));
  });
  client.Watch(types::Pod(), "db");
  ASSERT_TRUE(client.WaitForSync(absl::Seconds(10)).ok());
  EXPECT_TRUE(client.Synced());
  EXPECT_EQ(server->sent, 1);

  EXPECT_EQ(*client.Get(types::Pod(), {"db", "a"}), PodObject("a", 1));
  EXPECT_TRUE(absl::IsNotFound(client.Get(types::Pod(), {"db", "b"}).status()));
  EXPECT_THAT(*client.List(types::Pod(), "db", {}), SizeIs(1));
  EXPECT_EQ(server->sent, 1);

  ASSERT_TRUE(client.Apply(types::Pod(), PodObject("a", 0)).ok());
  EXPECT_EQ(*client.Get(types::Pod(), {"db", "a"}), PodObject("a", 50));
  ASSERT_TRUE(client.Delete(types::Pod(), {"db", "a"}, "uid-a").ok());
  EXPECT_TRUE(absl::IsNotFound(client.Get(types::Pod(), {"db", "a"}).status()));
  EXPECT_EQ(server->sent, 3);
  EXPECT_TRUE(client.GetFresh(types::Pod(), {"db", "a"}).ok());
  EXPECT_EQ(server->sent, 4);
  EXPECT_THAT(changes, ElementsAre("a", "a", "a gone"));
}

TEST(ClientWatch, StopsAtOnceAndRefusesEverythingAfterwards) {
  Client client(std::make_shared<OpenWatch>(), {});
  client.Watch(types::Pod(), "db");
  client.Watch(types::ConfigMap(), "");
  ASSERT_TRUE(client.WaitForSync(absl::Seconds(10)).ok());
  MonotonicClock clock;
  const absl::Duration start = clock.Elapsed();
  client.Stop();
  EXPECT_LT(clock.Elapsed() - start, absl::Seconds(1));
  EXPECT_TRUE(absl::IsCancelled(client.GetFresh(types::Pod(), {"db", "a"}).status()));
  EXPECT_TRUE(absl::IsCancelled(client.WaitForSync(absl::Seconds(1))));
}

TEST(ClientWatch, NamesTheWatchesThatDoNotSync) {
  Client client(std::make_shared<OpenWatch>(), {});
  client.Watch(types::Pod(), "db");
  client.Watch(types::Service(), "db");
  const absl::Status status = client.WaitForSync(absl::Milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  EXPECT_THAT(status.message(), HasSubstr("no list of services came"));
  EXPECT_FALSE(client.Synced());
}

TEST(ClientWatch, KnowsAtOnceThatAnObjectIsOnItsWayOut) {
  auto server = std::make_shared<OpenWatch>();
  server->deletes_slowly = true;
  Client client(server, {});
  client.Watch(types::Pod(), "db");
  ASSERT_TRUE(client.WaitForSync(absl::Seconds(10)).ok());
  ASSERT_TRUE(client.Delete(types::Pod(), {"db", "a"}, "uid-a").ok());
  const auto pod = client.Get(types::Pod(), {"db", "a"});
  ASSERT_TRUE(pod.ok()) << pod.status();
  EXPECT_TRUE((*pod)["metadata"].contains("deletionTimestamp"));
}

TEST(ClientWatch, AsksTheServerForWhatNoWatchCovers) {
  auto server = std::make_shared<OpenWatch>();
  Client client(server, {});
  client.Watch(types::Pod(), "db");
  ASSERT_TRUE(client.WaitForSync(absl::Seconds(10)).ok());
  EXPECT_TRUE(client.Get(types::ConfigMap(), {"db", "a"}).ok());
  EXPECT_EQ(server->sent, 2) << "another type";
  EXPECT_TRUE(client.Get(types::Pod(), {"other", "a"}).ok());
  EXPECT_EQ(server->sent, 3) << "another namespace";
  ASSERT_TRUE(client.Apply(types::ConfigMap(), PodObject("a", 0)).ok());
  EXPECT_EQ(*client.Get(types::Pod(), {"db", "a"}), PodObject("a", 1))
      << "a write of another type is nothing to the cache of pods";
}

TEST(ClientWatch, AWatchOfAllNamespacesCoversEachOfThem) {
  auto server = std::make_shared<OpenWatch>();
  Client client(server, {});
  client.Watch(types::Pod(), "");
  ASSERT_TRUE(client.WaitForSync(absl::Seconds(10)).ok());
  EXPECT_EQ(*client.Get(types::Pod(), {"db", "a"}), PodObject("a", 1));
  EXPECT_TRUE(absl::IsNotFound(client.Get(types::Pod(), {"other", "a"}).status()));
  EXPECT_EQ(server->sent, 1);
}

TEST(ClientWatch, AsksTheServerUntilTheFirstListHasCome) {
  Client client(std::make_shared<OpenWatch>(), {});
  client.Watch(types::Service(), "db");  // forbidden
  EXPECT_TRUE(absl::IsPermissionDenied(client.Get(types::Service(), {"db", "a"}).status()));
}

TEST(ClientWatch, BeginsNoWatchOnceItIsStopped) {
  auto server = std::make_shared<OpenWatch>();
  Client client(server, {});
  client.Stop();
  client.Watch(types::Pod(), "db");
  EXPECT_TRUE(client.Synced()) << "there is none to wait for";
  EXPECT_EQ(server->sent, 0);
}

}  // namespace
}  // namespace omdb::kube
