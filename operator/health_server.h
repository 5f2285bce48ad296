#ifndef OMDB_OPERATOR_HEALTH_SERVER_H_
#define OMDB_OPERATOR_HEALTH_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace omdb {

// Answers the kubelet: `/healthz` by `healthy`, `/readyz` by `ready`, 200 when it returns ok, else
// 503 with the message. They are called from the server's threads.
class HealthServer {
 public:
  // `address` is "host:port" or ":port". Unavailable when it cannot listen there.
  using Check = std::function<absl::Status()>;
  static absl::StatusOr<std::unique_ptr<HealthServer>> Start(const std::string& address,
                                                             Check healthy, Check ready);
  virtual ~HealthServer() = default;  // stops listening
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_HEALTH_SERVER_H_
