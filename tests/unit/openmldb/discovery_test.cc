#include "operator/openmldb/discovery.h"

#include <gmock/gmock.h>

#include "operator/openmldb/zookeeper.h"
#include "tests/unit/openmldb/fixture.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using DiscoveryTest = ClientTest;

TEST_F(DiscoveryTest, ListsNameserversInTheOrderOfTheirLocks) {
  AddNameserver("ns-1", "10.0.0.2:6527", 7);
  AddNameserver("ns-0", "10.0.0.1:6527", 9);
  EXPECT_THAT(*discovery_.Nameservers(), ElementsAre("ns-1", "ns-0"));
  EXPECT_EQ(*discovery_.LeadingNameserver(/*synced=*/true), "ns-1");
}

TEST_F(DiscoveryTest, ListsARestartedNameserverOnceAtItsOldLock) {
  AddNameserver("ns-1", "10.0.0.2:6527", 3);
  AddNameserver("ns-0", "10.0.0.1:6527", 4);
  AddNameserver("ns-1", "10.0.0.2:6527", 5);
  EXPECT_THAT(*discovery_.Nameservers(), ElementsAre("ns-1", "ns-0"));
}

TEST_F(DiscoveryTest, SeesAtOnceThatTheLeadMoved) {
  AddNameserver("ns-0", "10.0.0.1:6527", 1);
  AddNameserver("ns-1", "10.0.0.2:6527", 2);
  EXPECT_EQ(*discovery_.LeadingNameserver(/*synced=*/false), "ns-0");
  RemoveNameserver(1);
  EXPECT_EQ(*discovery_.LeadingNameserver(/*synced=*/false), "ns-1");
}

TEST_F(DiscoveryTest, SaysWhereItLookedForANameserver) {
  const absl::Status status = discovery_.LeadingNameserver(/*synced=*/false).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr("/openmldb/leader in ZooKeeper zk-0:2181"));
}

TEST_F(DiscoveryTest, ListsTabletsWithoutNearlineOnes) {
  AddTablet("tablet-1", "10.0.0.4:10921");
  AddTablet("tablet-0", "10.0.0.3:10921");
  AddTablet("NLTABLET_10.0.0.5:9905", "10.0.0.5:9905");
  EXPECT_THAT(*discovery_.RegisteredTablets(), ElementsAre("tablet-0", "tablet-1"));
}

TEST_F(DiscoveryTest, AFreshRootHasNothing) {
  EXPECT_THAT(*discovery_.Nameservers(), IsEmpty());
  EXPECT_THAT(*discovery_.RegisteredTablets(), IsEmpty());
  EXPECT_EQ(*discovery_.ActiveTaskManager(), "");
}

TEST_F(DiscoveryTest, GivesTheActiveTaskManager) {
  nodes_.Set("/openmldb/taskmanager/leader", "10.0.0.9:9902");
  EXPECT_EQ(*discovery_.ActiveTaskManager(), "10.0.0.9:9902");
}

TEST_F(DiscoveryTest, AnEndpointWithoutANameIsItsAddress) {
  EXPECT_EQ(*discovery_.AddressOf("10.0.0.3:10921"), "10.0.0.3:10921");
}

TEST_F(DiscoveryTest, ReadsAnAddressOnceInAWhile) {
  AddTablet("tablet-0", "10.0.0.3:10921");
  EXPECT_EQ(*discovery_.AddressOf("tablet-0"), "10.0.0.3:10921");
  const int reads = nodes_.reads();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*discovery_.AddressOf("tablet-0"), "10.0.0.3:10921");
  EXPECT_EQ(nodes_.reads(), reads);
}

TEST_F(DiscoveryTest, ReadsAnAddressAgainWhenItDidNotWork) {
  AddTablet("tablet-0", "10.0.0.3:10921");
  EXPECT_EQ(*discovery_.AddressOf("tablet-0"), "10.0.0.3:10921");
  nodes_.Set("/openmldb/map/names/tablet-0", "10.0.0.77:10921");
  discovery_.Forget("tablet-0");
  EXPECT_EQ(*discovery_.AddressOf("tablet-0"), "10.0.0.77:10921");
}

TEST_F(DiscoveryTest, KeepsTheLastAddressWhileZooKeeperIsAway) {
  AddTablet("tablet-0", "10.0.0.3:10921");
  EXPECT_TRUE(discovery_.AddressOf("tablet-0").ok());
  nodes_.SetAway(true);
  discovery_.Forget("tablet-0");
  EXPECT_EQ(*discovery_.AddressOf("tablet-0"), "10.0.0.3:10921");
  EXPECT_TRUE(absl::IsUnavailable(discovery_.AddressOf("tablet-1").status()));
  EXPECT_TRUE(absl::IsUnavailable(discovery_.Nameservers().status()));
}

TEST(ZooKeeper, WaitsNoLongerThanToldForAnEnsembleThatIsAway) {
  ZooKeeper zookeeper(ClosedAddress(), absl::Seconds(6));
  const absl::Time start = absl::Now();
  const absl::Status status = zookeeper.Get("/openmldb", absl::Milliseconds(300)).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr("check the addresses"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
}

TEST(ZooKeeper, WaitsNoLongerThanToldForAServerThatHangs) {
  SilentPort hanging;
  ZooKeeper zookeeper(hanging.address(), absl::Seconds(6));
  const absl::Time start = absl::Now();
  EXPECT_TRUE(
      absl::IsUnavailable(zookeeper.Children("/openmldb", absl::Milliseconds(300)).status()));
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
}

TEST(ZooKeeper, SaysThatAnAddressCannotBeUsed) {
  ZooKeeper zookeeper("not an address", absl::Seconds(6));
  const absl::Status status = zookeeper.Get("/openmldb", absl::Milliseconds(300)).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr("not an address"));
}

}  // namespace
}  // namespace omdb
