#ifndef OMDB_TESTS_SIMULATOR_SERVER_SOCKETS_H_
#define OMDB_TESTS_SIMULATOR_SERVER_SOCKETS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// TCP over IPv4, with addresses as host:port; hosts may be names.
namespace omdb::simulator {

// Opens a connection to see that somebody listens there, and closes it.
absl::Status TryConnect(const std::string& address, absl::Duration timeout);

// A listening socket, which the caller closes.
absl::StatusOr<int> Listen(const std::string& address);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_SOCKETS_H_
