#include "tests/simulator/model/nameserver_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace omdb::simulator {

Options Cluster::Quiet() {
  Options options;
  options.auto_failover = false;
  options.binlog_write_time = absl::ZeroDuration();
  options.lost_del_replica_probability = 0;
  return options;
}

Cluster::Cluster(Options options, uint64_t seed, int nameservers, int tablets)
    : world_(seed), caller_(world_) {
  for (int i = 0; i < nameservers; ++i) {
    options.endpoint = absl::StrCat("ns", i);
    options.real_endpoint = absl::StrCat("10.0.1.", i + 1, ":7527");
    nameservers_.push_back(std::make_unique<Process<NameServer>>(world_, options));
  }
  for (int i = 0; i < tablets; ++i) {
    options.endpoint = absl::StrCat("t", i);
    options.real_endpoint = absl::StrCat("10.0.2.", i + 1, ":10921");
    tablets_.push_back(std::make_unique<Process<TabletServer>>(world_, options));
  }
}

void Cluster::StartTablets() {
  for (auto& tablet : tablets_) ASSERT_TRUE(tablet->Start().ok());
}

absl::Status Cluster::StartNameServer(int i) {
  absl::Status started = ns(i).Start();
  if (started.ok()) {
    ns(i).server().OnExit([this, i](const std::string& reason) {
      exits_.push_back(reason);
      world_.executor.Schedule(absl::ZeroDuration(), [this, i] { ns(i).Kill(); });
    });
  }
  return started;
}

void Cluster::Start() {
  StartTablets();
  for (size_t i = 0; i < nameservers_.size(); ++i) {
    ASSERT_TRUE(StartNameServer(static_cast<int>(i)).ok());
    RunFor(absl::Milliseconds(100));  // ns0 is first
  }
  ASSERT_TRUE(AwaitLeader());
  ASSERT_TRUE(
      RunUntil([&] { return !Table("DEPLOY_RESPONSE_TIME", "INFORMATION_SCHEMA").name().empty(); },
               absl::Seconds(5)));
  ASSERT_TRUE(RunUntil([&] { return ns(leader_).server().listening(); }, absl::Seconds(1)));
  nameserver::CreateDatabaseRequest request;
  request.set_db(kDb);
  ASSERT_EQ(Ask("CreateDatabase", request).code(), code::kOk);
}

int Cluster::CodeOf(int i) {
  auto answer =
      CallNs<nameserver::ShowTabletResponse>(i, "ShowTablet", nameserver::ShowTabletRequest());
  return answer.ok() ? answer->code() : -1;
}

int Cluster::Leader() {
  for (size_t i = 0; i < nameservers_.size(); ++i) {
    if (nameservers_[i]->running() && CodeOf(static_cast<int>(i)) == code::kOk) {
      leader_ = static_cast<int>(i);
      return leader_;
    }
  }
  return -1;
}

bool Cluster::RunUntil(const std::function<bool()>& condition, absl::Duration limit,
                       absl::Duration step) {
  const absl::Time start = Now();
  while (!condition()) {
    if (Now() > start + limit) return false;
    RunFor(std::max(step, (Now() - start) / 200));
  }
  return true;
}

bool Cluster::AwaitLeader(absl::Duration limit) {
  return RunUntil([this] { return Leader() >= 0; }, limit, absl::Milliseconds(10));
}

void Cluster::Report(const std::string& method, const absl::Status& status) {
  ADD_FAILURE() << method << ": " << status.ToString();
}

int Cluster::CreateTable(const std::string& name, int partitions, int replicas) {
  nameserver::CreateTableRequest request;
  nameserver::TableInfo* table = request.mutable_table_info();
  table->set_db(kDb);
  table->set_name(name);
  table->set_partition_num(partitions);
  table->set_replica_num(replicas);
  auto* column = table->add_column_desc();
  column->set_name("k");
  column->set_data_type(openmldb::type::kVarchar);
  return Ask("CreateTable", request).code();
}

int Cluster::SetAutoFailover(bool on) {
  nameserver::ConfSetRequest request;
  request.mutable_conf()->set_key("auto_failover");
  request.mutable_conf()->set_value(on ? "true" : "false");
  return Ask("ConfSet", request).code();
}

int Cluster::ChangeLeader(const std::string& table, uint32_t pid, const std::string& candidate) {
  nameserver::ChangeLeaderRequest request;
  request.set_db(kDb);
  request.set_name(table);
  request.set_pid(pid);
  if (!candidate.empty()) request.set_candidate_leader(candidate);
  return Ask("ChangeLeader", request).code();
}

int Cluster::RecoverTable(const std::string& table, uint32_t pid, const std::string& endpoint) {
  nameserver::RecoverTableRequest request;
  request.set_db(kDb);
  request.set_name(table);
  request.set_pid(pid);
  request.set_endpoint(endpoint);
  return Ask("RecoverTable", request).code();
}

int Cluster::OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) {
  nameserver::OfflineEndpointRequest request;
  request.set_endpoint(endpoint);
  request.set_concurrency(concurrency);
  return Ask("OfflineEndpoint", request).code();
}

int Cluster::RecoverEndpoint(const std::string& endpoint, uint32_t concurrency) {
  nameserver::RecoverEndpointRequest request;
  request.set_endpoint(endpoint);
  request.set_concurrency(concurrency);
  return Ask("RecoverEndpoint", request).code();
}

int Cluster::UpdateAlive(const std::string& table, uint32_t pid, const std::string& endpoint,
                         bool alive) {
  nameserver::UpdateTableAliveRequest request;
  request.set_db(kDb);
  request.set_name(table);
  request.set_pid(pid);
  request.set_endpoint(endpoint);
  request.set_is_alive(alive);
  return Ask("UpdateTableAliveStatus", request).code();
}

int Cluster::AddReplica(const std::string& table, uint32_t pid, const std::string& endpoint) {
  nameserver::AddReplicaNSRequest request;
  request.set_db(kDb);
  request.set_name(table);
  request.set_pid(pid);
  request.set_endpoint(endpoint);
  return Ask("AddReplicaNS", request).code();
}

int Cluster::DelReplica(const std::string& table, uint32_t pid, const std::string& endpoint) {
  nameserver::DelReplicaNSRequest request;
  request.set_db(kDb);
  request.set_name(table);
  request.set_pid(pid);
  request.set_endpoint(endpoint);
  return Ask("DelReplicaNS", request).code();
}

int Cluster::CancelOp(uint64_t id) {
  nameserver::CancelOPRequest request;
  request.set_op_id(id);
  return Ask("CancelOP", request).code();
}

std::vector<nameserver::OPStatus> Cluster::Ops() {
  auto answer =
      Ask<nameserver::ShowOPStatusResponse>("ShowOPStatus", nameserver::ShowOPStatusRequest());
  return {answer.op_status().begin(), answer.op_status().end()};
}

nameserver::OPStatus Cluster::LastOp(const std::string& type) {
  nameserver::OPStatus last;
  for (const nameserver::OPStatus& op : Ops()) {
    if (type.empty() || op.op_type() == type) last = op;
  }
  return last;
}

std::vector<nameserver::OPStatus> Cluster::UnfinishedOps() {
  std::vector<nameserver::OPStatus> ops = Ops();
  std::erase_if(ops, [](const nameserver::OPStatus& op) {
    return op.status() != "kInited" && op.status() != "kDoing";
  });
  return ops;
}

bool Cluster::RunUntilOpsDone(absl::Duration limit) {
  return RunUntil([this] { return UnfinishedOps().empty(); }, limit);
}

nameserver::TableInfo Cluster::Table(const std::string& name, const std::string& db) {
  nameserver::ShowTableRequest request;
  request.set_db(db);
  request.set_name(name);
  auto answer = Ask<nameserver::ShowTableResponse>("ShowTable", request);
  return answer.table_info_size() == 1 ? answer.table_info(0) : nameserver::TableInfo();
}

nameserver::TablePartition Cluster::Partition(const std::string& table, uint32_t pid) {
  const nameserver::TableInfo info = Table(table);
  for (const nameserver::TablePartition& partition : info.table_partition()) {
    if (partition.pid() == pid) return partition;
  }
  return {};
}

nameserver::PartitionMeta Cluster::Meta(const std::string& table, uint32_t pid,
                                        const std::string& endpoint) {
  const nameserver::TablePartition partition = Partition(table, pid);
  for (const nameserver::PartitionMeta& meta : partition.partition_meta()) {
    if (meta.endpoint() == endpoint) return meta;
  }
  return {};
}

std::string Cluster::LeaderOf(const std::string& table, uint32_t pid) {
  const nameserver::TablePartition partition = Partition(table, pid);
  for (const nameserver::PartitionMeta& meta : partition.partition_meta()) {
    if (meta.is_leader() && meta.is_alive()) return meta.endpoint();
  }
  return "";
}

std::vector<std::string> Cluster::FollowersOf(const std::string& table, uint32_t pid) {
  std::vector<std::string> followers;
  const nameserver::TablePartition partition = Partition(table, pid);
  for (const nameserver::PartitionMeta& meta : partition.partition_meta()) {
    if (!meta.is_leader()) followers.push_back(meta.endpoint());
  }
  return followers;
}

std::string Cluster::TabletState(const std::string& name) {
  auto answer = Ask<nameserver::ShowTabletResponse>("ShowTablet", nameserver::ShowTabletRequest());
  for (const nameserver::TabletStatus& tablet : answer.tablets()) {
    if (tablet.endpoint() == name) return tablet.state();
  }
  return "";
}

bool Cluster::RunUntilState(const std::string& tablet, const std::string& state,
                            absl::Duration limit) {
  return RunUntil([&] { return TabletState(tablet) == state; }, limit, absl::Milliseconds(5));
}

}  // namespace omdb::simulator
