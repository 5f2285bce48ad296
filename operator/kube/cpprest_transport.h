#ifndef OMDB_OPERATOR_KUBE_CPPREST_TRANSPORT_H_
#define OMDB_OPERATOR_KUBE_CPPREST_TRANSPORT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "operator/kube/connection.h"
#include "operator/kube/transport.h"

namespace omdb::kube {

// The transport of the running operator, over cpprestsdk. cpprestsdk keeps a pool of threads for
// the whole process; the first transport sizes it, unless something used it before.
absl::StatusOr<std::unique_ptr<HttpTransport>> NewCpprestTransport(const Connection& connection,
                                                                   const std::string& user_agent);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_CPPREST_TRANSPORT_H_
