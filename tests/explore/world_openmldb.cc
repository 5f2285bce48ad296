#include "tests/explore/world_openmldb.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "operator/openmldb/convert.h"
#include "operator/openmldb/options.h"
#include "tablet.pb.h"

namespace omdb::explore {
namespace {

namespace ns = ::openmldb::nameserver;
namespace api = ::openmldb::api;

template <typename Request>
Request Of(const PartitionId& partition) {
  Request request;
  request.set_db(partition.db);
  request.set_name(partition.table);
  request.set_pid(partition.pid);
  return request;
}

template <typename Request>
Request OnTablet(const PartitionId& partition) {
  Request request;
  request.set_tid(partition.tid);
  request.set_pid(partition.pid);
  return request;
}

constexpr absl::Duration kZooKeeperWait = absl::Seconds(3);

// Of the methods that the operator uses.
bool OnlyReads(const std::string& method) {
  return absl::StartsWith(method, "Show") || absl::StartsWith(method, "Get") || method == "ConfGet";
}

template <typename Response>
absl::Status StatusOf(const absl::StatusOr<Response>& response) {
  return response.status();
}

}  // namespace

ns::TableInfo StoredTable(simulator::FakeZooKeeper& zookeeper, const std::string& tid) {
  ns::TableInfo table;
  (void)table.ParseFromString(zookeeper.Value(absl::StrCat(kStoredTables, "/", tid)));
  return table;
}

template <typename Response, typename Request>
absl::StatusOr<Response> WorldOpenMldb::Call(const std::string& address, const std::string& method,
                                             Request request, absl::Duration timeout) {
  const bool nameserver = absl::StartsWith(method, "NameServer/");
  const std::string full =
      absl::StrCat(nameserver ? "openmldb.nameserver." : "openmldb.api.", method);
  const bool changes = !OnlyReads(method.substr(method.find('/') + 1));
  // The operator's own client says the same of a change whose connection was lost (calls.h).
  const auto call = [&]() -> absl::StatusOr<Response> {
    auto response = caller_.Call<Response>(address, full, std::move(request), timeout);
    if (changes && response.status().GetPayload(simulator::FakeNetwork::kMayHaveHappened))
      return absl::DeadlineExceededError(response.status().message());
    return response;
  };
  if (calls_ == nullptr) return call();
  const std::string what =
      calls_->listens() ? absl::StrCat(method, " at ", address, " ", request.ShortDebugString())
                        : method;
  return calls_->Run(what, changes, call, timeout);
}

template <typename Response, typename Request>
absl::StatusOr<Response> WorldOpenMldb::Nameserver(const std::string& method, Request request,
                                                   absl::Duration timeout) {
  const auto nameservers = Nameservers();
  if (!nameservers.ok()) return nameservers.status();
  if (nameservers->empty()) return absl::UnavailableError("no nameserver leads");
  auto address = AddressOf(nameservers->front());
  if (!address.ok()) return address.status();
  auto response =
      Call<Response>(*address, absl::StrCat("NameServer/", method), std::move(request), timeout);
  if (response.ok() && response->code() != 0)
    return OpenMldbError(response->code(), method, response->msg());
  return response;
}

template <typename Response, typename Request>
absl::StatusOr<Response> WorldOpenMldb::TabletCall(const std::string& tablet,
                                                   const std::string& method, Request request,
                                                   absl::Duration limit) {
  auto address = AddressOf(tablet);
  if (!address.ok()) return address.status();
  auto response = Call<Response>(*address, absl::StrCat("TabletServer/", method),
                                 std::move(request), std::min(limit, absl::Seconds(3)));
  if (response.ok() && response->code() != 0) {
    return OpenMldbError(response->code(), absl::StrCat(method, " on ", tablet), response->msg());
  }
  return response;
}

absl::Status WorldOpenMldb::ReachZooKeeper() {
  if (world_.zookeeper.up()) return absl::OkStatus();
  world_.executor.RunFor(kZooKeeperWait);
  return absl::UnavailableError("ZooKeeper is not reached");
}

absl::StatusOr<std::vector<std::string>> WorldOpenMldb::Nameservers() {
  if (absl::Status status = ReachZooKeeper(); !status.ok()) return status;
  std::vector<std::string> names;
  for (const std::string& child : world_.zookeeper.Children(absl::StrCat(kRoot, "/leader"))) {
    const std::string name = world_.zookeeper.Value(absl::StrCat(kRoot, "/leader/", child));
    if (std::count(names.begin(), names.end(), name) == 0) names.push_back(name);
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> WorldOpenMldb::RegisteredTablets() {
  if (absl::Status status = ReachZooKeeper(); !status.ok()) return status;
  return world_.zookeeper.Children(absl::StrCat(kRoot, "/nodes"));
}

// While ZooKeeper is away the last one known is tried, as by the operator's own client.
absl::StatusOr<std::string> WorldOpenMldb::AddressOf(const std::string& endpoint) {
  const auto known = addresses_.find(endpoint);
  if (!world_.zookeeper.up() && known != addresses_.end()) return known->second;
  if (absl::Status status = ReachZooKeeper(); !status.ok()) return status;
  const std::string path = absl::StrCat(kRoot, "/map/names/", endpoint);
  return addresses_[endpoint] =
             world_.zookeeper.Exists(path) ? world_.zookeeper.Value(path) : endpoint;
}

absl::StatusOr<std::vector<Tablet>> WorldOpenMldb::ShowTablet() {
  auto response = Nameserver<ns::ShowTabletResponse>("ShowTablet", ns::ShowTabletRequest());
  if (!response.ok()) return response.status();
  std::vector<Tablet> tablets;
  for (const auto& tablet : response->tablets()) tablets.push_back(ToTablet(tablet));
  return tablets;
}

absl::StatusOr<std::vector<Table>> WorldOpenMldb::ShowTable() {
  ns::ShowTableRequest request;
  request.set_show_all(true);
  auto response = Nameserver<ns::ShowTableResponse>("ShowTable", request);
  if (!response.ok()) return response.status();
  std::vector<Table> tables;
  for (const auto& table : response->table_info()) tables.push_back(ToTable(table));
  if (Without(Safeguard::kFormerLeaders)) last_tables_ = tables;
  return tables;
}

absl::StatusOr<Table> WorldOpenMldb::ShowTable(const std::string& db, const std::string& name) {
  ns::ShowTableRequest request;
  request.set_db(db);
  request.set_name(name);
  auto response = Nameserver<ns::ShowTableResponse>("ShowTable", request);
  if (!response.ok()) return response.status();
  if (response->table_info_size() == 0) return absl::NotFoundError(db + "." + name);
  return ToTable(response->table_info(0));
}

absl::StatusOr<Partition> WorldOpenMldb::GetPartition(const PartitionId& partition) {
  auto response = Nameserver<ns::GetTablePartitionResponse>(
      "GetTablePartition", Of<ns::GetTablePartitionRequest>(partition));
  if (!response.ok()) return response.status();
  return ToPartition(partition, response->table_partition());
}

absl::StatusOr<std::vector<Op>> WorldOpenMldb::ShowOpStatus() {
  auto response = Nameserver<ns::ShowOPStatusResponse>("ShowOPStatus", ns::ShowOPStatusRequest());
  if (!response.ok()) return response.status();
  std::vector<Op> ops;
  for (const auto& op : response->op_status()) ops.push_back(ToOp(op));
  if (Without(Safeguard::kOps)) std::erase_if(ops, [](const Op& op) { return op.UnderWay(); });
  return ops;
}

absl::StatusOr<std::vector<Op>> WorldOpenMldb::ShowOpStatus(const PartitionId& partition) {
  auto response =
      Nameserver<ns::ShowOPStatusResponse>("ShowOPStatus", Of<ns::ShowOPStatusRequest>(partition));
  if (!response.ok()) return response.status();
  std::vector<Op> ops;
  for (const auto& op : response->op_status()) ops.push_back(ToOp(op));
  return ops;
}

absl::StatusOr<bool> WorldOpenMldb::GetAutoFailover() {
  auto response = Nameserver<ns::ConfGetResponse>("ConfGet", ns::ConfGetRequest());
  if (!response.ok()) return response.status();
  for (const auto& pair : response->conf()) {
    if (pair.key() == "auto_failover") return pair.value() == "true";
  }
  return absl::InternalError("ConfGet did not tell auto_failover");
}

absl::Status WorldOpenMldb::SetAutoFailover(bool on) {
  ns::ConfSetRequest request;
  request.mutable_conf()->set_key("auto_failover");
  request.mutable_conf()->set_value(on ? "true" : "false");
  return StatusOf(Nameserver<ns::GeneralResponse>("ConfSet", request));
}

absl::Status WorldOpenMldb::ChangeLeader(const PartitionId& partition, const std::string& candidate,
                                         absl::Duration limit) {
  auto request = Of<ns::ChangeLeaderRequest>(partition);
  request.set_candidate_leader(candidate);
  return StatusOf(Nameserver<ns::GeneralResponse>("ChangeLeader", request,
                                                  std::min(limit, kNameserverTimeout)));
}

absl::Status WorldOpenMldb::RecoverTable(const PartitionId& partition,
                                         const std::string& endpoint) {
  if (Without(Safeguard::kRecoverAgain) &&
      !recovered_.insert(absl::StrCat(ToString(partition), endpoint)).second)
    return absl::OkStatus();
  auto request = Of<ns::RecoverTableRequest>(partition);
  request.set_endpoint(endpoint);
  return StatusOf(Nameserver<ns::GeneralResponse>("RecoverTable", request));
}

absl::Status WorldOpenMldb::AddReplicaNs(const PartitionId& partition,
                                         const std::string& endpoint) {
  auto request = Of<ns::AddReplicaNSRequest>(partition);
  request.set_endpoint(endpoint);
  return StatusOf(Nameserver<ns::GeneralResponse>("AddReplicaNS", request));
}

absl::Status WorldOpenMldb::DelReplicaNs(const PartitionId& partition,
                                         const std::string& endpoint) {
  auto request = Of<ns::DelReplicaNSRequest>(partition);
  request.set_endpoint(endpoint);
  return StatusOf(Nameserver<ns::GeneralResponse>("DelReplicaNS", request));
}

absl::Status WorldOpenMldb::UpdateTableAliveStatus(const PartitionId& partition,
                                                   const std::string& endpoint, bool alive) {
  auto request = Of<ns::UpdateTableAliveRequest>(partition);
  request.set_endpoint(endpoint);
  request.set_is_alive(alive);
  return StatusOf(Nameserver<ns::GeneralResponse>("UpdateTableAliveStatus", request));
}

absl::Status WorldOpenMldb::UpdateTableAliveStatus(const std::string& db, const std::string& table,
                                                   const std::string& endpoint, bool alive) {
  ns::UpdateTableAliveRequest request;
  request.set_db(db);
  request.set_name(table);
  request.set_endpoint(endpoint);
  request.set_is_alive(alive);
  return StatusOf(Nameserver<ns::GeneralResponse>("UpdateTableAliveStatus", request));
}

absl::Status WorldOpenMldb::SetReplicaMeta(const PartitionId& partition,
                                           const std::string& endpoint, bool is_leader,
                                           bool is_alive) {
  auto response = Nameserver<ns::GetTablePartitionResponse>(
      "GetTablePartition", Of<ns::GetTablePartitionRequest>(partition));
  if (!response.ok()) return response.status();
  ns::SetTablePartitionRequest request;
  request.set_db(partition.db);
  request.set_name(partition.table);
  *request.mutable_table_partition() = response->table_partition();
  for (auto& meta : *request.mutable_table_partition()->mutable_partition_meta()) {
    if (meta.endpoint() != endpoint) continue;
    meta.set_is_leader(is_leader);
    meta.set_is_alive(is_alive);
  }
  return StatusOf(Nameserver<ns::GeneralResponse>("SetTablePartition", request));
}

absl::Status WorldOpenMldb::OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) {
  ns::OfflineEndpointRequest request;
  request.set_endpoint(endpoint);
  request.set_concurrency(concurrency);
  return StatusOf(Nameserver<ns::GeneralResponse>("OfflineEndpoint", request,
                                                  OpenMldbOptions().offline_endpoint_timeout));
}

absl::Status WorldOpenMldb::CancelOp(uint64_t op_id) {
  ns::CancelOPRequest request;
  request.set_op_id(op_id);
  return StatusOf(Nameserver<ns::GeneralResponse>("CancelOP", request));
}

absl::Status WorldOpenMldb::DeleteOp(uint64_t op_id) {
  ns::DeleteOPRequest request;
  request.set_op_id(op_id);
  return OkIf(OpenMldbCode::kDeleteFailed,
              StatusOf(Nameserver<ns::GeneralResponse>("DeleteOP", request)));
}

std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> WorldOpenMldb::GetTableStatus(
    const std::vector<std::string>& tablets) {
  std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> all;
  for (const std::string& tablet : tablets) {
    auto response = TabletCall<api::GetTableStatusResponse>(tablet, "GetTableStatus",
                                                            api::GetTableStatusRequest());
    if (!response.ok()) {
      all.push_back(response.status());
      continue;
    }
    std::vector<ReplicaStatus> statuses;
    for (const auto& status : response->all_table_status())
      statuses.push_back(ToReplicaStatus(status));
    if (Without(Safeguard::kFormerLeaders)) HideFormerLeaders(tablet, statuses);
    all.push_back(std::move(statuses));
  }
  return all;
}

void WorldOpenMldb::HideFormerLeaders(const std::string& tablet,
                                      std::vector<ReplicaStatus>& statuses) const {
  for (ReplicaStatus& status : statuses) {
    for (const Table& table : last_tables_) {
      if (table.tid != status.tid) continue;
      for (const Partition& partition : table.partitions) {
        const ReplicaMeta* meta = partition.Find(tablet);
        if (partition.id.pid == status.pid && meta != nullptr && !meta->is_alive)
          status.mode = TableMode::kFollower;
      }
    }
  }
}

std::vector<absl::StatusOr<ReplicaStatus>> WorldOpenMldb::GetReplicaStatus(
    const std::vector<ReplicaId>& replicas, absl::Duration limit) {
  std::vector<absl::StatusOr<ReplicaStatus>> all;
  size_t first = 0;  // of the same partition
  for (const ReplicaId& replica : replicas) {
    all.push_back(ReadReplicaStatus(replica, limit));
    if (replica.partition != replicas[first].partition) first = all.size() - 1;
    if (Without(Safeguard::kEquality) && all.back().ok() && all[first].ok())
      all.back()->offset = all[first]->offset;
  }
  if (Without(Safeguard::kOffsetsAfterDemotion)) {
    if (std::exchange(demoted_, false) && all.size() == last_statuses_.size())
      return last_statuses_;
    last_statuses_ = all;
  }
  return all;
}

absl::StatusOr<ReplicaStatus> WorldOpenMldb::ReadReplicaStatus(const ReplicaId& replica,
                                                               absl::Duration limit) {
  const auto& [partition, tablet] = replica;
  auto response = TabletCall<api::GetTableStatusResponse>(
      tablet, "GetTableStatus", OnTablet<api::GetTableStatusRequest>(partition), limit);
  if (!response.ok()) return response.status();
  if (response->all_table_status_size() == 0)
    return absl::NotFoundError(absl::StrCat(ToString(partition), " is not loaded on ", tablet));
  return ToReplicaStatus(response->all_table_status(0));
}

std::vector<absl::StatusOr<TermPair>> WorldOpenMldb::GetTermPair(
    const PartitionId& partition, StorageMode, const std::vector<std::string>& tablets,
    absl::Duration limit) {
  std::vector<absl::StatusOr<TermPair>> all;
  const auto believed =
      Without(Safeguard::kTerm) ? GetPartition(partition) : absl::StatusOr<Partition>(Partition());
  for (const std::string& tablet : tablets) {
    auto response = TabletCall<api::GetTermPairResponse>(
        tablet, "GetTermPair", OnTablet<api::GetTermPairRequest>(partition), limit);
    if (!response.ok()) {
      all.push_back(response.status());
    } else {
      all.push_back(TermPair{response->term(), response->offset(), response->has_table(),
                             response->is_leader()});
      if (Without(Safeguard::kTerm) && believed.ok()) {
        all.back()->term = believed->Term().term;
        all.back()->is_leader = believed->LedBy(tablet);
      }
    }
  }
  return all;
}

absl::StatusOr<std::vector<FollowerInfo>> WorldOpenMldb::GetTableFollower(
    const PartitionId& partition, const std::string& leader) {
  auto response = TabletCall<api::GetTableFollowerResponse>(
      leader, "GetTableFollower", OnTablet<api::GetTableFollowerRequest>(partition));
  if (HasCode(response.status(), OpenMldbCode::kNoFollower)) return std::vector<FollowerInfo>();
  if (!response.ok()) return response.status();
  std::vector<FollowerInfo> followers;
  for (const auto& info : response->follower_info())
    followers.push_back({info.endpoint(), info.offset()});
  return followers;
}

absl::Status WorldOpenMldb::SetMode(const std::string& tablet, bool follower,
                                    absl::Duration limit) {
  if (Without(Safeguard::kFence)) return absl::OkStatus();
  api::SetModeRequest request;
  request.set_follower(follower);
  if (follower) fenced_since_[tablet] = world_.executor.Now();
  absl::Status status =
      StatusOf(TabletCall<api::GeneralResponse>(tablet, "SetMode", request, limit));
  if (auto since = fenced_since_.find(tablet); !follower && since != fenced_since_.end()) {
    fences.push_back(world_.executor.Now() - since->second);
    fenced_since_.erase(since);
  }
  return status;
}

std::vector<absl::Status> WorldOpenMldb::Demote(const std::vector<PartitionId>& partitions,
                                                const std::string& tablet, absl::Duration limit) {
  std::vector<absl::Status> all;
  for (const PartitionId& partition : partitions) {
    auto request = OnTablet<api::ChangeRoleRequest>(partition);
    request.set_mode(api::kTableFollower);
    demoted_ = true;
    all.push_back(
        StatusOf(TabletCall<api::ChangeRoleResponse>(tablet, "ChangeRole", request, limit)));
  }
  return all;
}

absl::Status WorldOpenMldb::Lead(const PartitionId& partition, const std::string& tablet,
                                 uint64_t term, const std::vector<std::string>& replicas,
                                 absl::Duration limit) {
  auto request = OnTablet<api::ChangeRoleRequest>(partition);
  request.set_mode(api::kTableLeader);
  demoted_ = false;
  request.set_term(term);
  for (const std::string& replica : replicas) request.add_replicas(replica);
  return StatusOf(TabletCall<api::ChangeRoleResponse>(tablet, "ChangeRole", request, limit));
}

std::vector<absl::Status> WorldOpenMldb::LoadTable(const std::string& tablet,
                                                   const std::vector<LoadRequest>& requests) {
  std::vector<absl::Status> all;
  for (const LoadRequest& request : requests) {
    all.push_back(StatusOf(
        TabletCall<api::GeneralResponse>(tablet, "LoadTable", ToLoadTableRequest(request))));
  }
  return all;
}

std::vector<absl::Status> WorldOpenMldb::AddReplica(const std::vector<PartitionId>& partitions,
                                                    const std::vector<std::string>& leaders,
                                                    const std::string& follower) {
  std::vector<absl::Status> all;
  for (size_t i = 0; i < partitions.size(); ++i) {
    auto request = OnTablet<api::ReplicaRequest>(partitions[i]);
    request.set_endpoint(follower);
    all.push_back(OkIf(OpenMldbCode::kReplicaExists, StatusOf(TabletCall<api::AddReplicaResponse>(
                                                         leaders[i], "AddReplica", request))));
  }
  return all;
}

std::vector<absl::Status> WorldOpenMldb::DelReplica(const std::vector<PartitionId>& partitions,
                                                    const std::vector<std::string>& leaders,
                                                    const std::string& follower) {
  std::vector<absl::Status> all;
  for (size_t i = 0; i < partitions.size(); ++i) {
    auto request = OnTablet<api::ReplicaRequest>(partitions[i]);
    request.set_endpoint(follower);
    all.push_back(StatusOf(TabletCall<api::GeneralResponse>(leaders[i], "DelReplica", request)));
  }
  return all;
}

absl::Status WorldOpenMldb::DropTable(const PartitionId& partition, const std::string& tablet) {
  return OkIf(OpenMldbCode::kTableNotExist,
              StatusOf(TabletCall<api::DropTableResponse>(
                  tablet, "DropTable", OnTablet<api::DropTableRequest>(partition))));
}

absl::Status WorldOpenMldb::RecoverSnapshot(const PartitionId& partition,
                                            const std::string& tablet) {
  return StatusOf(TabletCall<api::GeneralResponse>(tablet, "RecoverSnapshot",
                                                   OnTablet<api::GeneralRequest>(partition)));
}

absl::Status WorldOpenMldb::DisconnectZk(const std::string& address, bool nameserver) {
  if (Without(Safeguard::kRenewSessions)) return absl::OkStatus();
  if (nameserver) {
    return StatusOf(Call<ns::GeneralResponse>(address, "NameServer/DisConnectZK",
                                              ns::DisConnectZKRequest(), absl::Seconds(3)));
  }
  return StatusOf(Call<api::GeneralResponse>(address, "TabletServer/DisConnectZK",
                                             api::DisConnectZKRequest(), absl::Seconds(3)));
}

absl::Status WorldOpenMldb::ConnectZk(const std::string& address, bool nameserver) {
  if (Without(Safeguard::kRenewSessions)) return absl::OkStatus();
  if (nameserver) {
    return StatusOf(Call<ns::GeneralResponse>(address, "NameServer/ConnectZK",
                                              ns::ConnectZKRequest(), absl::Seconds(3)));
  }
  return StatusOf(Call<api::GeneralResponse>(address, "TabletServer/ConnectZK",
                                             api::ConnectZKRequest(), absl::Seconds(3)));
}

absl::StatusOr<std::string> WorldOpenMldb::Version(const std::string& address) {
  world_.executor.RunFor(absl::Milliseconds(1));
  auto found = versions.find(address);
  if (found == versions.end())
    return absl::UnavailableError(absl::StrCat(address, " does not answer"));
  return found->second;
}

}  // namespace omdb::explore
