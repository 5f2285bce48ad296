#include "operator/openmldb/http_client.h"

// Its macro U is also the name of a template parameter in GoogleTest.
#define _TURN_OFF_PLATFORM_STRING  // NOLINT(bugprone-reserved-identifier)
#include <cpprest/http_listener.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/openmldb/sockets.h"

namespace omdb {
namespace {

using testing::HasSubstr;

using Answers = std::map<std::string, std::string>;

// Answers "GET /path" or "POST /path body" as told, over HTTP on loopback.
class HttpServer {
 public:
  explicit HttpServer(Answers answers)
      : address_(ClosedAddress()),
        answers_(std::move(answers)),
        listener_(web::uri("http://" + address_)) {
    listener_.support([this](web::http::http_request request) {
      const std::string body = request.extract_utf8string(true).get();
      const std::string key =
          request.method() + " " + request.relative_uri().path() + (body.empty() ? "" : " " + body);
      const auto found = answers_.find(key);
      if (found == answers_.end()) {
        request.reply(web::http::status_codes::NotFound, "no " + key);
      } else {
        request.reply(web::http::status_codes::OK, found->second, "application/proto-text");
      }
    });
    listener_.open().wait();
  }
  ~HttpServer() { listener_.close().wait(); }

  const std::string& address() const { return address_; }

 private:
  const std::string address_;
  const Answers answers_;
  web::http::experimental::listener::http_listener listener_;
};

constexpr char kService[] = "POST /openmldb.taskmanager.TaskManagerServer/";

const HttpClient client("sdefault", absl::Milliseconds(500));

TEST(HttpClient, TrimsTheVersion) {
  HttpServer server(Answers{{"GET /version", "0.9.2\n"}});
  const auto version = client.Version(server.address());
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(*version, "0.9.2");
}

TEST(HttpClient, ReadsTheTaskManagersVersionInBothSpellings) {
  for (const char* body : {R"({"taskmanager_version":"0.9.2","batch_version":"0.9.2-abc"})",
                           R"({"taskmanagerVersion":"0.9.2","batchVersion":"x","new":1})"}) {
    HttpServer server(Answers{{absl::StrCat(kService, "GetVersion {}"), body}});
    const auto version = client.TaskManagerVersion(server.address());
    ASSERT_TRUE(version.ok()) << version.status();
    EXPECT_EQ(*version, "0.9.2");
  }
}

TEST(HttpClient, ReadsUnfinishedJobs) {
  HttpServer server(
      Answers{{absl::StrCat(kService, R"(ShowJobs {"unfinished":true})"),
               R"({"code":0,"msg":"ok","jobs":[{"id":3,"jobType":"ImportOnlineData",)"
               R"("state":"RUNNING","startTime":"1700000000123","progress":0.5}]})"}});
  const auto jobs = client.UnfinishedJobs(server.address());
  ASSERT_TRUE(jobs.ok()) << jobs.status();
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ((*jobs)[0].id, 3);
  EXPECT_EQ((*jobs)[0].type, "ImportOnlineData");
  EXPECT_EQ((*jobs)[0].state, "RUNNING");
  EXPECT_EQ((*jobs)[0].start_time, absl::FromUnixMillis(1700000000123));
}

TEST(HttpClient, AFailureOfTheTaskManagerIsAnError) {
  HttpServer server(Answers{{absl::StrCat(kService, R"(ShowJobs {"unfinished":true})"),
                             R"({"code":-1,"msg":"no database"})"}});
  const absl::Status status = client.UnfinishedJobs(server.address()).status();
  EXPECT_EQ(CodeOf(status), -1);
  EXPECT_THAT(status.message(), HasSubstr("no database"));
}

TEST(HttpClient, AnAnswerOfSomethingElseIsInternal) {
  HttpServer server(Answers{{absl::StrCat(kService, "GetVersion {}"), "<html>hello</html>"},
                            {"GET /dbs", "<html>hello</html>"}});
  EXPECT_TRUE(absl::IsInternal(client.TaskManagerVersion(server.address()).status()));
  EXPECT_TRUE(absl::IsInternal(client.ApiServerServes(server.address())));
  const absl::Status status = client.Version(server.address()).status();
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_THAT(status.message(), HasSubstr("404"));
}

TEST(HttpClient, AnApiServerServesWithCodeZero) {
  HttpServer serves(Answers{{"GET /dbs", R"({"code":0,"msg":"ok","dbs":[]})"}});
  EXPECT_TRUE(client.ApiServerServes(serves.address()).ok());
  HttpServer fails(Answers{{"GET /dbs", R"({"code":-1,"msg":"no nameserver"})"}});
  EXPECT_EQ(CodeOf(client.ApiServerServes(fails.address())), -1);
}

TEST(HttpClient, NobodyThereIsUnavailable) {
  EXPECT_TRUE(absl::IsUnavailable(client.Version(ClosedAddress()).status()));
  SilentPort hanging;
  EXPECT_TRUE(absl::IsUnavailable(client.Version(hanging.address()).status()));
  EXPECT_TRUE(absl::IsUnavailable(client.Version("no such address").status()));
}

}  // namespace
}  // namespace omdb
