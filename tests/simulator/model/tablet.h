#ifndef OMDB_TESTS_SIMULATOR_MODEL_TABLET_H_
#define OMDB_TESTS_SIMULATOR_MODEL_TABLET_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/simulator/model/coordination.h"
#include "tests/simulator/model/disk.h"
#include "tests/simulator/model/executor.h"
#include "tests/simulator/model/options.h"
#include "tests/simulator/model/rpc.h"

namespace omdb::simulator {

// A tablet that behaves as F10.1 says, damage included: it acknowledges before it replicates, an
// old leader goes on acknowledging, a follower takes any entry that is newer than its own, a
// restarted one has nothing loaded. Not modelled: SQL (Query answers -1), expiry of rows, disk
// tables, deletion of old binlog files, replica clusters, bulk load.
//
// Everything runs on `executor`'s thread. Destroying it is the death of the process, at any point:
// nothing of it runs afterwards; what is on `disk` stays, and `zk` is left to expire. The
// references must outlive it.
class TabletServer {
 public:
  TabletServer(Options options, Executor& executor, Network& network, Coordination& zk, Disk& disk);
  ~TabletServer();

  // Opens the ZooKeeper session and registers `<root>/nodes/<endpoint>` = `startup_<endpoint>`, and
  // `<root>/map/names/<endpoint>` when there is a real_endpoint. The process exits on an error
  // (F1.6): AlreadyExists while the node of the last life is there, or when another address has
  // this name.
  absl::Status Start();

  // All methods of openmldb.api.TabletServer; they answer before Start too, as brpc does.
  Dispatcher& dispatcher();

  // For who looks on: tid and pid of the partitions whose rows it takes just now.
  std::vector<std::pair<uint32_t, uint32_t>> TakesRowsOf() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_TABLET_H_
