#include "operator/kube/rest.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/kube/fake_transport.h"

namespace omdb::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

class RestTest : public ::testing::Test {
 protected:
  RestTest() {
    RestOptions options;
    options.observer = [this](const ObservedRequest& request) {
      codes_.push_back(request.code);
      EXPECT_EQ(request.host, "api.test:6443");
    };
    rest_ = std::make_unique<Rest>(server_, &stop_, options, [this](absl::Duration pause) {
      pauses_.push_back(pause);
      return !stop_.stopped();
    });
  }

  absl::StatusOr<Json> Get(bool repeatable = true) {
    return rest_->Do({"get pods db/a", repeatable ? "GET" : "POST", "/x", "", "", repeatable});
  }

  std::shared_ptr<FakeTransport> server_ = std::make_shared<FakeTransport>();
  StopSignal stop_;
  std::vector<absl::Duration> pauses_;
  std::vector<int> codes_;
  std::unique_ptr<Rest> rest_;
};

TEST_F(RestTest, GivesTheAnswer) {
  server_->Add(201, {{"a", 1}});
  const auto answer = Get();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, (Json{{"a", 1}}));
  EXPECT_THAT(codes_, ElementsAre(201));
}

TEST_F(RestTest, LeavesNullsOutAsTheApiMeansThem) {
  server_->Add(200, Json{{"finishedAt", nullptr},
                         {"exitCode", 137},
                         {"args", {"x", "y"}},
                         {"state", {{"waiting", nullptr}, {"running", Json::object()}}}});
  const auto answer = Get();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(
      *answer,
      (Json{{"exitCode", 137}, {"args", {"x", "y"}}, {"state", {{"running", Json::object()}}}}));
}

TEST_F(RestTest, WaitsOnceAsAnOverloadedServerSays) {
  server_->Add(429, StatusObject(429, "TooManyRequests", "m"), absl::Seconds(3));
  server_->Add(200, Json::object());
  EXPECT_TRUE(Get(/*repeatable=*/false).ok());
  EXPECT_THAT(pauses_, ElementsAre(absl::Seconds(3)));
  EXPECT_THAT(codes_, ElementsAre(429, 200));
}

TEST_F(RestTest, GivesUpWhenTheServerIsStillOverloaded) {
  server_->Add(429, StatusObject(429, "TooManyRequests", "m"), absl::Seconds(3));
  server_->Add(429, StatusObject(429, "TooManyRequests", "m"), absl::Seconds(3));
  EXPECT_TRUE(absl::IsResourceExhausted(Get().status()));
  EXPECT_THAT(pauses_, SizeIs(1));
}

TEST_F(RestTest, LeavesALongWaitToTheCaller) {
  server_->Add(429, StatusObject(429, "TooManyRequests", "m"), absl::Minutes(5));
  EXPECT_TRUE(absl::IsResourceExhausted(Get().status()));
  EXPECT_THAT(pauses_, IsEmpty());
}

TEST_F(RestTest, Survives5xxAndBrokenConnections) {
  server_->Add(503, StatusObject(503, "ServiceUnavailable", "m"));
  server_->AddError(absl::UnavailableError("Connection refused"));
  server_->AddError(absl::DeadlineExceededError("no answer within 15s"));
  server_->Add(200, Json::object());
  EXPECT_TRUE(Get().ok());
  EXPECT_THAT(codes_, ElementsAre(503, 0, 0, 200));
  EXPECT_THAT(pauses_,
              ElementsAre(AllOf(Ge(absl::Milliseconds(50)), Le(absl::Milliseconds(100))),
                          AllOf(Ge(absl::Milliseconds(100)), Le(absl::Milliseconds(200))),
                          AllOf(Ge(absl::Milliseconds(200)), Le(absl::Milliseconds(400)))));
}

TEST_F(RestTest, GivesUpAfterAFewTries) {
  for (int i = 0; i < 5; ++i) server_->AddError(absl::DeadlineExceededError("no answer"));
  const absl::Status status = Get().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << "the interface knows one code for a server away";
  EXPECT_THAT(status.message(), AllOf(HasSubstr("get pods db/a"), HasSubstr("api.test:6443"),
                                      HasSubstr("no answer")));
  EXPECT_THAT(server_->requests, SizeIs(4));
}

TEST_F(RestTest, DoesNotRepeatWhatMayHaveHappened) {
  server_->AddError(absl::UnavailableError("Connection reset"));
  EXPECT_TRUE(absl::IsUnavailable(Get(/*repeatable=*/false).status()));
  server_->Add(500, StatusObject(500, "InternalError", "m"));
  EXPECT_TRUE(absl::IsUnavailable(Get(/*repeatable=*/false).status()));
  EXPECT_THAT(server_->requests, SizeIs(2));
}

TEST_F(RestTest, DoesNotRepeatARefusal) {
  server_->Add(409, StatusObject(409, "Conflict", "changed meanwhile"));
  EXPECT_TRUE(absl::IsAborted(Get().status()));
  server_->Add(422, StatusObject(422, "Invalid", "m"));
  EXPECT_TRUE(absl::IsInvalidArgument(Get().status()));
  EXPECT_THAT(server_->requests, SizeIs(2));
}

TEST_F(RestTest, TriesOnceMoreWithATokenReadAnew) {
  server_->Add(401, StatusObject(401, "Unauthorized", "m"));
  server_->Add(200, Json::object());
  EXPECT_TRUE(Get(/*repeatable=*/false).ok());
  server_->Add(401, StatusObject(401, "Unauthorized", "m"));
  server_->Add(401, StatusObject(401, "Unauthorized", "m"));
  EXPECT_TRUE(absl::IsUnauthenticated(Get().status()));
  EXPECT_THAT(server_->requests, SizeIs(4));
}

TEST_F(RestTest, EndsWithTheProcess) {
  server_->Add({HttpResponse{503}, {}, [this] { stop_.Stop(); }});
  EXPECT_TRUE(absl::IsCancelled(Get().status()));
  EXPECT_THAT(server_->requests, SizeIs(1));
}

TEST_F(RestTest, AnAnswerThatIsNoJsonIsAnError) {
  server_->Add({HttpResponse{200, "<html>"}});
  EXPECT_TRUE(absl::IsUnavailable(Get().status()));
}

TEST_F(RestTest, AnAnswerThatIsNoObjectIsAnError) {
  for (const Json& answer :
       {Json::array(), Json("ok"), Json(), Json{{"metadata", 7}, {"kind", "Pod"}}}) {
    server_->Add(200, answer);
    EXPECT_TRUE(absl::IsUnavailable(Get().status())) << answer;
  }
}

TEST_F(RestTest, ListsAllPages) {
  server_->Add(200, PodList({PodObject("a", 1)}, 9, "next"));
  server_->Add(200, PodList({PodObject("b", 2)}, 9));
  const auto pods = rest_->ListAll(types::Pod(), "db", {{"app", "x"}, {"tier", "y"}});
  ASSERT_TRUE(pods.ok());
  EXPECT_THAT(*pods, ElementsAre(PodObject("a", 1), PodObject("b", 2)));
  EXPECT_THAT(server_->Paths(),
              ElementsAre("/api/v1/namespaces/db/pods?limit=500&labelSelector=app%3Dx%2Ctier%3Dy",
                          "/api/v1/namespaces/db/pods?limit=500&labelSelector=app%3Dx%2Ctier%3Dy&"
                          "continue=next"));
}

TEST_F(RestTest, GivesUpWhenEveryAnswerIsA5xx) {
  for (int i = 0; i < 5; ++i) server_->Add(503, StatusObject(503, "ServiceUnavailable", "m"));
  EXPECT_TRUE(absl::IsUnavailable(Get().status()));
  EXPECT_THAT(server_->requests, SizeIs(4));
}

TEST_F(RestTest, TakesAnInterimCodeForNoAnswer) {
  server_->Add(101, Json::object());
  EXPECT_TRUE(absl::IsUnavailable(Get().status()));
  EXPECT_THAT(server_->requests, SizeIs(1));
}

TEST_F(RestTest, CountsStreamsToo) {
  server_->AddStream({Json::object()});
  server_->AddStream({}, absl::UnavailableError("Connection reset"));
  const auto on_line = [](absl::string_view) { return true; };
  EXPECT_TRUE(rest_->Stream({"GET", "/x"}, on_line).ok());
  EXPECT_TRUE(absl::IsUnavailable(rest_->Stream({"GET", "/x"}, on_line).status()));
  EXPECT_THAT(codes_, ElementsAre(200, 0));
}

TEST_F(RestTest, AListWithAPageThatIsRefusedIsNoList) {
  server_->Add(200, PodList({PodObject("a", 1)}, 9, "next"));
  server_->Add(410, StatusObject(410, "Expired", "continue token expired"));
  EXPECT_TRUE(absl::IsOutOfRange(rest_->ListAll(types::Pod(), "db", {}).status()));
}

TEST(RestPath, NamesCollectionsAndObjects) {
  EXPECT_EQ(CollectionPath(types::Pod(), "db"), "/api/v1/namespaces/db/pods");
  EXPECT_EQ(CollectionPath(types::OpenMLDBCluster(), ""),
            "/apis/openmldb.ai/v1alpha1/openmldbclusters");
  EXPECT_EQ(ObjectPath(types::StatefulSet(), {"db", "demo"}),
            "/apis/apps/v1/namespaces/db/statefulsets/demo");
}

TEST(RestPath, EncodesWhatIsNotUnreserved) {
  EXPECT_EQ(WithQuery("/x", {{"a-b_c.d~e", "1+2 /\xC3\xA4"}}), "/x?a-b_c.d~e=1%2B2%20%2F%C3%A4");
}

}  // namespace
}  // namespace omdb::kube
