#include "operator/kube/api_error.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace omdb::kube {
namespace {

constexpr absl::string_view kHttpCodePayload = "openmldb.ai/http-code";
constexpr absl::string_view kRetryAfterPayload = "openmldb.ai/retry-after-seconds";
constexpr size_t kMaxQuotedBody = 300;

absl::StatusCode StatusCodeOf(int code, absl::string_view reason) {
  switch (code) {
    case 400:
    case 413:
    case 415:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 405:
      return absl::StatusCode::kUnimplemented;
    case 409:
      return reason == "AlreadyExists" ? absl::StatusCode::kAlreadyExists
                                       : absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

absl::string_view WayOut(int code) {
  switch (code) {
    case 401:
      return "; check the token or client certificate";
    case 403:
      return "; check the operator's Role and RoleBinding";
    default:
      return "";
  }
}

std::optional<int> NumberIn(const absl::Status& status, absl::string_view payload) {
  const auto text = status.GetPayload(payload);
  int number = 0;
  if (!text || !absl::SimpleAtoi(std::string(*text), &number)) return std::nullopt;
  return number;
}

}  // namespace

absl::Status ApiError(absl::string_view attempt, int code, absl::string_view body) {
  std::string reason;
  // A proxy in between answers in its own words.
  std::string message(body.substr(0, kMaxQuotedBody));
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) {
    if (auto it = json.find("reason"); it != json.end() && it->is_string()) reason = *it;
    if (auto it = json.find("message"); it != json.end() && it->is_string()) message = *it;
  }
  absl::Status status(
      StatusCodeOf(code, reason),
      absl::StrCat(attempt, ": the API server answered ", code, reason.empty() ? "" : " ", reason,
                   message.empty() ? "" : ": ", message, WayOut(code)));
  status.SetPayload(kHttpCodePayload, absl::Cord(absl::StrCat(code)));
  return status;
}

absl::Status ApiError(absl::string_view attempt, const HttpResponse& response) {
  absl::Status status = ApiError(attempt, response.code, response.body);
  if (response.retry_after) {
    status.SetPayload(kRetryAfterPayload,
                      absl::Cord(absl::StrCat(absl::ToInt64Seconds(*response.retry_after))));
  }
  return status;
}

int HttpCode(const absl::Status& status) { return NumberIn(status, kHttpCodePayload).value_or(0); }

std::optional<absl::Duration> RetryAfter(const absl::Status& status) {
  const auto seconds = NumberIn(status, kRetryAfterPayload);
  if (!seconds) return std::nullopt;
  return absl::Seconds(*seconds);
}

}  // namespace omdb::kube
