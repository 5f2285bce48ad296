#ifndef OMDB_TESTS_UNIT_CONTROLLERS_ACT_FIXTURE_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_ACT_FIXTURE_H_

#include <gtest/gtest.h>

#include <vector>

#include "controllers/act.h"
#include "tests/unit/controllers/fake_kubernetes.h"
#include "tests/unit/controllers/fake_openmldb.h"
#include "tests/unit/controllers/whole_cluster.h"

namespace omdb {

// What actions are carried out on. The database is looked at when a test says so.
class ActFixture : public testing::Test {
 protected:
  void Look() { cluster.seen.database->tables = openmldb.tables; }
  absl::Status Do(const Action& action) {
    return Act(kubernetes, openmldb, clock, cluster.seen, action, ledger, notes);
  }

  const PartitionId kZero = FakeOpenMldb::Id(0);
  FakeClock clock;
  FakeKubernetes kubernetes;
  FakeOpenMldb openmldb{clock};
  WholeCluster cluster;
  Ledger ledger;
  std::vector<Note> notes;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_ACT_FIXTURE_H_
