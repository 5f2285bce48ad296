#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "controllers/guards.h"
#include "tests/unit/controllers/whole_cluster.h"

// What a person reads in `kubectl describe` names what it is about and what can be done.
namespace omdb {
namespace {

using testing::HasSubstr;

struct Message {
  std::string reason;
  std::string about;
  std::string way_out;
  std::function<void(WholeCluster&)> spoil;
};

class Messages : public testing::TestWithParam<Message> {};

TEST_P(Messages, NameTheObjectAndTheWayOut) {
  WholeCluster cluster;
  cluster.WithTable("t", 3, 3);
  GetParam().spoil(cluster);
  auto problem = NotWhole(cluster.seen);
  if (!problem) problem = PodTrouble(cluster.seen, Component::kTablet);
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->reason, GetParam().reason);
  EXPECT_THAT(problem->message, HasSubstr(GetParam().about));
  EXPECT_THAT(problem->message, HasSubstr(GetParam().way_out));
}

INSTANTIATE_TEST_SUITE_P(
    Each, Messages,
    testing::Values(
        Message{"OpenMLDBUnreachable", "ZooKeeper at zk:2181",
                "`kubectl -n ns logs c-nameserver-0`",
                [](WholeCluster& c) {
                  c.seen.database.reset();
                  c.seen.database_status = absl::UnavailableError("connection loss");
                }},
        Message{"TabletDown", "tablet c-tablet-2", "`kubectl -n ns describe pod c-tablet-2`",
                [](WholeCluster& c) { c.seen.database->registered_tablets.pop_back(); }},
        Message{"TabletOffline", "tablet c-tablet-2", "`kubectl -n ns delete pod c-tablet-2`",
                [](WholeCluster& c) { c.seen.database->tablets.back().healthy = false; }},
        Message{"OpRunning", "kAddReplicaOP of db.t/0", "`cancelop 5`",
                [](WholeCluster& c) {
                  c.seen.database->ops.push_back(
                      {5, "kAddReplicaOP", OpState::kDoing, "kLoadTable", "db", "t", 0});
                }},
        Message{"NoLeader", "partition db.t/0", "openmldb_ops.py --cmd=recoverdata",
                [](WholeCluster& c) {
                  c.Meta("t", 0, "c-tablet-0").is_alive = false;
                  c.Status("t", 0, "c-tablet-0").mode = TableMode::kFollower;
                }},
        Message{"ReplicaNotAlive", "replica of db.t/0 (tid 1) on c-tablet-1",
                "openmldb_ops.py --cmd=recoverdata",
                [](WholeCluster& c) { c.Meta("t", 0, "c-tablet-1").is_alive = false; }},
        Message{"ReplicaNotLoaded", "replica of db.t/0 (tid 1) on c-tablet-1",
                "openmldb_ops.py --cmd=recoverdata",
                [](WholeCluster& c) {
                  c.seen.database->loaded["c-tablet-1"].erase({1, 0});
                }},
        Message{
            "PodNotRunning", "pod c-tablet-1 of version 0.9.1", "correct spec.version",
            [](WholeCluster& c) { c.MutablePod("c-tablet-1").trouble = "ImagePullBackOff: gone"; }},
        Message{"VersionMismatch", "pod c-tablet-1", "correct spec.version or spec.image",
                [](WholeCluster& c) { c.MutablePod("c-tablet-1").reported_version = "0.9.0"; }}),
    [](const testing::TestParamInfo<Message>& info) { return info.param.reason; });

}  // namespace
}  // namespace omdb
