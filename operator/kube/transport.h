#ifndef OMDB_OPERATOR_KUBE_TRANSPORT_H_
#define OMDB_OPERATOR_KUBE_TRANSPORT_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "operator/kube/stop_signal.h"

namespace omdb::kube {

struct HttpRequest {
  std::string method;  // "GET", "PATCH", ...
  std::string path;    // with the query, percent-encoded
  std::string content_type;
  std::string body;
  // Of the whole exchange for Send; for Stream the longest silence that is not taken for a dead
  // connection.
  absl::Duration timeout = absl::Seconds(15);
};

struct HttpResponse {
  int code = 0;
  std::string body;
  std::optional<absl::Duration> retry_after;
};

// HTTP to one API server: connections, TLS and credentials, and nothing about Kubernetes. Every
// answer of the server is a value, whatever its code. Errors: Unavailable (not connected, or the
// connection broke); DeadlineExceeded (timeout); Cancelled (`stop`); FailedPrecondition
// (credentials that cannot be read). Thread-safe; no exception leaves.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request, StopSignal& stop) = 0;

  // Gives each line of a 200 answer's body to `on_line` as it comes, until that returns false, the
  // server ends the answer, or an error. Any other answer is returned with its body; a streamed one
  // has none. Blocks; `on_line` runs in the caller's thread.
  virtual absl::StatusOr<HttpResponse> Stream(
      const HttpRequest& request, StopSignal& stop,
      const std::function<bool(absl::string_view line)>& on_line) = 0;

  // Host and port, for messages and metrics.
  virtual std::string Host() const = 0;
};

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_TRANSPORT_H_
