#ifndef OMDB_TESTS_SIMULATOR_SERVER_ZOOKEEPER_COORDINATION_H_
#define OMDB_TESTS_SIMULATOR_SERVER_ZOOKEEPER_COORDINATION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "tests/simulator/model/coordination.h"
#include "tests/simulator/model/executor.h"

namespace omdb::simulator {

// With a secret every node is made for its holder alone (F2).
struct ZooKeeperCredential {
  std::string scheme = "digest";
  std::string secret;
};

// Coordination over the ZooKeeper C client. Called on the executor's thread only; a call while the
// ensemble is away fails at once. Destroying it ends the session; a process that must leave its
// ephemeral nodes behind, as OpenMLDB's do (F1.6), exits without.
std::unique_ptr<Coordination> NewZooKeeperCoordination(Executor& executor,
                                                       const std::string& servers,
                                                       absl::Duration session_timeout,
                                                       const ZooKeeperCredential& credential = {});

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_ZOOKEEPER_COORDINATION_H_
