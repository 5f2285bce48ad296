#ifndef OMDB_TESTS_SIMULATOR_SERVER_GRPC_NETWORK_H_
#define OMDB_TESTS_SIMULATOR_SERVER_GRPC_NETWORK_H_

#include <memory>

#include "tests/simulator/model/executor.h"
#include "tests/simulator/model/rpc.h"

namespace omdb::simulator {

// The other servers over gRPC, one channel per address; answers arrive on `executor`. Calls carry
// the credential that OpenMLDB's servers send each other (F4).
std::unique_ptr<Network> NewGrpcNetwork(Executor& executor);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_GRPC_NETWORK_H_
