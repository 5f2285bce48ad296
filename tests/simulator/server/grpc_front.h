#ifndef OMDB_TESTS_SIMULATOR_SERVER_GRPC_FRONT_H_
#define OMDB_TESTS_SIMULATOR_SERVER_GRPC_FRONT_H_

#include <memory>

#include "tests/simulator/server/service.h"

namespace omdb::simulator {

// Answers gRPC on connections accepted elsewhere.
class GrpcFront {
 public:
  virtual ~GrpcFront() = default;
  // Takes `fd`, on which an HTTP/2 preface is waiting to be read.
  virtual void Serve(int fd) = 0;
};

// Without an `authorization` header a call ends as on a closed connection (F4).
std::unique_ptr<GrpcFront> NewGrpcFront(Service& service);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_GRPC_FRONT_H_
