// How gRPC connections last.
#include "tests/simulator/server/grpc_front.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/simulator/server/event_loop.h"
#include "tests/simulator/server/free_port.h"
#include "tests/simulator/server/port.h"

namespace omdb::simulator {
namespace {

std::chrono::system_clock::time_point In(int milliseconds) {
  return std::chrono::system_clock::now() + std::chrono::milliseconds(milliseconds);
}

TEST(GrpcFront, KeepsAConnectionThatIsPingedAllTheTime) {
  EventLoop loop;
  Dispatcher dispatcher(loop);
  Service service(loop, dispatcher);
  Port port(&service, [](const auto&) { return HttpResponse(); });
  const std::string address = absl::StrCat("127.0.0.1:", FreePort());
  ASSERT_TRUE(port.Listen(address).ok());

  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  channel->GetState(/*try_to_connect=*/true);
  ASSERT_TRUE(channel->WaitForConnected(In(10'000)));
  // A ping each second, without a call. A server of gRPC's own habits ends the connection at the
  // third.
  EXPECT_FALSE(channel->WaitForStateChange(GRPC_CHANNEL_READY, In(5'000)));
  EXPECT_EQ(channel->GetState(/*try_to_connect=*/false), GRPC_CHANNEL_READY);
}

}  // namespace
}  // namespace omdb::simulator
