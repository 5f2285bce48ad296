#ifndef OMDB_OPERATOR_OPENMLDB_HTTP_CLIENT_H_
#define OMDB_OPERATOR_OPENMLDB_HTTP_CLIENT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controllers/openmldb.h"

namespace omdb {

// What OpenMLDB's servers answer over HTTP/1.1. `address` is host:port. Unavailable when the server
// is not reached in time, Internal when it answers something else than expected. Thread-safe.
class HttpClient {
 public:
  HttpClient(std::string credential, absl::Duration timeout)
      : credential_(std::move(credential)), timeout_(timeout) {}

  // GET /version of a nameserver, tablet or API server, trimmed (F1.7).
  absl::StatusOr<std::string> Version(const std::string& address) const;
  // GetVersion of a task manager, which speaks JSON and no gRPC (F3.7).
  absl::StatusOr<std::string> TaskManagerVersion(const std::string& address) const;
  absl::StatusOr<std::vector<Job>> UnfinishedJobs(const std::string& address) const;
  // GET /dbs answers code 0: the API server has a working SDK (F8.3).
  absl::Status ApiServerServes(const std::string& address) const;

 private:
  absl::StatusOr<std::string> Get(const std::string& address, const std::string& path) const;
  // Calls a method of the task manager's service.
  absl::StatusOr<std::string> Post(const std::string& address, const std::string& method,
                                   const std::string& json) const;

  const std::string credential_;
  const absl::Duration timeout_;
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_HTTP_CLIENT_H_
