#include "operator/kube/rest.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "operator/kube/api_error.h"

namespace omdb::kube {
namespace {

constexpr int kPageSize = 500;

std::string PercentEncode(absl::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const unsigned char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded += static_cast<char>(c);
    } else {
      encoded += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return encoded;
}

void DropNulls(Json& json) {
  if (json.is_object()) {
    for (auto it = json.begin(); it != json.end();) it = it->is_null() ? json.erase(it) : ++it;
  }
  if (json.is_structured()) {
    for (Json& part : json) DropNulls(part);
  }
}

}  // namespace

std::string CollectionPath(const ResourceType& type, const std::string& ns) {
  return absl::StrCat(type.group.empty() ? "/api/" : "/apis/", type.ApiVersion(),
                      ns.empty() ? "" : "/namespaces/", PercentEncode(ns), "/", type.plural);
}

std::string ObjectPath(const ResourceType& type, const ObjectKey& key) {
  return absl::StrCat(CollectionPath(type, key.ns), "/", PercentEncode(key.name));
}

std::string WithQuery(const std::string& path, const Query& query) {
  if (query.empty()) return path;
  return absl::StrCat(
      path, "?", absl::StrJoin(query, "&", [](std::string* out, const auto& parameter) {
        absl::StrAppend(out, PercentEncode(parameter.first), "=", PercentEncode(parameter.second));
      }));
}

std::string LabelSelector(const std::map<std::string, std::string>& labels) {
  return absl::StrJoin(labels, ",", absl::PairFormatter("="));
}

std::string Body(const Json& object) {
  return object.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

Json ParseAnswer(absl::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  DropNulls(json);
  return json;
}

absl::Duration Backoff(int failures, absl::Duration first, absl::Duration longest) {
  const absl::Duration whole = std::min(longest, first * std::pow(2.0, std::min(failures, 30)));
  thread_local std::minstd_rand random{std::random_device{}()};
  return whole * std::uniform_real_distribution<double>(0.5, 1.0)(random);
}

namespace {

// A proxy in between may answer anything.
bool IsObject(const Json& json) {
  return json.is_object() && (!json.contains("metadata") || json.at("metadata").is_object());
}

}  // namespace

Rest::Rest(std::shared_ptr<HttpTransport> transport, StopSignal* stop, RestOptions options,
           Sleeper sleeper)
    : transport_(std::move(transport)),
      stop_(stop),
      options_(std::move(options)),
      sleeper_(sleeper ? std::move(sleeper)
                       : [stop](absl::Duration duration) { return stop->SleepFor(duration); }) {}

absl::StatusOr<HttpResponse> Rest::Once(const RestRequest& request) {
  const absl::Time start = absl::Now();
  auto response = transport_->Send(
      {request.method, request.path, request.content_type, request.body, options_.timeout}, *stop_);
  if (options_.observer) {
    options_.observer({request.method, transport_->Host(), response.ok() ? response->code : 0,
                       absl::Now() - start});
  }
  return response;
}

absl::StatusOr<Json> Rest::Do(const RestRequest& request) {
  bool waited_as_told = false;
  bool read_token_again = false;
  for (int attempt = 1;; ++attempt) {
    const auto response = Once(request);
    if (response.ok() && response->code >= 200 && response->code < 300) {
      Json json = ParseAnswer(response->body);
      if (IsObject(json)) return json;
      return absl::UnavailableError(absl::StrCat(request.attempt, ": the answer of ",
                                                 transport_->Host(), " is not JSON of an object"));
    }

    absl::Status error;
    absl::Duration pause = Backoff(attempt - 1, options_.first_pause, options_.longest_pause);
    bool again = false;
    if (!response.ok()) {
      // The interface has one code for an API server that does not answer.
      const bool away =
          absl::IsUnavailable(response.status()) || absl::IsDeadlineExceeded(response.status());
      error = absl::Status(away ? absl::StatusCode::kUnavailable : response.status().code(),
                           absl::StrCat(request.attempt, ": ", transport_->Host(), ": ",
                                        response.status().message()));
      again = away && request.repeatable && attempt < options_.max_attempts;
    } else {
      error = ApiError(request.attempt, *response);
      if (response->code == 429) {
        again = !waited_as_told;
        waited_as_told = true;
      } else if (response->code == 401) {
        again = !read_token_again;
        read_token_again = true;
      } else if (response->code >= 500) {
        again = request.repeatable && attempt < options_.max_attempts;
      }
      if (response->retry_after) pause = *response->retry_after;
    }
    if (!again || pause > options_.longest_retry_after) return error;
    if (!sleeper_(pause)) return absl::CancelledError("the operator is stopping");
  }
}

absl::StatusOr<HttpResponse> Rest::Stream(const HttpRequest& request,
                                          const std::function<bool(absl::string_view)>& on_line) {
  const absl::Time start = absl::Now();
  auto response = transport_->Stream(request, *stop_, on_line);
  if (options_.observer) {
    options_.observer({request.method, transport_->Host(), response.ok() ? response->code : 0,
                       absl::Now() - start});
  }
  return response;
}

absl::StatusOr<std::vector<Json>> Rest::ListAll(const ResourceType& type, const std::string& ns,
                                                const std::map<std::string, std::string>& labels) {
  std::vector<Json> objects;
  std::string next;
  do {
    Query query{{"limit", absl::StrCat(kPageSize)}};
    if (!labels.empty()) query.emplace_back("labelSelector", LabelSelector(labels));
    if (!next.empty()) query.emplace_back("continue", next);
    auto page = Do({absl::StrCat("list ", type.plural, " in ", ns), "GET",
                    WithQuery(CollectionPath(type, ns), query)});
    if (!page.ok()) return page.status();
    for (Json& item : (*page)["items"]) {
      item["apiVersion"] = type.ApiVersion();
      item["kind"] = type.kind;
      objects.push_back(std::move(item));
    }
    next = (*page)["metadata"].value("continue", "");
  } while (!next.empty());
  return objects;
}

}  // namespace omdb::kube
