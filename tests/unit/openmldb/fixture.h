#ifndef OMDB_TESTS_UNIT_OPENMLDB_FIXTURE_H_
#define OMDB_TESTS_UNIT_OPENMLDB_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "operator/openmldb/channels.h"
#include "operator/openmldb/discovery.h"
#include "operator/openmldb/leader.h"
#include "operator/openmldb/nameserver_client.h"
#include "operator/openmldb/options.h"
#include "operator/openmldb/table_list.h"
#include "operator/openmldb/tablet_client.h"
#include "tests/unit/openmldb/fake_nodes.h"
#include "tests/unit/openmldb/fake_server.h"
#include "tests/unit/openmldb/sockets.h"

namespace omdb {

inline OpenMldbOptions QuickOptions() {
  OpenMldbOptions options;
  options.tablet_timeout = absl::Milliseconds(400);
  options.nameserver_timeout = absl::Milliseconds(400);
  options.leader_wait = absl::Milliseconds(1000);
  return options;
}

// The client of a cluster whose ZooKeeper is `nodes`.
class ClientTest : public testing::Test {
 protected:
  // The `order`-th that asked for the lock, reached by its name at `address`.
  void AddNameserver(const std::string& name, const std::string& address, int order) {
    nodes_.Set(absl::StrCat("/openmldb/leader/lock_request000000000", order), name);
    nodes_.Set("/openmldb/map/names/" + name, address);
  }
  void RemoveNameserver(int order) {
    nodes_.Delete(absl::StrCat("/openmldb/leader/lock_request000000000", order));
  }
  void AddTablet(const std::string& name, const std::string& address) {
    nodes_.Set("/openmldb/nodes/" + name, name);
    nodes_.Set("/openmldb/map/names/" + name, address);
  }

  const OpenMldbOptions options_ = QuickOptions();
  const PartitionId partition_{"demo", "orders", 7, 3};
  Nodes nodes_;
  Discovery discovery_{std::make_unique<FakeNodeReader>(nodes_), "/openmldb", options_};
  Channels channels_;
  Leader leader_{discovery_, channels_, options_};
  NameserverClient nameserver_{leader_, options_};
  TableList tables_{discovery_, leader_};
  TabletClient tablets_{discovery_, channels_, options_};
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_OPENMLDB_FIXTURE_H_
