#ifndef OMDB_TESTS_SIMULATOR_SERVER_PORT_H_
#define OMDB_TESTS_SIMULATOR_SERVER_PORT_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "tests/simulator/server/grpc_front.h"
#include "tests/simulator/server/http_front.h"
#include "tests/simulator/server/service.h"

namespace omdb::simulator {

// One port that answers gRPC, baidu_std and HTTP, as brpc does: the first bytes of a connection
// tell which.
class Port {
 public:
  // `service` is null for a server that speaks HTTP alone.
  Port(Service* service, HttpHandler pages);
  ~Port();

  // Listens on host:port, as the real ones do on the address that they register. Connections are
  // served in threads of their own until the process ends.
  absl::Status Listen(const std::string& address);

 private:
  void Accept();
  void Sort(int fd);

  Service* const service_;
  std::unique_ptr<GrpcFront> grpc_;
  std::unique_ptr<HttpFront> http_;
  int listener_ = -1;
  std::thread accepting_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_PORT_H_
