#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "tests/simulator/model/coordination.h"
#include "tests/simulator/model/executor.h"
#include "tests/simulator/model/options.h"
#include "tests/simulator/model/rpc.h"

namespace omdb::simulator {

// A nameserver that behaves as the real one does, damage included (F10.1, M1 to M14). Lives on one
// executor; destroying it is the death of the process, at any point.
class NameServer {
 public:
  // `options.real_endpoint` is set with use_name only.
  NameServer(Options options, Executor& executor, Network& network, Coordination& zk);
  ~NameServer();
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  // Connects to ZooKeeper and stands for election, first after 1 s (F2). An error is the exit of
  // the process.
  absl::Status Start();

  // The port is open: the table of users is known here, and the name is registered (F1.4). On a
  // fresh cluster a standby does not listen before it leads.
  bool listening() const;

  // Called at most once, where the real process would exit(1), with the reason. The nameserver must
  // not be destroyed within the call.
  void OnExit(std::function<void(std::string)> exit);

  // All methods of openmldb.nameserver.NameServer; code 300 while it does not lead.
  Dispatcher& dispatcher();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_H_
