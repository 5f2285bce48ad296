#ifndef OMDB_OPERATOR_KUBE_REST_H_
#define OMDB_OPERATOR_KUBE_REST_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "controllers/kubernetes.h"
#include "operator/kube/stop_signal.h"
#include "operator/kube/transport.h"

namespace omdb::kube {

using Query = std::vector<std::pair<std::string, std::string>>;

// "/api/v1/namespaces/db/pods"; all namespaces when `ns` is empty.
std::string CollectionPath(const ResourceType& type, const std::string& ns);
std::string ObjectPath(const ResourceType& type, const ObjectKey& key);
std::string WithQuery(const std::string& path, const Query& query);
// "a=b,c=d", as labelSelector wants it.
std::string LabelSelector(const std::map<std::string, std::string>& labels);

// The text of a document. What is not UTF-8, say in a message of another server that went into a
// status, is replaced: it would be refused otherwise.
std::string Body(const Json& object);

// What the API server wrote, without its nulls: they mean the same as a field that is left out, and
// Go's types write them for what is not known, such as the time at which a lost container ended.
// Discarded when it is no JSON.
Json ParseAnswer(absl::string_view text);

// One request as metrics count it: `code` is the HTTP code, or 0 without an answer.
struct ObservedRequest {
  std::string method;
  std::string host;
  int code = 0;
  absl::Duration took;
};
using RequestObserver = std::function<void(const ObservedRequest&)>;

struct RestOptions {
  // Of one attempt.
  absl::Duration timeout = absl::Seconds(15);
  // Attempts of a request that is safe to repeat, when the server is away or answers 5xx.
  int max_attempts = 4;
  // The pauses between them double from the first up to the longest, each shortened at random by up
  // to a half.
  absl::Duration first_pause = absl::Milliseconds(100);
  absl::Duration longest_pause = absl::Seconds(2);
  // A longer Retry-After is left to the caller.
  absl::Duration longest_retry_after = absl::Seconds(10);
  RequestObserver observer;
};

struct RestRequest {
  std::string attempt;  // for messages: "apply statefulsets db/demo-tablet"
  std::string method = "GET";
  std::string path;
  std::string content_type;
  std::string body;
  // Whether twice is the same as once. Otherwise it is only repeated when it was refused.
  bool repeatable = true;
};

// Requests to the Kubernetes API with their retries. 429 is repeated once after Retry-After, 401
// once with a token read anew; errors are those of ApiError, and Unavailable and Cancelled for
// requests without an answer. Thread-safe.
class Rest {
 public:
  // Waits; false when everything stops. For tests.
  using Sleeper = std::function<bool(absl::Duration)>;

  Rest(std::shared_ptr<HttpTransport> transport, StopSignal* stop, RestOptions options,
       Sleeper sleeper = nullptr);

  absl::StatusOr<Json> Do(const RestRequest& request);

  // A page or an endless answer for a watch, without retries.
  absl::StatusOr<HttpResponse> Stream(const HttpRequest& request,
                                      const std::function<bool(absl::string_view)>& on_line);

  // Every object of a collection, page by page. As items carry no apiVersion and kind, they get
  // them.
  absl::StatusOr<std::vector<Json>> ListAll(const ResourceType& type, const std::string& ns,
                                            const std::map<std::string, std::string>& labels);

  StopSignal& stop() { return *stop_; }

 private:
  absl::StatusOr<HttpResponse> Once(const RestRequest& request);

  const std::shared_ptr<HttpTransport> transport_;
  StopSignal* const stop_;
  const RestOptions options_;
  const Sleeper sleeper_;
};

// `longest` at most, else `first` doubled `failures` times; of it a random part between a half and
// the whole, so that clients that failed together do not come back together.
absl::Duration Backoff(int failures, absl::Duration first, absl::Duration longest);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_REST_H_
