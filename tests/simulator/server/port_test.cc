// Three protocols on one port, against a server of two methods.
#include "tests/simulator/server/port.h"

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "baidu_rpc_meta.pb.h"
#include "tablet.pb.h"
#include "tests/simulator/server/byte_buffer.h"
#include "tests/simulator/server/event_loop.h"
#include "tests/simulator/server/free_port.h"
#include "tests/simulator/server/grpc_network.h"

namespace omdb::simulator {
namespace {

namespace api = openmldb::api;

constexpr char kScan[] = "openmldb.api.TabletServer/Scan";
constexpr char kMakeSnapshot[] = "openmldb.api.TabletServer/MakeSnapshot";
constexpr char kSetMode[] = "openmldb.api.TabletServer/SetMode";

// A client of plain bytes.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval patience = {10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(const std::string& bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // That many bytes, or fewer when the connection ends before.
  std::string Receive(size_t count) {
    std::string bytes(count, '\0');
    size_t got = 0;
    while (got < count) {
      const ssize_t more = recv(fd_, bytes.data() + got, count - got, 0);
      if (more <= 0) break;
      got += static_cast<size_t>(more);
    }
    bytes.resize(got);
    return bytes;
  }

 private:
  const int fd_;
};

class PortTest : public ::testing::Test {
 protected:
  PortTest()
      : dispatcher_(loop_),
        service_(loop_, dispatcher_),
        port_(&service_, ServerPages("1.2.3", &service_)) {
    dispatcher_.RegisterRaw<api::ScanRequest>(kScan, [](const api::ScanRequest& request) {
      auto response = std::make_unique<api::ScanResponse>();
      response->set_code(0);
      response->set_msg(request.pk());
      return Reply{std::move(response), std::string("rows\0of it", 10)};
    });
    dispatcher_.RegisterRaw<api::SetModeRequest>(kSetMode, [](const api::SetModeRequest&) {
      auto response = std::make_unique<api::GeneralResponse>();
      response->set_code(0);
      response->set_msg(std::string(5 << 20, 'x'));
      return Reply{std::move(response), ""};
    });
    dispatcher_.RegisterRaw<api::GeneralRequest>(kMakeSnapshot, [](const api::GeneralRequest&) {
      return Reply{std::make_unique<api::GeneralResponse>(), ""};
    });
    EXPECT_TRUE(port_.Listen(address()).ok());
    running_ = std::thread([this] { loop_.Run(); });
  }
  ~PortTest() override {
    loop_.Stop();
    running_.join();
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", number_); }
  static api::ScanRequest ScanOf(const std::string& key) {
    api::ScanRequest request;
    request.set_pk(key);
    request.set_st(0);
    request.set_et(0);
    request.set_tid(1);
    request.set_pid(0);
    return request;
  }

  // By gRPC, with or without a credential.
  grpc::Status Grpc(const std::string& method, const std::string& request, std::string* response,
                    bool credential = true) {
    auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    context.set_wait_for_ready(true);
    if (credential) context.AddMetadata("authorization", "sdefault");
    const grpc::Slice slice(request);
    const grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer received;
    std::promise<grpc::Status> status;
    grpc::GenericStub(channel).UnaryCall(
        &context, "/" + method, grpc::StubOptions(), &sent, &received,
        [&status](grpc::Status result) { status.set_value(std::move(result)); });
    grpc::Status result = status.get_future().get();
    if (response != nullptr) *response = ToString(received);
    return result;
  }

  // An HTTP request on a connection of its own; the whole answer.
  std::string Http(const std::string& request) {
    Connection connection(number_);
    connection.Send(request);
    return connection.Receive(1 << 20);
  }

  static std::string Frame(const BaiduMeta& meta, const std::string& rest) {
    const std::string head = meta.SerializeAsString();
    std::string frame = "PRPC";
    for (size_t size : {head.size() + rest.size(), head.size()}) {
      const uint32_t big_endian = htonl(static_cast<uint32_t>(size));
      frame.append(reinterpret_cast<const char*>(&big_endian), sizeof big_endian);
    }
    return frame + head + rest;
  }
  static std::string BaiduCall(const std::string& method, int64_t id, const std::string& payload) {
    BaiduMeta meta;
    meta.mutable_request()->set_service_name("openmldb.api.TabletServer");
    meta.mutable_request()->set_method_name(method);
    meta.set_correlation_id(id);
    return Frame(meta, payload);
  }
  struct BaiduReply {
    BaiduMeta meta;
    std::string payload;
    std::string attachment;
  };
  static BaiduReply ReadReply(Connection& connection) {
    const std::string header = connection.Receive(12);
    EXPECT_EQ(header.substr(0, 4), "PRPC");
    uint32_t sizes[2] = {};
    if (header.size() == 12) std::memcpy(sizes, header.data() + 4, sizeof sizes);
    const std::string body = connection.Receive(ntohl(sizes[0]));
    BaiduReply reply;
    EXPECT_TRUE(reply.meta.ParseFromString(body.substr(0, ntohl(sizes[1]))));
    const size_t attached = static_cast<size_t>(reply.meta.attachment_size());
    reply.payload = body.substr(ntohl(sizes[1]), body.size() - ntohl(sizes[1]) - attached);
    reply.attachment = body.substr(body.size() - attached);
    return reply;
  }

  const int number_ = FreePort();
  EventLoop loop_;
  Dispatcher dispatcher_;
  Service service_;
  Port port_;
  std::thread running_;
};

TEST_F(PortTest, AnswersGrpc) {
  std::string bytes;
  const grpc::Status status = Grpc(kScan, ScanOf("key").SerializeAsString(), &bytes);
  ASSERT_TRUE(status.ok()) << status.error_message();
  api::ScanResponse response;
  ASSERT_TRUE(response.ParseFromString(bytes));
  EXPECT_EQ(response.msg(), "key");
}

TEST_F(PortTest, AnswersTheStandInsOwnClient) {
  EventLoop loop;
  auto network = NewGrpcNetwork(loop);
  absl::StatusOr<std::unique_ptr<google::protobuf::Message>> answer;
  loop.Schedule(absl::ZeroDuration(), [&] {
    network->Call(address(), kScan, std::make_unique<api::ScanRequest>(ScanOf("key")),
                  std::make_unique<api::ScanResponse>(), absl::Seconds(10), [&](auto result) {
                    answer = std::move(result);
                    loop.Stop();
                  });
  });
  loop.Run();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(static_cast<api::ScanResponse&>(**answer).msg(), "key");
}

TEST(GrpcNetwork, SaysSoonThatNobodyListens) {
  EventLoop loop;
  auto network = NewGrpcNetwork(loop);
  absl::Status answer;
  const absl::Time begin = absl::Now();
  loop.Schedule(absl::ZeroDuration(), [&] {
    network->Call(absl::StrCat("127.0.0.1:", FreePort()), kScan,
                  std::make_unique<api::ScanRequest>(), std::make_unique<api::ScanResponse>(),
                  absl::Seconds(60), [&](auto result) {
                    answer = result.status();
                    loop.Stop();
                  });
  });
  loop.Run();
  EXPECT_TRUE(absl::IsUnavailable(answer)) << answer;
  EXPECT_LT(absl::Now() - begin, absl::Seconds(20));
}

TEST_F(PortTest, RefusesGrpcAsBrpcDoes) {
  EXPECT_EQ(Grpc("openmldb.api.TabletServer/None", "", nullptr).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  // tid and pid are required.
  EXPECT_EQ(Grpc(kMakeSnapshot, "", nullptr).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(
      Grpc(kScan, ScanOf("key").SerializeAsString(), nullptr, /*credential=*/false).error_code(),
      grpc::StatusCode::UNAVAILABLE);
  api::SetModeRequest large;
  large.set_follower(true);
  EXPECT_EQ(Grpc(kSetMode, large.SerializeAsString(), nullptr).error_code(),
            grpc::StatusCode::INTERNAL);
}

TEST_F(PortTest, AnswersBaiduStdWithAttachments) {
  Connection connection(number_);
  connection.Send(BaiduCall("Scan", 41, ScanOf("key").SerializeAsString()));
  const BaiduReply reply = ReadReply(connection);
  EXPECT_EQ(reply.meta.correlation_id(), 41);
  EXPECT_EQ(reply.meta.response().error_code(), 0);
  EXPECT_EQ(reply.attachment, std::string("rows\0of it", 10));
  api::ScanResponse response;
  ASSERT_TRUE(response.ParseFromString(reply.payload));
  EXPECT_EQ(response.msg(), "key");
}

TEST_F(PortTest, AnswersBaiduStdFramesThatComeTogetherOrByteByByte) {
  Connection connection(number_);
  const std::string one = BaiduCall("Scan", 1, ScanOf("one").SerializeAsString());
  const std::string two = BaiduCall("None", 2, "");
  const std::string three = BaiduCall("MakeSnapshot", 3, "");
  connection.Send(one + two + three);
  for (int64_t id : {1, 2, 3}) {
    const BaiduReply reply = ReadReply(connection);
    // An unknown method is answered at once, before those that go through the loop.
    const int64_t which = reply.meta.correlation_id();
    EXPECT_EQ(reply.meta.response().error_code(), which == 1 ? 0 : which == 2 ? 1002 : 1003) << id;
  }
  for (char byte : one) connection.Send(std::string(1, byte));
  EXPECT_EQ(ReadReply(connection).meta.correlation_id(), 1);
}

TEST_F(PortTest, EndsABaiduStdConnectionThatMakesNoSense) {
  BaiduMeta meta;
  meta.mutable_request()->set_service_name("openmldb.api.TabletServer");
  meta.mutable_request()->set_method_name("Scan");
  meta.set_attachment_size(1000);
  for (const std::string& frame :
       {Frame(meta, "short"), std::string("PRPC\xff\xff\xff\xff\0\0\0\0", 12),
        std::string("PRPC\0\0\0\1\0\0\0\2xx", 14)}) {
    Connection connection(number_);
    connection.Send(frame);
    EXPECT_EQ(connection.Receive(1), "");
  }
  EXPECT_TRUE(Grpc(kScan, ScanOf("key").SerializeAsString(), nullptr).ok());
}

TEST_F(PortTest, AnswersHttp) {
  const std::string close = "Host: x\r\nConnection: close\r\n";
  EXPECT_TRUE(absl::EndsWith(Http("GET /health HTTP/1.1\r\n" + close + "\r\n"), "OK\n"));
  EXPECT_TRUE(absl::EndsWith(Http("GET /version HTTP/1.1\r\n" + close + "\r\n"), "1.2.3"));
  EXPECT_TRUE(absl::StartsWith(Http("GET /none HTTP/1.1\r\n" + close + "\r\n"), "HTTP/1.1 404"));

  const std::string body = R"({"pk":"key","st":0,"et":0,"tid":1,"pid":0})";
  const std::string length = absl::StrCat("Content-Length: ", body.size(), "\r\n");
  const std::string credential = "Authorization: sdefault\r\n";
  for (const char* path : {"/TabletServer/Scan", "/openmldb.api.TabletServer/Scan"}) {
    const std::string answer =
        Http(absl::StrCat("POST ", path, " HTTP/1.1\r\n", close, length, credential, "\r\n", body));
    EXPECT_TRUE(absl::EndsWith(answer, R"({"msg":"key","code":0})")) << answer;
  }
  EXPECT_TRUE(
      absl::StartsWith(Http(absl::StrCat("POST /TabletServer/MakeSnapshot HTTP/1.1\r\n", close,
                                         "Content-Length: 2\r\n", credential, "\r\n{}")),
                       "HTTP/1.1 400"));
  // Without a credential there is no answer (F4).
  EXPECT_EQ(Http(absl::StrCat("POST /TabletServer/Scan HTTP/1.1\r\n", close, length, "\r\n", body)),
            "");
}

}  // namespace
}  // namespace omdb::simulator
