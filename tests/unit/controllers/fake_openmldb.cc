#include "tests/unit/controllers/fake_openmldb.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace omdb {
namespace {

constexpr absl::Duration kCall = absl::Milliseconds(1);
constexpr absl::Duration kDeadline = absl::Seconds(3);

}  // namespace

FakeOpenMldb& FakeOpenMldb::With(uint32_t pid, const std::vector<std::string>& endpoints) {
  if (tables.empty()) tables.push_back({"db", "t", 1, static_cast<uint32_t>(endpoints.size())});
  Partition partition;
  partition.id = Id(pid);
  partition.term_offsets = {{7, 1}};
  for (const std::string& endpoint : endpoints) {
    const bool leads = endpoint == endpoints.front();
    partition.replicas.push_back({endpoint, leads, true, true, 100});
    FakeReplica replica{100, leads ? TableMode::kLeader : TableMode::kFollower, 7, {}};
    if (leads) replica.followers.insert(endpoints.begin() + 1, endpoints.end());
    loaded[endpoint][partition.id] = std::move(replica);
    if (std::none_of(tablets.begin(), tablets.end(),
                     [&](const Tablet& tablet) { return tablet.endpoint == endpoint; })) {
      tablets.push_back({endpoint, true, absl::Minutes(5), endpoint + ":10921"});
    }
  }
  tables.front().partitions.push_back(std::move(partition));
  return *this;
}

Turn FakeOpenMldb::Next(const std::string& call) {
  auto turns = turns_.find(call);
  if (turns != turns_.end() && !turns->second.empty()) {
    Turn turn = std::move(turns->second.front());
    turns->second.pop_front();
    return turn;
  }
  auto always = always_.find(call);
  return always == always_.end() ? Turn() : always->second;
}

void FakeOpenMldb::Pass() {
  clock_.Sleep(kCall);
  for (auto& [tablet, replicas] : loaded) {
    for (auto& [id, replica] : replicas) {
      if (replica.mode != TableMode::kLeader) continue;
      for (const std::string& follower : replica.followers) {
        auto copy = loaded[follower].find(id);
        if (copy == loaded[follower].end() || lagging.count(follower) > 0) continue;
        copy->second.offset = replica.offset;
      }
    }
  }
}

absl::Status FakeOpenMldb::Do(const std::string& call, const std::function<void()>& happen,
                              absl::Duration limit) {
  Pass();
  const Turn turn = Next(call);
  if (!turn.refused.ok()) return turn.refused;
  happen();
  if (turn.then) turn.then();
  if (!turn.answer_lost) return absl::OkStatus();
  clock_.Sleep(std::min(limit, kDeadline) - kCall);
  return absl::DeadlineExceededError(absl::StrCat(call, ": no answer"));
}

void FakeOpenMldb::Alive(const PartitionId& partition, const std::string& endpoint, bool alive) {
  for (ReplicaMeta& meta : Meta(partition.pid).replicas) {
    if (meta.endpoint == endpoint) meta.is_alive = alive;
  }
}

absl::StatusOr<std::vector<std::string>> FakeOpenMldb::RegisteredTablets() {
  std::vector<std::string> names;
  for (const Tablet& tablet : tablets) names.push_back(tablet.endpoint);
  return Read("RegisteredTablets", names);
}

// The term begins one above what the candidate has; the old leader's meta stays that of a leader
// that is not alive.
absl::Status FakeOpenMldb::ChangeLeader(const PartitionId& partition, const std::string& candidate,
                                        absl::Duration limit) {
  const auto change = [&] {
    if (lanes_are_blocked) {
      ops.push_back({9, "kChangeLeaderOP", OpState::kInited, "-", partition.db, partition.table,
                     partition.pid});
      return;
    }
    Partition& meta = Meta(partition.pid);
    const uint64_t term = meta.term_offsets.back().term + 1;
    const std::string old = meta.Leader()->endpoint;
    std::set<std::string> followers;
    for (const ReplicaMeta& replica : meta.replicas) {
      if (replica.endpoint == old || !replica.is_alive) continue;
      Replica(replica.endpoint, partition.pid).term = term;
      if (replica.endpoint != candidate) followers.insert(replica.endpoint);
    }
    if (ops_get_stuck) {
      ops.push_back({9, "kChangeLeaderOP", OpState::kDoing, "kChangeLeader", partition.db,
                     partition.table, partition.pid});
      return;
    }
    FakeReplica& leader = Replica(candidate, partition.pid);
    leader.mode = TableMode::kLeader;
    leader.followers = std::move(followers);
    meta.term_offsets.push_back({term, leader.offset + 1});
    for (ReplicaMeta& replica : meta.replicas) {
      if (replica.endpoint == old) replica.is_alive = false;
      if (replica.endpoint == candidate) replica.is_leader = true;
    }
  };
  return Do("ChangeLeader", change, limit);
}

absl::Status FakeOpenMldb::AddReplicaNs(const PartitionId& partition, const std::string& endpoint) {
  return Do("AddReplicaNs", [&] {
    Meta(partition.pid).replicas.push_back({endpoint, false, true, true, 0});
    loaded[endpoint][partition] = {};
  });
}

absl::Status FakeOpenMldb::DelReplicaNs(const PartitionId& partition, const std::string& endpoint) {
  return Do("DelReplicaNs", [&] {
    std::erase_if(Meta(partition.pid).replicas,
                  [&](const ReplicaMeta& meta) { return meta.endpoint == endpoint; });
    loaded[endpoint].erase(partition);
  });
}

absl::Status FakeOpenMldb::SetReplicaMeta(const PartitionId& partition, const std::string& endpoint,
                                          bool is_leader, bool is_alive) {
  return Do("SetReplicaMeta", [&] {
    for (ReplicaMeta& meta : Meta(partition.pid).replicas) {
      if (meta.endpoint != endpoint) continue;
      meta.is_leader = is_leader;
      meta.is_alive = is_alive;
    }
  });
}

absl::Status FakeOpenMldb::CancelOp(uint64_t op_id) {
  return Do("CancelOp", [&] {
    for (Op& op : ops) {
      if (op.id == op_id) op.state = OpState::kCanceled;
    }
  });
}

std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> FakeOpenMldb::GetTableStatus(
    const std::vector<std::string>& endpoints) {
  std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> answers;
  for (const std::string& endpoint : endpoints) {
    std::vector<ReplicaStatus> statuses;
    for (const auto& [id, replica] : loaded[endpoint]) {
      statuses.push_back({id.tid, id.pid, replica.offset, replica.mode, TableState::kNormal, 0});
    }
    answers.push_back(Read(absl::StrCat("GetTableStatus ", endpoint), statuses));
  }
  return answers;
}

std::vector<absl::StatusOr<ReplicaStatus>> FakeOpenMldb::GetReplicaStatus(
    const std::vector<ReplicaId>& replicas, absl::Duration limit) {
  EXPECT_GT(limit, absl::ZeroDuration());
  std::vector<absl::StatusOr<ReplicaStatus>> answers;
  for (const auto& [partition, endpoint] : replicas) {
    absl::Status status = Do(
        absl::StrCat("GetReplicaStatus ", endpoint), [] {}, limit);
    if (!status.ok()) {
      answers.push_back(status);
      continue;
    }
    const FakeReplica& replica = Replica(endpoint, partition.pid);
    answers.push_back(ReplicaStatus{partition.tid, partition.pid, replica.offset, replica.mode,
                                    TableState::kNormal, replica.record_count});
  }
  return answers;
}

std::vector<absl::StatusOr<TermPair>> FakeOpenMldb::GetTermPair(
    const PartitionId& partition, StorageMode, const std::vector<std::string>& endpoints,
    absl::Duration limit) {
  std::vector<absl::StatusOr<TermPair>> answers;
  for (const std::string& endpoint : endpoints) {
    absl::Status status = Do(
        absl::StrCat("GetTermPair ", endpoint), [] {}, limit);
    if (!status.ok()) {
      answers.push_back(status);
      continue;
    }
    const auto found = loaded[endpoint].find(partition);
    answers.push_back(found == loaded[endpoint].end()
                          ? TermPair()
                          : TermPair{found->second.term, found->second.offset, true,
                                     found->second.mode == TableMode::kLeader});
  }
  return answers;
}

absl::Status FakeOpenMldb::SetMode(const std::string& tablet, bool follower, absl::Duration limit) {
  const auto set = [&] {
    if (follower) {
      fenced.insert(tablet);
    } else {
      fenced.erase(tablet);
    }
  };
  return Do(absl::StrCat(follower ? "Fence " : "Unfence ", tablet), set, limit);
}

std::vector<absl::Status> FakeOpenMldb::Demote(const std::vector<PartitionId>& partitions,
                                               const std::string& tablet, absl::Duration limit) {
  std::vector<absl::Status> answers;
  for (const PartitionId& partition : partitions) {
    const auto demote = [&] {
      Replica(tablet, partition.pid).mode = TableMode::kFollower;
      Replica(tablet, partition.pid).followers.clear();
    };
    answers.push_back(Do(absl::StrCat("Demote ", tablet), demote, limit));
  }
  return answers;
}

absl::Status FakeOpenMldb::Lead(const PartitionId& partition, const std::string& tablet,
                                uint64_t term, const std::vector<std::string>& replicas,
                                absl::Duration limit) {
  FakeReplica& replica = Replica(tablet, partition.pid);
  if (replica.mode == TableMode::kLeader)
    return OpenMldbError(static_cast<int>(OpenMldbCode::kIsLeader), "ChangeRole", "leads already");
  const auto lead = [&] {
    replica.mode = TableMode::kLeader;
    replica.term = term;
    replica.followers = {replicas.begin(), replicas.end()};
  };
  return Do(absl::StrCat("Lead ", tablet), lead, limit);
}

std::vector<absl::Status> FakeOpenMldb::LoadTable(const std::string& tablet,
                                                  const std::vector<LoadRequest>& requests) {
  std::vector<absl::Status> answers;
  for (const LoadRequest& request : requests) {
    answers.push_back(Do(absl::StrCat("Load ", ToString(request.partition)), [&] {
      loaded[tablet][request.partition] = {100, request.mode, request.term, {}};
    }));
  }
  return answers;
}

std::vector<absl::Status> FakeOpenMldb::AddReplica(const std::vector<PartitionId>& partitions,
                                                   const std::vector<std::string>& leaders,
                                                   const std::string& follower) {
  std::vector<absl::Status> answers;
  for (size_t i = 0; i < partitions.size(); ++i) {
    answers.push_back(Do(absl::StrCat("Attach ", ToString(partitions[i])), [&] {
      Replica(leaders[i], partitions[i].pid).followers.insert(follower);
    }));
  }
  return answers;
}

std::vector<absl::Status> FakeOpenMldb::DelReplica(const std::vector<PartitionId>& partitions,
                                                   const std::vector<std::string>& leaders,
                                                   const std::string& follower) {
  std::vector<absl::Status> answers;
  for (size_t i = 0; i < partitions.size(); ++i) {
    answers.push_back(Do(absl::StrCat("Release ", ToString(partitions[i])), [&] {
      Replica(leaders[i], partitions[i].pid).followers.erase(follower);
    }));
  }
  return answers;
}

}  // namespace omdb
