#include "operator/openmldb/calls.h"

#include <gmock/gmock.h>

#include <functional>
#include <optional>

#include "tests/unit/openmldb/fixture.h"

namespace omdb {
namespace {

using testing::HasSubstr;

namespace api = openmldb::api;
using Stub = api::TabletServer::Stub;

// How the ways in which a call fails are told apart.
class CallsTest : public testing::Test {
 protected:
  absl::Status SetMode(const std::string& address, Effect effect,
                       absl::Duration timeout = absl::Milliseconds(300)) {
    return SetMode(address, {.credential = "sdefault", .timeout = timeout, .effect = effect});
  }
  absl::Status SetMode(const std::string& address, const CallOptions& options) {
    return CallOne<Stub, api::SetModeRequest, api::GeneralResponse>(
               channels_, &Stub::PrepareAsyncSetMode,
               {channels_.Get(address), api::SetModeRequest(), "SetMode"}, options)
        .status();
  }
  absl::Status SetModeWithPermission(const std::string& address,
                                     const std::function<absl::Status()>& permission) {
    return SetMode(address, {.credential = "sdefault",
                             .timeout = absl::Milliseconds(300),
                             .effect = Effect::kOnce,
                             .permission = permission});
  }

  Channels channels_;
};

TEST_F(CallsTest, NobodyListeningIsUnavailable) {
  const absl::Status status = SetMode(ClosedAddress(), Effect::kOnce);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("check that the server runs there"));
}

TEST_F(CallsTest, AProcessThatHangsBeforeTheCallIsUnavailable) {
  SilentPort hanging;
  const absl::Status status = SetMode(hanging.address(), Effect::kOnce);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(CallsTest, ADeadServerIsWaitedForLessLongThanALateAnswer) {
  FakeTablet tablet;
  tablet.on_SetMode = [](const api::SetModeRequest&, api::GeneralResponse*) {
    absl::SleepFor(absl::Milliseconds(1500));
    return grpc::Status::OK;
  };
  LoopbackServer server(tablet);
  const absl::Status late = SetMode(server.address(), Effect::kOnce, absl::Seconds(20));
  EXPECT_TRUE(late.ok()) << late;
  const absl::Time start = absl::Now();
  EXPECT_TRUE(absl::IsUnavailable(SetMode(ClosedAddress(), Effect::kOnce, absl::Seconds(20))));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST_F(CallsTest, NoAnswerInTimeMayHaveHappened) {
  FakeTablet tablet;
  tablet.on_SetMode = [](const api::SetModeRequest&, api::GeneralResponse*) {
    absl::SleepFor(absl::Milliseconds(600));
    return grpc::Status::OK;
  };
  LoopbackServer server(tablet);
  const absl::Status status = SetMode(server.address(), Effect::kOnce);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(tablet.log.calls().size(), 1u);
}

TEST_F(CallsTest, IsNotMadeWithoutPermission) {
  FakeTablet tablet;
  LoopbackServer server(tablet);
  const absl::Status no = absl::CancelledError("leads no more");
  EXPECT_EQ(SetModeWithPermission(server.address(), [&] { return no; }), no);
  EXPECT_TRUE(tablet.log.calls().empty());
  EXPECT_TRUE(SetModeWithPermission(server.address(), [] { return absl::OkStatus(); }).ok());
}

// As by a process that was paused right after it was permitted.
TEST_F(CallsTest, IsNotMadeOnceThePermissionMayBeOutdated) {
  FakeTablet tablet;
  LoopbackServer server(tablet);
  const absl::Status status = SetModeWithPermission(server.address(), [] {
    absl::SleepFor(absl::Milliseconds(400));
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("its time was over before"));
  EXPECT_TRUE(tablet.log.calls().empty());
}

TEST_F(CallsTest, AConnectionThatEachCallLosesHintsAtTheCredential) {
  RejectingPort rejecting;
  const absl::Status status = SetMode(rejecting.address(), Effect::kRepeatable);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("rejects the credential"));
}

TEST_F(CallsTest, AChangeThatLostItsConnectionMayHaveHappened) {
  RejectingPort rejecting;
  const absl::Status status = SetMode(rejecting.address(), Effect::kOnce);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

TEST_F(CallsTest, TheFirstCallAfterARestartSucceeds) {
  FakeTablet tablet;
  auto server = std::make_unique<LoopbackServer>(tablet);
  const std::string address = server->address();
  const int port = server->port();
  EXPECT_TRUE(SetMode(address, Effect::kRepeatable).ok());
  server.reset();
  EXPECT_TRUE(absl::IsUnavailable(SetMode(address, Effect::kRepeatable)));
  server = std::make_unique<LoopbackServer>(tablet, port);
  ASSERT_TRUE(server->started());
  const absl::Status status = SetMode(address, Effect::kRepeatable, absl::Seconds(5));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(CallsTest, ARestartBetweenTwoCallsIsNotNoticed) {
  FakeTablet tablet;
  auto server = std::make_unique<LoopbackServer>(tablet);
  const std::string address = server->address();
  const int port = server->port();
  EXPECT_TRUE(SetMode(address, Effect::kRepeatable).ok());
  server.reset();
  server = std::make_unique<LoopbackServer>(tablet, port);
  ASSERT_TRUE(server->started());
  const absl::Status status = SetMode(address, Effect::kRepeatable, absl::Seconds(5));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(CallsTest, AChannelIsKeptUntilEvicted) {
  const std::shared_ptr<Peer> first = channels_.Get("127.0.0.1:1");
  EXPECT_EQ(channels_.Get("127.0.0.1:1"), first);
  channels_.Evict("127.0.0.1:1");
  EXPECT_NE(channels_.Get("127.0.0.1:1"), first);
}

TEST(FromGrpc, TellsFailuresApart) {
  struct {
    grpc::StatusCode code;
    absl::StatusCode expected;
    std::string message;
    std::string text;
  } const cases[] = {
      {grpc::StatusCode::INTERNAL, absl::StatusCode::kResourceExhausted,
       "Received RST_STREAM with error code 3", "ask for less at a time"},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, absl::StatusCode::kResourceExhausted,
       "Received message larger than max", "ask for less at a time"},
      {grpc::StatusCode::INTERNAL, absl::StatusCode::kPermissionDenied,
       "[10.0.0.1:6527][E1101]not authorized", "lacks the right"},
      {grpc::StatusCode::INTERNAL, absl::StatusCode::kInternal, "[10.0.0.1:6527][E2004]busy",
       "E2004"},
      {grpc::StatusCode::UNIMPLEMENTED, absl::StatusCode::kUnimplemented, "no such method",
       "does not know this call"},
      {grpc::StatusCode::INVALID_ARGUMENT, absl::StatusCode::kInvalidArgument, "missing field",
       "missing field"},
  };
  for (const auto& item : cases) {
    const absl::Status status = FromGrpc(grpc::Status(item.code, item.message), /*sent=*/true,
                                         Effect::kOnce, "ShowTable at ns-0");
    EXPECT_EQ(status.code(), item.expected) << status;
    EXPECT_THAT(status.message(), HasSubstr(item.text));
    EXPECT_THAT(status.message(), HasSubstr("ShowTable at ns-0"));
  }
}

}  // namespace
}  // namespace omdb
