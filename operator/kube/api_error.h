#ifndef OMDB_OPERATOR_KUBE_API_ERROR_H_
#define OMDB_OPERATOR_KUBE_API_ERROR_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "operator/kube/transport.h"

namespace omdb::kube {

// An answer that is not 2xx as the status that controllers/kubernetes.h promises. `attempt` says
// what was tried on what ("apply statefulsets db/demo-tablet"); the message of the server's Status
// object follows it. 400, 413, 415, 422 InvalidArgument; 401 Unauthenticated; 403 PermissionDenied;
// 404 NotFound; 405 Unimplemented; 409 Aborted, or AlreadyExists when that is the reason; 410
// OutOfRange; 429 ResourceExhausted; everything else Unavailable.
absl::Status ApiError(absl::string_view attempt, int code, absl::string_view body);

// The same, keeping the server's Retry-After.
absl::Status ApiError(absl::string_view attempt, const HttpResponse& response);

// The HTTP code that such a status was made from; 0 for any other.
int HttpCode(const absl::Status& status);

// The Retry-After that came with it.
std::optional<absl::Duration> RetryAfter(const absl::Status& status);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_API_ERROR_H_
