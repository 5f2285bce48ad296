#ifndef OMDB_OPERATOR_KUBE_CONNECTION_H_
#define OMDB_OPERATOR_KUBE_CONNECTION_H_

#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "operator/monotonic_clock.h"

namespace omdb::kube {

// How to reach an API server and who the operator is to it. Of each pair of text and file at most
// one is set. Files are read again for each connection, as they are replaced while the process
// runs.
struct Connection {
  std::string server;           // "https://10.0.0.1:6443", perhaps with a path
  std::string tls_server_name;  // the name to verify instead of the host of `server`
  bool insecure_skip_tls_verify = false;
  std::string ca_pem;  // without a CA the system's are trusted
  std::string ca_file;
  std::string client_certificate_pem;
  std::string client_certificate_file;
  std::string client_key_pem;
  std::string client_key_file;
  std::string token;
  std::string token_file;
  std::string username;  // with a password: basic authentication
  std::string password;

  std::string ns = "default";  // where this client belongs
  std::string origin;          // the file or environment it comes from, for messages
};

// The bearer token of a connection. A token from a file is read again each minute, since kubelet
// replaces it before it expires, and at once after the server refused it. Thread-safe.
class TokenSource {
 public:
  TokenSource(std::string token, std::string file, MonotonicClock* clock);

  // Empty when the connection has none. When the file cannot be read the last token is used on;
  // FailedPrecondition when there is none yet.
  absl::StatusOr<std::string> Get();

  // The server answered 401.
  void Refused();

 private:
  const std::string file_;
  MonotonicClock* const clock_;
  std::mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);
  absl::Duration read_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

// The whole file; NotFound or PermissionDenied or so, with its path.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_CONNECTION_H_
