#include "operator/kube/cpprest_transport.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/kube/loopback_server.h"

namespace omdb::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Answer(const std::string& status, const std::string& headers, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\n", headers, "Content-Type: application/json\r\n",
                      "Content-Length: ", body.size(), "\r\n\r\n", body);
}

std::string Chunk(const std::string& text) {
  return absl::StrCat(absl::Hex(text.size()), "\r\n", text, "\r\n");
}

constexpr char kChunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

class CpprestTransportTest : public ::testing::Test {
 protected:
  std::unique_ptr<HttpTransport> Connect(const LoopbackServer& server, Connection connection = {}) {
    connection.server = server.url();
    auto transport = NewCpprestTransport(connection, "omdb-test/1");
    EXPECT_TRUE(transport.ok()) << transport.status();
    return *std::move(transport);
  }

  // The lines of a stream, and how it ended.
  absl::Status Stream(HttpTransport& transport, absl::Duration timeout = absl::Seconds(10)) {
    HttpRequest request{"GET", "/watch"};
    request.timeout = timeout;
    return transport
        .Stream(request, stop_,
                [this](absl::string_view line) {
                  lines_.push_back(std::string(line));
                  return lines_.size() < 3;
                })
        .status();
  }

  StopSignal stop_;
  std::vector<std::string> lines_;
  MonotonicClock clock_;
};

TEST_F(CpprestTransportTest, SendsWhatItIsGivenAndReturnsTheAnswer) {
  std::string seen;
  LoopbackServer server([&](LoopbackServer::Peer& peer) {
    seen = peer.Read();
    peer.Write(Answer("409 Conflict", "Retry-After: 7\r\n", R"({"a":1})"));
  });
  Connection connection;
  connection.token = "secret";
  const auto transport = Connect(server, connection);
  const auto response = transport->Send(
      {"PATCH", "/apis/x?force=true&q=a%2Fb", "application/apply-patch+yaml", "{}"}, stop_);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code, 409);
  EXPECT_EQ(response->body, R"({"a":1})");
  EXPECT_EQ(response->retry_after, absl::Seconds(7));
  EXPECT_THAT(
      seen,
      AllOf(HasSubstr("PATCH /apis/x?force=true&q=a%2Fb HTTP/1.1\r\n"),
            HasSubstr("Authorization:Bearer secret\r\n"), HasSubstr("User-Agent:omdb-test/1\r\n"),
            HasSubstr("Accept:application/json\r\n"),
            HasSubstr("Content-Type:application/apply-patch+yaml\r\n"), HasSubstr("\r\n\r\n{}")));
  EXPECT_EQ(transport->Host(), server.address());
}

TEST_F(CpprestTransportTest, LogsInWithAPassword) {
  std::string seen;
  LoopbackServer server([&](LoopbackServer::Peer& peer) {
    seen = peer.Read();
    peer.Write(Answer("200 OK", "", "{}"));
  });
  Connection connection;
  connection.username = "u";
  connection.password = "p";
  ASSERT_TRUE(Connect(server, connection)->Send({"GET", "/"}, stop_).ok());
  EXPECT_THAT(seen, HasSubstr("Authorization:Basic dTpw\r\n"));
}

TEST_F(CpprestTransportTest, ADateInRetryAfterIsASecond) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write(Answer("503 Away", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", ""));
  });
  EXPECT_EQ(Connect(server)->Send({"GET", "/"}, stop_)->retry_after, absl::Seconds(1));
}

TEST_F(CpprestTransportTest, DoesNotFollowARedirectWithItsToken) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write(Answer("302 Found", "Location: http://127.0.0.1:1/\r\n", ""));
  });
  EXPECT_EQ(Connect(server)->Send({"GET", "/"}, stop_)->code, 302);
}

TEST_F(CpprestTransportTest, NoServerIsUnavailable) {
  Connection connection;
  connection.server = "http://127.0.0.1:1";
  const auto transport = *NewCpprestTransport(connection, "test");
  EXPECT_TRUE(absl::IsUnavailable(transport->Send({"GET", "/"}, stop_).status()));
}

TEST_F(CpprestTransportTest, AConnectionThatBreaksIsUnavailable) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
  });
  EXPECT_TRUE(absl::IsUnavailable(Connect(server)->Send({"GET", "/"}, stop_).status()));
}

TEST_F(CpprestTransportTest, AnAnswerThatDripsEndsAtItsDeadline) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    while (peer.Write("x") && peer.Pause(absl::Milliseconds(100))) {
    }
  });
  HttpRequest request{"GET", "/"};
  request.timeout = absl::Milliseconds(500);
  const absl::Duration start = clock_.Elapsed();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Connect(server)->Send(request, stop_).status()));
  EXPECT_LT(clock_.Elapsed() - start, absl::Seconds(2));
}

TEST_F(CpprestTransportTest, StreamsEachLineWhenItComes) {
  std::atomic<size_t> read = 0;
  LoopbackServer server([&](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write(kChunked + Chunk("one\n"));
    while (read < 1 && peer.Pause(absl::Milliseconds(1))) {
    }
    peer.Write(Chunk("tw"));
    peer.Write(Chunk("o\n") + "0\r\n\r\n");
  });
  HttpRequest request{"GET", "/watch"};
  const auto response = Connect(server)->Stream(request, stop_, [&](absl::string_view line) {
    lines_.push_back(std::string(line));
    ++read;
    return true;
  });
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code, 200);
  EXPECT_THAT(lines_, ElementsAre("one", "two"));
}

TEST_F(CpprestTransportTest, AStreamEndsWhenItsReaderHasEnough) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write(kChunked + Chunk("1\n2\n3\n4\n"));
    peer.Pause(absl::Seconds(30));
  });
  EXPECT_TRUE(Stream(*Connect(server)).ok());
  EXPECT_THAT(lines_, ElementsAre("1", "2", "3"));
}

TEST_F(CpprestTransportTest, ASilentStreamIsGivenUp) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write(kChunked + Chunk("one\n"));
    peer.Pause(absl::Seconds(30));
  });
  const absl::Duration start = clock_.Elapsed();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Stream(*Connect(server), absl::Seconds(1))));
  EXPECT_LT(clock_.Elapsed() - start, absl::Seconds(5));
  EXPECT_THAT(lines_, ElementsAre("one"));
}

TEST_F(CpprestTransportTest, ABrokenStreamIsUnavailable) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write(kChunked + Chunk("one\n") + "ff\r\nhalf a li");
  });
  EXPECT_TRUE(absl::IsUnavailable(Stream(*Connect(server))));
}

TEST_F(CpprestTransportTest, ARefusedStreamHasItsBody) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    peer.Read();
    peer.Write(Answer("410 Gone", "Retry-After: 2\r\n", "gone"));
  });
  const auto response =
      Connect(server)->Stream({"GET", "/watch"}, stop_, [](absl::string_view) { return true; });
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->code, 410);
  EXPECT_EQ(response->body, "gone");
  EXPECT_EQ(response->retry_after, absl::Seconds(2));
}

TEST_F(CpprestTransportTest, StoppingEndsWhatBlocks) {
  LoopbackServer server([](LoopbackServer::Peer& peer) {
    if (peer.Read().find("/watch") != std::string::npos) peer.Write(kChunked + Chunk("one\n"));
    peer.Pause(absl::Seconds(30));
  });
  const auto transport = Connect(server);
  std::thread sends([&] {
    EXPECT_TRUE(absl::IsCancelled(transport->Send({"GET", "/"}, stop_).status()));
  });
  std::thread stops([&] {
    absl::SleepFor(absl::Milliseconds(200));
    stop_.Stop();
  });
  const absl::Duration start = clock_.Elapsed();
  EXPECT_TRUE(absl::IsCancelled(Stream(*transport, absl::Seconds(20))));
  sends.join();
  stops.join();
  EXPECT_LT(clock_.Elapsed() - start, absl::Seconds(1));
  EXPECT_TRUE(absl::IsCancelled(transport->Send({"GET", "/"}, stop_).status()));
}

TEST_F(CpprestTransportTest, ConnectsToAnIpv6Address) {
  LoopbackServer server(
      [](LoopbackServer::Peer& peer) {
        peer.Read();
        peer.Write(Answer("200 OK", "", "{}"));
      },
      "::1");
  if (server.port() == 0) GTEST_SKIP() << "no IPv6 loopback here";
  EXPECT_TRUE(Connect(server)->Send({"GET", "/"}, stop_).ok());
}

TEST_F(CpprestTransportTest, SaysWhichTokenFileIsMissing) {
  Connection connection;
  connection.server = "http://127.0.0.1:1";
  connection.token_file = "/nowhere/token";
  const auto transport = *NewCpprestTransport(connection, "test");
  const absl::Status status = transport->Send({"GET", "/"}, stop_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(), HasSubstr("/nowhere/token"));
}

TEST_F(CpprestTransportTest, RefusesAnAddressThatIsNone) {
  Connection connection;
  connection.server = "no url";
  EXPECT_TRUE(absl::IsInvalidArgument(NewCpprestTransport(connection, "test").status()));
}

}  // namespace
}  // namespace omdb::kube
