// ChangeLeader (F5.2): fence the followers, promote one, write it down. The old leader is never
// contacted.
#include <random>
#include <utility>
#include <vector>

#include "tablet.pb.h"
#include "tests/simulator/model/op_steps.h"

namespace omdb::simulator {

Task<api::TaskStatus> OpSteps::SelectLeader(OpRef op) {
  nameserver::ChangeLeaderData data;
  nameserver::TablePartition* partition = PartitionOf(*op);
  if (partition == nullptr || !data.ParseFromString(op->info.data())) co_return api::kFailed;
  if (context_.auto_failover && !TableCatalog::AliveLeader(*partition).empty()) {
    co_return api::kFailed;
  }
  // As listed when the op was created.
  const std::vector<std::string> followers(data.follower().begin(), data.follower().end());

  absl::StatusOr<uint64_t> term = catalog_.RaiseTerm();
  if (!term.ok()) co_return api::kFailed;
  for (const std::string& follower : followers) {
    if (!registry_.Healthy(follower)) co_return api::kFailed;
  }
  // Followers refuse the old leader from here on, also when this step fails afterwards.
  std::vector<std::string> furthest;
  uint64_t max_offset = 0;
  for (const std::string& follower : followers) {
    api::AppendEntriesRequest request;
    request.set_tid(data.tid());
    request.set_pid(data.pid());
    request.set_term(*term + 1);
    absl::StatusOr<api::AppendEntriesResponse> answer =
        co_await context_.CallTablet<api::AppendEntriesResponse>(registry_.Address(follower),
                                                                 "AppendEntries", request);
    if (!answer.ok() || answer->code() != 0) co_return api::kFailed;
    const uint64_t offset = answer->log_offset();
    if (furthest.empty() || offset > max_offset) {
      furthest.clear();
      max_offset = offset;
    }
    if (offset == max_offset) furthest.push_back(follower);
  }
  if (data.has_candidate_leader()) {
    data.set_leader(data.candidate_leader());  // whatever the others have (F5.2.1 c)
  } else {
    std::uniform_int_distribution<size_t> any(0, furthest.size() - 1);
    data.set_leader(furthest[any(context_.executor.random())]);
  }
  // Of the furthest, not of the candidate: so the loss that is computed from it may be too small
  // (M1: 7 computed, 8 lost).
  data.set_offset(max_offset);
  data.set_term(*term + 2);
  data.clear_follower();
  for (const std::string& follower : followers) {
    if (follower != data.leader()) data.add_follower(follower);
  }
  // Written to ZooKeeper together with the step's completion.
  op->info.set_data(data.SerializeAsString());
  co_return api::kDone;
}

Task<api::TaskStatus> OpSteps::ChangeLeader(OpRef op) {
  nameserver::ChangeLeaderData data;
  if (!data.ParseFromString(op->info.data())) co_return api::kFailed;
  if (!registry_.Healthy(data.leader())) co_return api::kFailed;
  api::ChangeRoleRequest request;
  request.set_tid(data.tid());
  request.set_pid(data.pid());
  request.set_mode(api::kTableLeader);
  request.set_term(data.term());
  *request.mutable_replicas() = data.follower();
  absl::StatusOr<api::ChangeRoleResponse> answer =
      co_await context_.CallTablet<api::ChangeRoleResponse>(registry_.Address(data.leader()),
                                                            "ChangeRole", std::move(request));
  co_return answer.ok() && answer->code() == 0 ? api::kDone : api::kFailed;
}

api::TaskStatus OpSteps::UpdateLeaderInfo(const Op& op) {
  nameserver::ChangeLeaderData data;
  nameserver::TableInfo* table = TableOf(op);
  nameserver::TablePartition* partition = PartitionOf(op);
  if (partition == nullptr || !data.ParseFromString(op.info.data())) return api::kFailed;
  nameserver::PartitionMeta* leader = nullptr;
  for (nameserver::PartitionMeta& meta : *partition->mutable_partition_meta()) {
    // Done a second time after a change of nameserver, this takes the new leader for the old one
    // (F5.1).
    if (meta.is_leader() && meta.is_alive()) {
      meta.set_is_alive(false);
    } else if (meta.endpoint() == data.leader()) {
      leader = &meta;
    }
  }
  if (leader == nullptr) return api::kFailed;
  leader->set_is_leader(true);  // alive or not: it was when the op was created
  nameserver::TermPair* start = partition->add_term_offset();
  start->set_term(data.term());
  start->set_offset(data.offset() + 1);
  return SaveAndNotify(*table);
}

}  // namespace omdb::simulator
