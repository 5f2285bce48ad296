#include "operator/kube/api_error.h"

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/kube/fake_transport.h"

namespace omdb::kube {
namespace {

using ::testing::HasSubstr;

TEST(ApiError, HasTheCodeThatTheInterfacePromises) {
  const struct {
    int http;
    const char* reason;
    absl::StatusCode code;
  } cases[] = {
      {400, "BadRequest", absl::StatusCode::kInvalidArgument},
      {401, "Unauthorized", absl::StatusCode::kUnauthenticated},
      {403, "Forbidden", absl::StatusCode::kPermissionDenied},
      {404, "NotFound", absl::StatusCode::kNotFound},
      {405, "MethodNotAllowed", absl::StatusCode::kUnimplemented},
      {409, "Conflict", absl::StatusCode::kAborted},
      {409, "AlreadyExists", absl::StatusCode::kAlreadyExists},
      {410, "Expired", absl::StatusCode::kOutOfRange},
      {413, "RequestEntityTooLarge", absl::StatusCode::kInvalidArgument},
      {415, "UnsupportedMediaType", absl::StatusCode::kInvalidArgument},
      {422, "Invalid", absl::StatusCode::kInvalidArgument},
      {429, "TooManyRequests", absl::StatusCode::kResourceExhausted},
      {500, "InternalError", absl::StatusCode::kUnavailable},
      {503, "ServiceUnavailable", absl::StatusCode::kUnavailable},
      {504, "Timeout", absl::StatusCode::kUnavailable},
  };
  for (const auto& c : cases) {
    const absl::Status status = ApiError("try", c.http, StatusObject(c.http, c.reason, "m").dump());
    EXPECT_EQ(status.code(), c.code) << c.http << " " << c.reason;
    EXPECT_EQ(HttpCode(status), c.http);
  }
}

TEST(ApiError, SaysWhatWasTriedAndWhatTheServerSaid) {
  const absl::Status status =
      ApiError("apply pods db/a", 422,
               StatusObject(422, "Invalid", "spec.containers: Required value").dump());
  EXPECT_EQ(
      status.message(),
      "apply pods db/a: the API server answered 422 Invalid: spec.containers: Required value");
}

TEST(ApiError, QuotesTheBeginningOfAnAnswerThatIsNoStatus) {
  const absl::Status status = ApiError("get", 502, "<html>" + std::string(1000, 'x'));
  EXPECT_THAT(status.message(), HasSubstr("502: <html>xxx"));
  EXPECT_LT(status.message().size(), 400u);
}

TEST(ApiError, TellsWhatToCheckWhenItIsAboutPermissions) {
  EXPECT_THAT(ApiError("get", 403, "").message(), HasSubstr("RoleBinding"));
  EXPECT_THAT(ApiError("get", 401, "").message(), HasSubstr("token"));
}

TEST(ApiError, KeepsRetryAfter) {
  const absl::Status status = ApiError("get", HttpResponse{429, "", absl::Seconds(3)});
  EXPECT_EQ(RetryAfter(status), absl::Seconds(3));
  EXPECT_EQ(RetryAfter(ApiError("get", HttpResponse{429})), std::nullopt);
  EXPECT_EQ(HttpCode(absl::InternalError("another")), 0);
}

TEST(ApiError, QuotesAStatusWhoseFieldsAreNoText) {
  EXPECT_EQ(ApiError("get", 500, R"({"reason":1,"message":2})").message(),
            "get: the API server answered 500: {\"reason\":1,\"message\":2}");
}

TEST(ApiError, TakesNoCodeFromAPayloadThatIsNoNumber) {
  absl::Status status = ApiError("get", HttpResponse{429, "", absl::Seconds(3)});
  status.SetPayload("openmldb.ai/http-code", absl::Cord("many"));
  EXPECT_EQ(HttpCode(status), 0);
  EXPECT_EQ(RetryAfter(status), absl::Seconds(3));
}

}  // namespace
}  // namespace omdb::kube
