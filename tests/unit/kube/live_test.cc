// The client against a real API server, in a namespace of its own that is deleted afterwards. Only
// with OMDB_LIVE_KUBECONFIG; with OMDB_LIVE_RESTART, a command that restarts the API server, also
// through such a restart.
#include <cstdlib>
#include <memory>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operator/kube/client.h"
#include "operator/kube/cpprest_transport.h"
#include "operator/kube/events.h"
#include "operator/kube/kubeconfig.h"
#include "operator/kube/lease.h"

namespace omdb::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const ResourceType& Namespace() {
  static const ResourceType type{"", "v1", "Namespace", "namespaces"};
  return type;
}

class RealClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
  void Sleep(absl::Duration duration) override { absl::SleepFor(duration); }
};

bool Eventually(const std::function<bool()>& condition,
                absl::Duration timeout = absl::Seconds(10)) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

class LiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* kubeconfig = std::getenv("OMDB_LIVE_KUBECONFIG");
    if (kubeconfig == nullptr) GTEST_SKIP() << "OMDB_LIVE_KUBECONFIG is not set";
    const auto connection = KubeconfigConnection({kubeconfig}, "");
    ASSERT_TRUE(connection.ok()) << connection.status();
    connection_ = *connection;
    client_ = NewClient();
    ns_ = absl::StrCat("omdb-live-", absl::ToUnixMicros(absl::Now()));
    const auto created = client_->Create(
        Namespace(), {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns_}}}});
    ASSERT_TRUE(created.ok()) << created.status();
  }

  void TearDown() override {
    if (client_ == nullptr) return;
    EXPECT_TRUE(client_->Delete(Namespace(), {"", ns_}, "").ok());
  }

  std::unique_ptr<Client> NewClient(ClientOptions options = {}) {
    options.watcher.on_trouble = [](const WatchScope&, const std::string& trouble) {
      std::cerr << trouble << "\n";
    };
    auto transport = NewCpprestTransport(connection_, "omdb-live-test");
    EXPECT_TRUE(transport.ok()) << transport.status();
    return std::make_unique<Client>(*std::move(transport), options);
  }

  Json ConfigMap(const std::string& name, const std::string& value) {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"namespace", ns_}, {"name", name}, {"labels", {{"app", "x"}}}}},
            {"data", {{"value", value}}}};
  }

  std::string Value(Client& client, const std::string& name) {
    const auto object = client.Get(types::ConfigMap(), {ns_, name});
    return object.ok() ? (*object)["data"]["value"].get<std::string>()
                       : std::string(absl::StatusCodeToString(object.status().code()));
  }

  Connection connection_;
  std::string ns_;
  std::unique_ptr<Client> client_;
};

TEST_F(LiveTest, AppliesWatchesAndDeletes) {
  const auto other = NewClient();
  other->Watch(types::ConfigMap(), ns_);
  client_->Watch(types::ConfigMap(), "", {{"app", "x"}});
  ASSERT_TRUE(other->WaitForSync(absl::Seconds(10)).ok());
  ASSERT_TRUE(client_->WaitForSync(absl::Seconds(10)).ok());

  for (int i = 0; i < 50; ++i) {
    const auto stored = client_->Apply(types::ConfigMap(), ConfigMap("a", absl::StrCat(i)));
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(Value(*client_, "a"), absl::StrCat(i)) << "its own write, at once";
  }
  EXPECT_TRUE(Eventually([&] { return Value(*other, "a") == "49"; }));

  Json stale = ConfigMap("a", "stale");
  stale["metadata"]["resourceVersion"] = "1";
  EXPECT_TRUE(absl::IsAborted(client_->Apply(types::ConfigMap(), stale).status()));
  EXPECT_TRUE(
      absl::IsAlreadyExists(client_->Create(types::ConfigMap(), ConfigMap("a", "twice")).status()));
  Json wrong = ConfigMap("Wrong_Name", "x");
  const absl::Status invalid = client_->Apply(types::ConfigMap(), wrong).status();
  EXPECT_TRUE(absl::IsInvalidArgument(invalid)) << invalid;
  EXPECT_THAT(invalid.message(), HasSubstr("Wrong_Name"));

  const std::string uid = (*client_->Get(types::ConfigMap(), {ns_, "a"}))["metadata"]["uid"];
  EXPECT_TRUE(absl::IsAborted(client_->Delete(types::ConfigMap(), {ns_, "a"}, "another")));
  EXPECT_TRUE(client_->Delete(types::ConfigMap(), {ns_, "a"}, uid).ok());
  EXPECT_EQ(Value(*client_, "a"), "NOT_FOUND");
  EXPECT_TRUE(client_->Delete(types::ConfigMap(), {ns_, "a"}, uid).ok());
  EXPECT_TRUE(Eventually([&] { return Value(*other, "a") == "NOT_FOUND"; }));
}

TEST_F(LiveTest, ListsInPages) {
  for (int i = 0; i < 25; ++i) {
    ASSERT_TRUE(client_->Apply(types::ConfigMap(), ConfigMap(absl::StrCat("m", i), "x")).ok());
  }
  ClientOptions options;
  options.watcher.page_size = 4;
  const auto pages = NewClient(options);
  pages->Watch(types::ConfigMap(), ns_, {{"app", "x"}});
  ASSERT_TRUE(pages->WaitForSync(absl::Seconds(10)).ok());
  EXPECT_THAT(*pages->List(types::ConfigMap(), ns_, {}), SizeIs(25));
  EXPECT_THAT(*client_->List(types::ConfigMap(), ns_, {{"app", "x"}}), SizeIs(25));
}

TEST_F(LiveTest, GoesOnWhenTheServerEndsAWatch) {
  ClientOptions options;
  options.watcher.server_timeout = absl::Seconds(1);
  const auto other = NewClient(options);
  other->Watch(types::ConfigMap(), ns_);
  ASSERT_TRUE(other->WaitForSync(absl::Seconds(10)).ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client_->Apply(types::ConfigMap(), ConfigMap("a", absl::StrCat(i))).ok());
    EXPECT_TRUE(Eventually([&] { return Value(*other, "a") == absl::StrCat(i); })) << i;
    absl::SleepFor(absl::Milliseconds(250));
  }
}

TEST_F(LiveTest, StopsInLessThanASecond) {
  for (const ResourceType& type : {types::Pod(), types::Service(), types::StatefulSet()}) {
    client_->Watch(type, "");
  }
  const auto stops = NewClient();
  for (const ResourceType& type : {types::Pod(), types::Service(), types::StatefulSet()}) {
    stops->Watch(type, "");
  }
  ASSERT_TRUE(stops->WaitForSync(absl::Seconds(10)).ok());
  absl::SleepFor(absl::Milliseconds(200));
  const absl::Time start = absl::Now();
  stops->Stop();
  EXPECT_LT(absl::Now() - start, absl::Seconds(1));
}

TEST_F(LiveTest, OneOfTwoLeadsAndTheOtherFollowsAtOnce) {
  RealClock clock;
  MonotonicClock monotonic;
  const auto client_a = NewClient(LeaderElectionClientOptions());
  const auto client_b = NewClient(LeaderElectionClientOptions());
  LeaderElectionOptions options;
  options.lease = {ns_, "lead"};
  options.retry_period = absl::Milliseconds(200);
  options.on_trouble = [](const absl::Status& status) { ADD_FAILURE() << status; };
  options.identity = "a";
  LeaderElector a(client_a.get(), &clock, &monotonic, options);
  options.identity = "b";
  LeaderElector b(client_b.get(), &clock, &monotonic, options);
  a.Start();
  ASSERT_TRUE(Eventually([&] { return a.IsLeader(); }));
  b.Start();
  absl::SleepFor(absl::Seconds(1));
  EXPECT_TRUE(a.IsLeader());
  EXPECT_FALSE(b.IsLeader());
  a.Stop();
  EXPECT_FALSE(a.IsLeader());
  EXPECT_TRUE(Eventually([&] { return b.IsLeader(); }, absl::Seconds(2)));
  EXPECT_EQ(b.Transitions(), 1);
  b.Stop();
  EXPECT_EQ(ParseLease(*client_->GetFresh(types::Lease(), options.lease)).holder, "");
}

TEST_F(LiveTest, WritesEventsAndCountsThemUp) {
  RealClock clock;
  EventRecorderOptions options;
  options.instance = "live-test";
  options.on_trouble = [](const absl::Status& status) { ADD_FAILURE() << status; };
  const auto about = client_->Apply(types::ConfigMap(), ConfigMap("a", "x"));
  ASSERT_TRUE(about.ok());
  EventRecorder recorder(client_.get(), &clock, options);
  for (int i = 0; i < 3; ++i) {
    recorder.Record(*about, {true, "Waiting", "Upgrade", "a tablet is down"});
    recorder.Flush();
  }
  const auto events = client_->List(types::Event(), ns_, {});
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_THAT(*events, SizeIs(1));
  EXPECT_EQ(events->front()->at("series").at("count"), 3);
  EXPECT_EQ(events->front()->at("regarding").at("name"), "a");
}

TEST_F(LiveTest, SurvivesARestartOfTheServer) {
  const char* restart = std::getenv("OMDB_LIVE_RESTART");
  if (restart == nullptr) GTEST_SKIP() << "OMDB_LIVE_RESTART is not set";
  const auto other = NewClient();
  other->Watch(types::ConfigMap(), ns_);
  ASSERT_TRUE(other->WaitForSync(absl::Seconds(10)).ok());
  ASSERT_TRUE(client_->Apply(types::ConfigMap(), ConfigMap("a", "before")).ok());
  std::thread restarts([&] { EXPECT_EQ(std::system(restart), 0); });
  int written = 0;
  for (int i = 0; i < 100; ++i) {
    if (client_->Apply(types::ConfigMap(), ConfigMap("a", absl::StrCat(i))).ok()) ++written;
    absl::SleepFor(absl::Milliseconds(100));
  }
  restarts.join();
  EXPECT_TRUE(
      Eventually([&] { return client_->Apply(types::ConfigMap(), ConfigMap("a", "after")).ok(); },
                 absl::Seconds(30)));
  EXPECT_TRUE(Eventually([&] { return Value(*other, "a") == "after"; }, absl::Seconds(30)));
  EXPECT_GT(written, 20);
}

}  // namespace
}  // namespace omdb::kube
