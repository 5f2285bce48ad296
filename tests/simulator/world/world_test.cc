// The world itself: what the exploration builds on must behave as networks and ZooKeeper do.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tablet.pb.h"
#include "tests/simulator/world/caller.h"
#include "tests/simulator/world/process.h"

namespace omdb::simulator {
namespace {

namespace api = openmldb::api;

// A server with one method, which takes a second and counts how often it was called.
class EchoServer {
 public:
  EchoServer(const Options& options, Executor& executor, Network&, Coordination& zk)
      : options_(options), executor_(executor), zk_(zk), dispatcher_(executor) {
    dispatcher_.Register<api::GetRequest, api::GetResponse>(
        "Echo", [this](api::GetRequest request) { return Echo(std::move(request)); });
  }

  absl::Status Start() {
    absl::Status connected = zk_.Connect();
    if (!connected.ok()) return connected;
    return zk_.Create("/nodes/" + options_.endpoint, "here", NodeMode::kEphemeral).status();
  }
  Dispatcher& dispatcher() { return dispatcher_; }
  int calls() const { return calls_; }

 private:
  Task<api::GetResponse> Echo(api::GetRequest request) {
    ++calls_;
    co_await Delay(executor_, absl::Seconds(1));
    api::GetResponse response;
    response.set_key(request.key());
    co_return response;
  }

  Options options_;
  Executor& executor_;
  Coordination& zk_;
  int calls_ = 0;
  Dispatcher dispatcher_;
};

class WorldTest : public ::testing::Test {
 protected:
  WorldTest() : server_(world_, NewOptions()), caller_(world_) {
    EXPECT_TRUE(server_.Start().ok());
  }

  static Options NewOptions() {
    Options options;
    options.endpoint = "server";
    return options;
  }
  absl::StatusOr<api::GetResponse> Echo(const std::string& text) {
    api::GetRequest request;
    request.set_key(text);
    return caller_.Call<api::GetResponse>("server", "Echo", request, absl::Seconds(20));
  }
  absl::Duration Since(absl::Time begin) { return world_.executor.Now() - begin; }

  World world_{1};
  Process<EchoServer> server_;
  Caller caller_;
};

TEST_F(WorldTest, ACallTakesItsTimeAndIsAnswered) {
  absl::Time begin = world_.executor.Now();
  auto answer = Echo("hello");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->key(), "hello");
  EXPECT_GE(Since(begin), absl::Seconds(1));
  EXPECT_LT(Since(begin), absl::Seconds(1.01));
}

TEST_F(WorldTest, ACallToADyingServerEndsWhenItDies) {
  absl::Time begin = world_.executor.Now();
  world_.executor.Schedule(absl::Milliseconds(300), [&] { server_.Kill(); });
  EXPECT_TRUE(absl::IsUnavailable(Echo("hello").status()));
  EXPECT_LT(Since(begin), absl::Milliseconds(310));
  EXPECT_TRUE(absl::IsUnavailable(Echo("again").status()));
}

TEST_F(WorldTest, ACallToAHungServerRunsIntoItsDeadlineAndIsServedLater) {
  server_.Pause();
  absl::Time begin = world_.executor.Now();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Echo("hello").status()));
  EXPECT_EQ(Since(begin), absl::Seconds(20));
  EXPECT_EQ(server_.server().calls(), 0);
  server_.Resume();
  world_.executor.RunFor(absl::Seconds(2));
  EXPECT_EQ(server_.server().calls(), 1);
}

TEST_F(WorldTest, ALostReplyIsACallThatTookPlace) {
  world_.network.SetFilter([](const FakeNetwork::Message& message) {
    return message.is_reply ? FakeNetwork::Fate::kRefuse : FakeNetwork::Fate::kDeliver;
  });
  const absl::Status lost = Echo("hello").status();
  EXPECT_TRUE(absl::IsUnavailable(lost));
  EXPECT_TRUE(lost.GetPayload(FakeNetwork::kMayHaveHappened).has_value());
  EXPECT_EQ(server_.server().calls(), 1);
  world_.network.SetFilter([](const FakeNetwork::Message& message) {
    return message.is_reply ? FakeNetwork::Fate::kDeliver : FakeNetwork::Fate::kRefuse;
  });
  const absl::Status refused = Echo("hello").status();
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_FALSE(refused.GetPayload(FakeNetwork::kMayHaveHappened).has_value());
  EXPECT_EQ(server_.server().calls(), 1);
  world_.network.SetFilter(nullptr);
  world_.network.Cut("caller", "server");
  EXPECT_TRUE(absl::IsDeadlineExceeded(Echo("hello").status()));
  world_.network.Join("caller", "server");
  EXPECT_TRUE(Echo("hello").ok());
}

TEST_F(WorldTest, SessionOfADeadProcessLingers) {
  for (int i = 0; i < 20; ++i) {
    server_.Kill();
    absl::Time begin = world_.executor.Now();
    ASSERT_TRUE(world_.executor.RunUntilTrue(
        [&] { return !world_.zookeeper.Exists("/nodes/server"); }, absl::Seconds(20)));
    EXPECT_GE(Since(begin), absl::Seconds(8.8));
    EXPECT_LE(Since(begin), absl::Seconds(11));
    ASSERT_TRUE(server_.Start().ok());
  }
}

TEST_F(WorldTest, SessionSurvivesAShortSilenceAndAnOutageOfTheEnsemble) {
  server_.Pause();
  world_.executor.RunFor(absl::Seconds(5));
  server_.Resume();
  world_.executor.RunFor(absl::Seconds(20));
  EXPECT_TRUE(world_.zookeeper.Exists("/nodes/server"));
  world_.zookeeper.SetUp(false);
  EXPECT_FALSE(server_.zookeeper().Connected());
  EXPECT_TRUE(absl::IsUnavailable(server_.zookeeper().Get("/nodes/server").status()));
  world_.executor.RunFor(absl::Seconds(60));
  world_.zookeeper.SetUp(true);
  EXPECT_TRUE(server_.zookeeper().Connected());
  world_.executor.RunFor(absl::Seconds(20));
  EXPECT_TRUE(world_.zookeeper.Exists("/nodes/server"));
}

TEST_F(WorldTest, AClientLearnsOfItsExpiryWhenItReachesTheEnsembleAgain) {
  bool lost = false;
  server_.zookeeper().OnSessionLost([&] { lost = true; });
  world_.zookeeper.SetReachable("server", false);
  world_.executor.RunFor(absl::Seconds(15));
  EXPECT_FALSE(world_.zookeeper.Exists("/nodes/server"));
  EXPECT_FALSE(lost);
  world_.zookeeper.SetReachable("server", true);
  world_.executor.RunFor(absl::Seconds(1));
  EXPECT_TRUE(lost);
  EXPECT_FALSE(server_.zookeeper().Connected());
  EXPECT_TRUE(server_.zookeeper().Connect().ok());
  EXPECT_TRUE(server_.zookeeper().Connected());
}

TEST_F(WorldTest, WatchesFireOnceForManyChangesAndDieWithTheSession) {
  ProcessExecutor executor(world_.executor);
  auto watcher = world_.zookeeper.NewClient("watcher", executor);
  ASSERT_TRUE(watcher->Connect().ok());
  int fired = 0;
  ASSERT_TRUE(watcher->WatchChildren("/nodes", [&] { ++fired; }).ok());
  ASSERT_TRUE(server_.zookeeper().Create("/nodes/x", "", NodeMode::kPersistent).ok());
  ASSERT_TRUE(server_.zookeeper().Delete("/nodes/x").ok());
  EXPECT_EQ(fired, 0);
  world_.executor.RunFor(absl::Milliseconds(10));
  EXPECT_EQ(fired, 1);
  ASSERT_TRUE(watcher->WatchChildren("/nodes", [&] { ++fired; }).ok());
  ASSERT_TRUE(watcher->Connect().ok());  // a new session
  ASSERT_TRUE(server_.zookeeper().Create("/nodes/y", "", NodeMode::kPersistent).ok());
  world_.executor.RunFor(absl::Milliseconds(10));
  EXPECT_EQ(fired, 1);
  // Changes while it is away reach it when it is back.
  ASSERT_TRUE(watcher->WatchChildren("/nodes", [&] { ++fired; }).ok());
  world_.zookeeper.SetReachable("watcher", false);
  ASSERT_TRUE(server_.zookeeper().Create("/nodes/z", "", NodeMode::kPersistent).ok());
  world_.executor.RunFor(absl::Seconds(1));
  EXPECT_EQ(fired, 1);
  world_.zookeeper.SetReachable("watcher", true);
  world_.executor.RunFor(absl::Milliseconds(10));
  EXPECT_EQ(fired, 2);
}

TEST_F(WorldTest, SequentialNodesAreNumberedInOrder) {
  auto& zk = server_.zookeeper();
  EXPECT_EQ(*zk.Create("/leader/lock_request", "a", NodeMode::kEphemeralSequential),
            "/leader/lock_request0000000000");
  EXPECT_EQ(*zk.Create("/leader/lock_request", "b", NodeMode::kEphemeralSequential),
            "/leader/lock_request0000000001");
  EXPECT_EQ(zk.Children("/leader")->size(), 2u);
  zk.Close();
  EXPECT_TRUE(world_.zookeeper.Children("/leader").empty());
  EXPECT_TRUE(absl::IsUnavailable(zk.Get("/leader").status()));
}

TEST(MemoryDiskTest, KeepsFilesLogsAndDirectoriesApart) {
  MemoryDisk disk;
  ASSERT_TRUE(disk.Write("db/1_0/meta", "one").ok());
  ASSERT_TRUE(disk.AppendRecord("db/1_0/binlog/1.log", "a").ok());
  ASSERT_TRUE(disk.AppendRecord("db/1_0/binlog/1.log", "bc").ok());
  ASSERT_TRUE(disk.Write("db/1_0.old", "two").ok());
  ASSERT_TRUE(disk.Rename("db/1_0", "recycle/1_0_x").ok());
  EXPECT_FALSE(disk.Exists("db/1_0"));
  EXPECT_TRUE(disk.Exists("db/1_0.old"));
  EXPECT_EQ(*disk.Read("recycle/1_0_x/meta"), "one");
  EXPECT_EQ(*disk.List("recycle/1_0_x"), (std::vector<std::string>{"binlog", "meta"}));
  // A log copied as a file is a log again.
  ASSERT_TRUE(disk.Write("copy", *disk.Read("recycle/1_0_x/binlog/1.log")).ok());
  std::vector<std::string> records;
  ASSERT_TRUE(
      disk.ReadRecords("copy", [&](std::string_view record) { records.emplace_back(record); })
          .ok());
  EXPECT_EQ(records, (std::vector<std::string>{"a", "bc"}));
  ASSERT_TRUE(disk.Remove("recycle").ok());
  EXPECT_FALSE(disk.Exists("recycle/1_0_x/meta"));
}

TEST(VirtualExecutorTest, SameSeedSameStory) {
  auto story = [](uint64_t seed) {
    World world(seed);
    std::string told;
    for (int i = 0; i < 20; ++i) {
      absl::Duration delay =
          absl::Microseconds(static_cast<int64_t>(world.executor.random()() % 9));
      world.executor.Schedule(delay, [&told, i] { told += static_cast<char>('a' + i); });
    }
    world.executor.RunFor(absl::Seconds(1));
    return told;
  };
  EXPECT_EQ(story(3), story(3));
  EXPECT_NE(story(3), story(4));
}

TEST(FakeZooKeeperTest, SameStoryWhereverItsClientsLieInMemory) {
  auto story = [](bool last_lies_first) {
    World world(3);
    ProcessExecutor executor(world.executor);
    std::string told;
    std::vector<std::unique_ptr<Coordination>> clients;
    auto room = world.zookeeper.NewClient("room", executor);
    for (int i = 0; i < 8; ++i) {
      if (i == 7 && last_lies_first) room.reset();
      const std::string name(1, static_cast<char>('a' + i));
      clients.push_back(world.zookeeper.NewClient(name, executor));
      EXPECT_TRUE(clients.back()->Connect().ok());
      EXPECT_TRUE(clients.back()->WatchChildren("/nodes", [&told, name] { told += name; }).ok());
      if (i > 0) world.zookeeper.SetReachable(name, false);
    }
    EXPECT_TRUE(clients[0]->Create("/nodes/x", "", NodeMode::kPersistent).ok());
    world.zookeeper.SetUp(false);
    for (int i = 1; i < 8; ++i)
      world.zookeeper.SetReachable(std::string(1, static_cast<char>('a' + i)), true);
    world.zookeeper.SetUp(true);  // all hear of it now, each after a time of its own
    world.executor.RunFor(absl::Seconds(1));
    return told;
  };
  EXPECT_EQ(story(false).size(), 8u);
  EXPECT_EQ(story(false), story(true));
}

}  // namespace
}  // namespace omdb::simulator
