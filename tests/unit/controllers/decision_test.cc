#include "controllers/decision.h"

#include <gtest/gtest.h>

#include <vector>

namespace omdb {
namespace {

TEST(ActionText, TellsWhatIsDoneToWhat) {
  const PartitionId id{"db", "t", 7, 3};
  const Json named = {{"metadata", {{"name", "x"}}}};
  const std::vector<std::pair<Action, std::string>> texts = {
      {action::Apply{types::StatefulSet(), named}, "apply StatefulSet x"},
      {action::DeletePod{"p", "uid"}, "delete pod p"},
      {action::SetAutoFailover{true}, "set auto_failover true"},
      {action::SetAutoFailover{false}, "set auto_failover false"},
      {action::HandOver{"a", {{id, StorageMode::kMemory, "b"}}},
       "hand over db.t/3 (tid 7) to b from a"},
      {action::HandOver{
           "a", {{id, StorageMode::kMemory, "b"}, {{"db", "t", 7, 4}, StorageMode::kMemory, "c"}}},
       "hand over db.t/3 (tid 7) to b and db.t/4 (tid 7) to c from a"},
      {action::AddReplica{id, "a"}, "add replica of db.t/3 (tid 7) on a"},
      {action::DeleteReplica{id, "a"}, "delete replica of db.t/3 (tid 7) on a"},
      {action::Detach{"b", {id}, {"a"}}, "detach b from a for db.t/3 (tid 7)"},
      {action::Detach{"b", {id, id}, {"a", "c"}}, "detach b for 2 partitions of db.t"},
      {action::Load{"a", {{}, {}}}, "load 2 partitions on a"},
      {action::Attach{"a", {id}, {"b"}}, "attach a for 1 partitions"},
      {action::MarkAlive{"a", {id}}, "mark a alive for db.t/3 (tid 7)"},
      {action::MarkAlive{"a", {id, id}}, "mark a alive for 2 partitions of db.t"},
      {action::MarkLeaderAlive{id, "a"}, "mark a alive for db.t/3 (tid 7) as its leader"},
      {action::Recover{id, "a"}, "recover db.t/3 (tid 7) on a"},
      {action::EndZooKeeperSession{"1.2.3.4:5", true}, "end the ZooKeeper session of 1.2.3.4:5"},
      {action::RenewZooKeeperSession{"1.2.3.4:5"}, "renew the ZooKeeper session of 1.2.3.4:5"},
      {action::Unfence{"a"}, "lift the fence of a"},
  };
  for (const auto& [action, text] : texts) EXPECT_EQ(ToString(action), text);
}

TEST(CanBeUndone, NothingThatMovesALeaderStopsAServerOrTakesData) {
  const PartitionId id{"db", "t", 7, 3};
  for (const Action& action : std::vector<Action>{
           action::DeletePod{"p", "uid"}, action::HandOver{"a", {}}, action::DeleteReplica{id, "a"},
           action::DropLeftover{id, "a"}, action::Recover{id, "a"}, action::LeadAgain{id, "a"},
           action::Offline{"a"}, action::MarkLeaderAlive{id, "a"}}) {
    EXPECT_FALSE(CanBeUndone(action)) << ToString(action);
  }
  for (const Action& action : std::vector<Action>{
           action::SetAutoFailover{true}, action::AddReplica{id, "a"}, action::Attach{"a", {}, {}},
           action::MarkAlive{"a", {id}}, action::Unfence{"a"}}) {
    EXPECT_TRUE(CanBeUndone(action)) << ToString(action);
  }
}

}  // namespace
}  // namespace omdb
