#include "operator/openmldb/http_client.h"

#include <cpprest/http_client.h>
#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <exception>
#include <future>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "operator/future_of.h"
#include "taskmanager.pb.h"

namespace omdb {
namespace {

namespace http = web::http;

// Enough of a foreign body to recognize who answered.
constexpr size_t kQuotedBytes = 200;

// The library keeps the time itself, unless it is stuck.
constexpr absl::Duration kGrace = absl::Seconds(1);

std::string Quote(const std::string& body) {
  return absl::StrCat("\"", body.substr(0, kQuotedBytes), body.size() > kQuotedBytes ? "…" : "",
                      "\"");
}

struct Answer {
  http::status_code code;
  std::string body;
};

// The content type is not looked at: brpc-java and brpc name it as they like.
pplx::task<Answer> ReadAnswer(const http::http_response& response) {
  return response.extract_utf8string(/*ignore_content_type=*/true)
      .then([response](const std::string& body) {
        return Answer{response.status_code(), body};
      });
}

// The library's exceptions end here.
absl::StatusOr<std::string> Send(const std::string& address, const http::http_request& request,
                                 const std::string& what, absl::Duration timeout) {
  try {
    http::client::http_client_config config;
    config.set_timeout(std::chrono::milliseconds(absl::ToInt64Milliseconds(timeout)));
    http::client::http_client client(web::uri("http://" + address), config);
    std::future<Answer> future = FutureOf(client.request(request).then(ReadAnswer));
    if (future.wait_for(absl::ToChronoMilliseconds(timeout + kGrace)) != std::future_status::ready)
      return absl::UnavailableError(absl::StrCat(what, ": no answer within ",
                                                 absl::FormatDuration(timeout),
                                                 "; check that the server runs there"));
    Answer answer = future.get();
    if (answer.code != http::status_codes::OK) {
      return absl::InternalError(absl::StrCat(what, ": HTTP status ", answer.code, " ",
                                              Quote(answer.body),
                                              "; check that the port is right"));
    }
    return std::move(answer.body);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat(what, ": ", error.what(), "; check that the server runs there"));
  }
}

// Accepts fields under their own names and in camelCase, and 64-bit numbers as text: brpc-java
// writes them so.
template <typename Message>
absl::StatusOr<Message> Parse(const std::string& body, const std::string& what) {
  Message message;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(body, &message, options);
  if (!status.ok() || !message.IsInitialized()) {
    return absl::InternalError(absl::StrCat(what, ": this is not the answer of a task manager: ",
                                            Quote(body), "; check that the port is right"));
  }
  return message;
}

}  // namespace

absl::StatusOr<std::string> HttpClient::Get(const std::string& address,
                                            const std::string& path) const {
  http::http_request request(http::methods::GET);
  request.set_request_uri(path);
  // Not needed for these paths today, and harmless where it is not (F4).
  request.headers().add("Authorization", credential_);
  return Send(address, request, absl::StrCat("GET ", address, path), timeout_);
}

absl::StatusOr<std::string> HttpClient::Post(const std::string& address, const std::string& method,
                                             const std::string& json) const {
  http::http_request request(http::methods::POST);
  request.set_request_uri("/openmldb.taskmanager.TaskManagerServer/" + method);
  request.set_body(json, "application/json");
  return Send(address, request, absl::StrCat(method, " at task manager ", address), timeout_);
}

absl::StatusOr<std::string> HttpClient::Version(const std::string& address) const {
  absl::StatusOr<std::string> body = Get(address, "/version");
  if (!body.ok()) return body;
  return std::string(absl::StripAsciiWhitespace(*body));
}

absl::StatusOr<std::string> HttpClient::TaskManagerVersion(const std::string& address) const {
  absl::StatusOr<std::string> body = Post(address, "GetVersion", "{}");
  if (!body.ok()) return body;
  const auto version = Parse<openmldb::taskmanager::GetVersionResponse>(
      *body, absl::StrCat("GetVersion at ", address));
  if (!version.ok()) return version.status();
  return std::string(absl::StripAsciiWhitespace(version->taskmanager_version()));
}

absl::StatusOr<std::vector<Job>> HttpClient::UnfinishedJobs(const std::string& address) const {
  const std::string what = absl::StrCat("ShowJobs at task manager ", address);
  absl::StatusOr<std::string> body = Post(address, "ShowJobs", R"({"unfinished":true})");
  if (!body.ok()) return body.status();
  const auto response = Parse<openmldb::taskmanager::ShowJobsResponse>(*body, what);
  if (!response.ok()) return response.status();
  if (response->code() != 0) return OpenMldbError(response->code(), what, response->msg());
  std::vector<Job> jobs;
  for (const openmldb::taskmanager::JobInfo& job : response->jobs()) {
    jobs.push_back({.id = job.id(),
                    .type = job.job_type(),
                    .state = job.state(),
                    .start_time = absl::FromUnixMillis(job.start_time())});
  }
  return jobs;
}

absl::Status HttpClient::ApiServerServes(const std::string& address) const {
  const std::string what = absl::StrCat("GET ", address, "/dbs");
  absl::StatusOr<std::string> body = Get(address, "/dbs");
  if (!body.ok()) return body.status();
  const nlohmann::json answer = nlohmann::json::parse(*body, /*cb=*/nullptr,
                                                      /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("code") || !answer["code"].is_number_integer()) {
    return absl::InternalError(absl::StrCat(what, ": this is not the answer of an API server: ",
                                            Quote(*body), "; check that the port is right"));
  }
  const int code = answer["code"].get<int>();
  if (code == 0) return absl::OkStatus();
  const auto message = answer.find("msg");
  return OpenMldbError(
      code, what,
      message != answer.end() && message->is_string() ? message->get<std::string>() : "");
}

}  // namespace omdb
