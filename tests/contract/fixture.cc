#include "tests/contract/fixture.h"

#include <algorithm>
#include <stdexcept>

#include "absl/flags/flag.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "operator/openmldb/cluster.h"
#include "tests/contract/flags.h"

namespace omdb::contract {
namespace {

bool UnderWay(const Op& op) { return op.state == OpState::kInited || op.state == OpState::kDoing; }

}  // namespace

void Require(bool holds, const std::string& otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

bool Until(absl::Duration limit, const std::function<bool()>& holds) {
  const absl::Time deadline = absl::Now() + limit;
  while (!holds()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

void ContractTest::SetUp() {
  OpenMldbOptions options;
  options.credential = absl::GetFlag(FLAGS_credential);
  openmldb_ = MakeOpenMldbFactory(options)->Connect(absl::GetFlag(FLAGS_zookeeper),
                                                    absl::GetFlag(FLAGS_root));
  raw_ = std::make_unique<Raw>(*openmldb_, options.credential);
  zookeeper_ = std::make_unique<ZooKeeper>(absl::GetFlag(FLAGS_zookeeper), absl::Seconds(6));

  const auto auto_failover = openmldb_->GetAutoFailover();
  ASSERT_TRUE(auto_failover.ok()) << auto_failover.status();
  auto_failover_before_ = *auto_failover;
  ASSERT_TRUE(openmldb_->SetAutoFailover(false).ok());
  ASSERT_TRUE(Until(absl::Seconds(30), [this] {
    const auto ops = openmldb_->ShowOpStatus();
    return ops.ok() && std::none_of(ops->begin(), ops->end(), UnderWay);
  })) << "an op is under way";

  absl::BitGen random;
  db_ = absl::StrCat("contract_", absl::Uniform<uint32_t>(random));
  ASSERT_EQ(raw_->CreateDatabase(db_), 0);
}

void ContractTest::TearDown() {
  if (openmldb_ == nullptr) return;  // skipped
  // What a failed test left would make the next ones fail.
  EXPECT_TRUE(openmldb_->SetAutoFailover(false).ok());
  for (const Table& table : tables_) {
    for (const Partition& partition : table.partitions) MakeWhole(partition.id);
    EXPECT_EQ(raw_->DropTable(table.db, table.name), 0);
  }
  if (!db_.empty()) {
    EXPECT_EQ(raw_->DropDatabase(db_), 0);
  }
  if (auto_failover_before_) {
    EXPECT_TRUE(openmldb_->SetAutoFailover(true).ok());
  }
}

Table ContractTest::Create(uint32_t partitions, uint32_t replicas) {
  const std::string name = absl::StrCat("t", tables_.size());
  const int code = raw_->CreateTable(db_, name, partitions, replicas);
  Require(code == 0, absl::StrCat("CreateTable answers ", code, "; are there ", replicas,
                                  " healthy tablets?"));
  const auto tables = openmldb_->ShowTable();
  Require(tables.ok(), tables.status().ToString());
  for (const Table& table : *tables) {
    if (table.db != db_ || table.name != name) continue;
    tables_.push_back(table);
    Require(table.partitions.size() == partitions, "the table lacks partitions");
    return table;
  }
  Require(false, absl::StrCat("ShowTable lacks ", db_, ".", name));
  return {};
}

Partition ContractTest::Meta(const PartitionId& id) {
  const auto partition = openmldb_->GetPartition(id);
  Require(partition.ok(), partition.status().ToString());
  return *partition;
}

std::string ContractTest::LeaderOf(const PartitionId& id) {
  const Partition partition = Meta(id);
  Require(partition.Leader() != nullptr, ToString(id) + " has no leader alive");
  return partition.Leader()->endpoint;
}

ReplicaMeta ContractTest::ReplicaOf(const PartitionId& id, const std::string& endpoint) {
  const Partition partition = Meta(id);
  const ReplicaMeta* replica = partition.Find(endpoint);
  Require(replica != nullptr, absl::StrCat(ToString(id), " has no replica on ", endpoint));
  return *replica;
}

std::vector<std::string> ContractTest::FollowersOf(const PartitionId& id) {
  const Partition partition = Meta(id);
  std::vector<std::string> followers;
  for (const ReplicaMeta& replica : partition.replicas) {
    if (replica.is_alive && !replica.is_leader) followers.push_back(replica.endpoint);
  }
  return followers;
}

std::string ContractTest::TabletWithout(const PartitionId& id) {
  const Partition partition = Meta(id);
  const auto tablets = openmldb_->ShowTablet();
  EXPECT_TRUE(tablets.ok()) << tablets.status();
  for (const Tablet& tablet : *tablets) {
    if (tablet.healthy && partition.Find(tablet.endpoint) == nullptr) return tablet.endpoint;
  }
  Require(false, "each healthy tablet has a replica of " + ToString(id));
  return "";
}

uint64_t ContractTest::LastOpId() {
  const auto ops = openmldb_->ShowOpStatus();
  EXPECT_TRUE(ops.ok()) << ops.status();
  uint64_t last = 0;
  for (const Op& op : *ops) last = std::max(last, op.id);
  return last;
}

std::vector<Op> ContractTest::OpsAfter(uint64_t last_op, const PartitionId& id,
                                       absl::Duration limit) {
  std::vector<Op> found;
  EXPECT_TRUE(Until(limit,
                    [&] {
                      const auto ops = openmldb_->ShowOpStatus(id);
                      if (!ops.ok()) return false;
                      found = *ops;
                      std::erase_if(found, [last_op](const Op& op) { return op.id <= last_op; });
                      return !found.empty() && std::none_of(found.begin(), found.end(), UnderWay);
                    }))
      << "no op of " << ToString(id) << " ended within " << limit;
  return found;
}

ReplicaStatus ContractTest::On(const std::string& tablet, const PartitionId& id) {
  const auto status = openmldb_->GetReplicaStatus({{id, tablet}})[0];
  EXPECT_TRUE(status.ok()) << status.status();
  return status.value_or(ReplicaStatus());
}

TermPair ContractTest::TermOn(const std::string& tablet, const PartitionId& id) {
  const auto pair = openmldb_->GetTermPair(id, StorageMode::kMemory, {tablet})[0];
  EXPECT_TRUE(pair.ok()) << pair.status();
  return pair.value_or(TermPair());
}

bool ContractTest::SameOffset(const PartitionId& id, const std::vector<std::string>& tablets) {
  std::vector<ReplicaId> of_all;
  for (const std::string& tablet : tablets) of_all.push_back({id, tablet});
  const auto replicas = openmldb_->GetReplicaStatus(of_all);
  return std::all_of(replicas.begin(), replicas.end(), [&](const auto& replica) {
    return replica.ok() && replicas[0].ok() && replica->offset == replicas[0]->offset;
  });
}

void ContractTest::PutRows(const std::string& tablet, const PartitionId& id,
                           const std::string& prefix, int n) {
  for (int i = 0; i < n; ++i) {
    ASSERT_EQ(raw_->Put(tablet, id, absl::StrCat(prefix, i)), 0) << prefix << i << " on " << tablet;
  }
}

void ContractTest::HandOver(const PartitionId& id, const std::string& candidate) {
  const std::string old_leader = LeaderOf(id);
  std::vector<std::string> all = FollowersOf(id);
  all.push_back(old_leader);
  const uint64_t last_op = LastOpId();
  const size_t terms = Meta(id).term_offsets.size();

  ASSERT_TRUE(openmldb_->SetMode(old_leader, /*follower=*/true).ok());
  const bool equal = Until(absl::Seconds(5), [&] { return SameOffset(id, all); });
  const uint64_t offset = On(old_leader, id).offset;
  const absl::Status demoted = openmldb_->Demote({id}, old_leader)[0];
  ASSERT_TRUE(openmldb_->SetMode(old_leader, /*follower=*/false).ok());
  ASSERT_TRUE(equal) << "replication did not catch up under the fence";
  ASSERT_TRUE(demoted.ok()) << demoted;
  EXPECT_EQ(On(old_leader, id).offset, offset);

  ASSERT_EQ(raw_->ChangeLeader(id, candidate), 0);
  const std::vector<Op> ops = OpsAfter(last_op, id, absl::Seconds(10));
  ASSERT_EQ(ops.size(), 1u);
  ASSERT_EQ(ops[0].state, OpState::kDone);
  const Partition partition = Meta(id);
  ASSERT_EQ(partition.term_offsets.size(), terms + 1);
  EXPECT_EQ(partition.term_offsets.back().offset, offset + 1);
  EXPECT_EQ(LeaderOf(id), candidate);
}

void ContractTest::RejoinInPlace(const PartitionId& id, const std::string& tablet) {
  const std::string leader = LeaderOf(id);
  const absl::Status added = openmldb_->AddReplica({id}, {leader}, tablet)[0];
  ASSERT_TRUE(added.ok()) << added;
  ASSERT_TRUE(Until(absl::Seconds(10),
                    [&] {
                      return SameOffset(id, {leader, tablet});
                    }))
      << tablet << " does not catch up with " << leader;
  const absl::Status set = openmldb_->SetReplicaMeta(id, tablet, /*is_leader=*/false,
                                                     /*is_alive=*/true);
  ASSERT_TRUE(set.ok()) << set;
}

void ContractTest::MakeWhole(const PartitionId& id) {
  const Partition partition = Meta(id);
  if (partition.Leader() == nullptr) return;
  for (const ReplicaMeta& replica : partition.replicas) {
    if (replica.is_alive) continue;
    const bool keeps_all = !replica.is_leader ||
                           On(replica.endpoint, id).offset < partition.term_offsets.back().offset;
    if (keeps_all) {
      if (replica.is_leader) {
        EXPECT_TRUE(openmldb_->Demote({id}, replica.endpoint)[0].ok());
      }
      RejoinInPlace(id, replica.endpoint);
      continue;
    }
    // It has rows that the others lack. RecoverTable may fail for no reason (H4).
    for (int attempt = 0; attempt < 3 && !ReplicaOf(id, replica.endpoint).is_alive; ++attempt) {
      const uint64_t last_op = LastOpId();
      EXPECT_TRUE(openmldb_->RecoverTable(id, replica.endpoint).ok());
      OpsAfter(last_op, id, absl::Seconds(40));
    }
    EXPECT_TRUE(ReplicaOf(id, replica.endpoint).is_alive) << replica.endpoint;
  }
}

std::string ContractTest::Node(const std::string& path) {
  const auto value = zookeeper_->Get(absl::GetFlag(FLAGS_root) + path, absl::Seconds(3));
  EXPECT_TRUE(value.ok()) << value.status();
  return value.value_or("");
}

}  // namespace omdb::contract
