#include "operator/openmldb/nameserver_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "name_server.pb.h"
#include "operator/openmldb/convert.h"

namespace omdb {
namespace {

namespace ns = openmldb::nameserver;
using Stub = ns::NameServer::Stub;

std::string On(const char* call, const PartitionId& partition) {
  return absl::StrCat(call, " of ", ToString(partition));
}

std::string On(const char* call, const PartitionId& partition, const std::string& endpoint) {
  return absl::StrCat(On(call, partition), " for ", endpoint);
}

template <typename Request>
Request ForPartition(const PartitionId& partition) {
  Request request;
  request.set_db(partition.db);
  request.set_name(partition.table);
  request.set_pid(partition.pid);
  return request;
}

template <typename Request>
Request ForReplica(const PartitionId& partition, const std::string& endpoint) {
  auto request = ForPartition<Request>(partition);
  request.set_endpoint(endpoint);
  return request;
}

ns::PartitionMeta* FindMeta(ns::TablePartition* partition, const std::string& endpoint) {
  for (ns::PartitionMeta& meta : *partition->mutable_partition_meta()) {
    if (meta.endpoint() == endpoint) return &meta;
  }
  return nullptr;
}

// Roles and terms, without what the nameserver refreshes every 2 s.
std::string RolesOf(const ns::TablePartition& partition) {
  std::string roles;
  for (const ns::PartitionMeta& meta : partition.partition_meta()) {
    absl::StrAppend(&roles, meta.endpoint(), meta.is_leader() ? " leader" : " follower",
                    meta.is_alive() ? " alive, " : " not alive, ");
  }
  for (const ns::TermPair& pair : partition.term_offset()) {
    absl::StrAppend(&roles, "term ", pair.term(), " from ", pair.offset(), ", ");
  }
  return roles;
}

}  // namespace

template <typename Response, typename MethodPointer, typename Request>
absl::StatusOr<Response> NameserverClient::Read(MethodPointer method, const Request& request,
                                                const std::string& what) {
  return leader_.Call<Response>(method, request, what, leader_.Options(Effect::kRepeatable));
}

template <typename MethodPointer, typename Request>
absl::Status NameserverClient::Change(MethodPointer method, const Request& request,
                                      const std::string& what) {
  return Change(method, request, what, options_.nameserver_timeout);
}

template <typename MethodPointer, typename Request>
absl::Status NameserverClient::Change(MethodPointer method, const Request& request,
                                      const std::string& what, absl::Duration timeout) {
  CallOptions options = leader_.Options(Effect::kOnce);
  options.timeout = timeout;
  options.permission = options_.may_change;
  return leader_.Call<ns::GeneralResponse>(method, request, what, options).status();
}

absl::StatusOr<std::vector<Tablet>> NameserverClient::ShowTablet() {
  const auto response = Read<ns::ShowTabletResponse>(&Stub::PrepareAsyncShowTablet,
                                                     ns::ShowTabletRequest(), "ShowTablet");
  if (!response.ok()) return response.status();
  std::vector<Tablet> tablets;
  for (const ns::TabletStatus& tablet : response->tablets()) tablets.push_back(ToTablet(tablet));
  return tablets;
}

absl::StatusOr<ns::TablePartition> NameserverClient::GetTablePartition(
    const PartitionId& partition) {
  auto response = Read<ns::GetTablePartitionResponse>(
      &Stub::PrepareAsyncGetTablePartition, ForPartition<ns::GetTablePartitionRequest>(partition),
      On("GetTablePartition", partition));
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_table_partition());
}

absl::StatusOr<Partition> NameserverClient::GetPartition(const PartitionId& partition) {
  const absl::StatusOr<ns::TablePartition> message = GetTablePartition(partition);
  if (!message.ok()) return message.status();
  return ToPartition(partition, *message);
}

absl::StatusOr<std::vector<Op>> NameserverClient::Ops(const ns::ShowOPStatusRequest& request,
                                                      const std::string& what) {
  const auto response =
      Read<ns::ShowOPStatusResponse>(&Stub::PrepareAsyncShowOPStatus, request, what);
  if (!response.ok()) return response.status();
  std::vector<Op> ops;
  for (const ns::OPStatus& op : response->op_status()) ops.push_back(ToOp(op));
  return ops;
}

absl::StatusOr<std::vector<Op>> NameserverClient::ShowOpStatus() {
  return Ops(ns::ShowOPStatusRequest(), "ShowOPStatus");
}

absl::StatusOr<std::vector<Op>> NameserverClient::ShowOpStatus(const PartitionId& partition) {
  return Ops(ForPartition<ns::ShowOPStatusRequest>(partition), On("ShowOPStatus", partition));
}

absl::StatusOr<bool> NameserverClient::GetAutoFailover() {
  const auto response =
      Read<ns::ConfGetResponse>(&Stub::PrepareAsyncConfGet, ns::ConfGetRequest(), "ConfGet");
  if (!response.ok()) return response.status();
  for (const ns::Pair& pair : response->conf()) {
    if (pair.key() == "auto_failover") return absl::AsciiStrToLower(pair.value()) == "true";
  }
  return absl::InternalError("ConfGet: the nameserver's answer does not name auto_failover");
}

absl::Status NameserverClient::SetAutoFailover(bool on) {
  const std::string value = on ? "true" : "false";
  ns::ConfSetRequest request;
  request.mutable_conf()->set_key("auto_failover");
  request.mutable_conf()->set_value(value);
  return Change(&Stub::PrepareAsyncConfSet, request, "ConfSet auto_failover=" + value);
}

absl::Status NameserverClient::ChangeLeader(const PartitionId& partition,
                                            const std::string& candidate, absl::Duration limit) {
  auto request = ForPartition<ns::ChangeLeaderRequest>(partition);
  request.set_candidate_leader(candidate);
  return Change(&Stub::PrepareAsyncChangeLeader, request, On("ChangeLeader", partition, candidate),
                std::min(limit, options_.nameserver_timeout));
}

absl::Status NameserverClient::RecoverTable(const PartitionId& partition,
                                            const std::string& endpoint) {
  return Change(&Stub::PrepareAsyncRecoverTable,
                ForReplica<ns::RecoverTableRequest>(partition, endpoint),
                On("RecoverTable", partition, endpoint));
}

absl::Status NameserverClient::AddReplica(const PartitionId& partition,
                                          const std::string& endpoint) {
  return Change(&Stub::PrepareAsyncAddReplicaNS,
                ForReplica<ns::AddReplicaNSRequest>(partition, endpoint),
                On("AddReplicaNS", partition, endpoint));
}

absl::Status NameserverClient::DelReplica(const PartitionId& partition,
                                          const std::string& endpoint) {
  return Change(&Stub::PrepareAsyncDelReplicaNS,
                ForReplica<ns::DelReplicaNSRequest>(partition, endpoint),
                On("DelReplicaNS", partition, endpoint));
}

absl::Status NameserverClient::UpdateTableAliveStatus(const PartitionId& partition,
                                                      const std::string& endpoint, bool alive) {
  auto request = ForReplica<ns::UpdateTableAliveRequest>(partition, endpoint);
  request.set_is_alive(alive);
  return Change(&Stub::PrepareAsyncUpdateTableAliveStatus, request,
                On("UpdateTableAliveStatus", partition, endpoint));
}

absl::Status NameserverClient::UpdateTableAliveStatus(const std::string& db,
                                                      const std::string& table,
                                                      const std::string& endpoint, bool alive) {
  ns::UpdateTableAliveRequest request;
  request.set_db(db);
  request.set_name(table);
  request.set_endpoint(endpoint);
  request.set_is_alive(alive);
  return Change(
      &Stub::PrepareAsyncUpdateTableAliveStatus, request,
      absl::StrCat("UpdateTableAliveStatus of all of ", db, ".", table, " for ", endpoint));
}

absl::Status NameserverClient::SetReplicaMeta(const PartitionId& partition,
                                              const std::string& endpoint, bool is_leader,
                                              bool is_alive) {
  const std::string what = On("SetTablePartition", partition, endpoint);
  absl::StatusOr<ns::TablePartition> wanted = GetTablePartition(partition);
  if (!wanted.ok()) return wanted.status();
  ns::PartitionMeta* meta = FindMeta(&*wanted, endpoint);
  if (meta == nullptr) {
    return absl::NotFoundError(
        absl::StrCat(what, ": the partition has no replica there, it has ", RolesOf(*wanted)));
  }
  meta->set_is_leader(is_leader);
  meta->set_is_alive(is_alive);

  // The whole entry is replaced, so what this program does not know travels along: the message
  // keeps unknown fields.
  ns::SetTablePartitionRequest request;
  request.set_db(partition.db);
  request.set_name(partition.table);
  *request.mutable_table_partition() = *wanted;
  absl::Status status = Change(&Stub::PrepareAsyncSetTablePartition, request, what);
  if (!status.ok()) return status;

  const absl::StatusOr<ns::TablePartition> now = GetTablePartition(partition);
  if (!now.ok()) return now.status();
  if (RolesOf(*now) != RolesOf(*wanted)) {
    return absl::AbortedError(
        absl::StrCat(what, ": somebody changed the partition at the same time; set was ",
                     RolesOf(*wanted), "found is ", RolesOf(*now), "look at it again"));
  }
  return absl::OkStatus();
}

absl::Status NameserverClient::OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) {
  ns::OfflineEndpointRequest request;
  request.set_endpoint(endpoint);
  request.set_concurrency(concurrency);
  return Change(&Stub::PrepareAsyncOfflineEndpoint, request, "OfflineEndpoint " + endpoint,
                options_.offline_endpoint_timeout);
}

absl::Status NameserverClient::CancelOp(uint64_t op_id) {
  ns::CancelOPRequest request;
  request.set_op_id(op_id);
  return Change(&Stub::PrepareAsyncCancelOP, request, absl::StrCat("CancelOP ", op_id));
}

absl::Status NameserverClient::DeleteOp(uint64_t op_id) {
  ns::DeleteOPRequest request;
  request.set_op_id(op_id);
  return OkIf(OpenMldbCode::kDeleteFailed,
              Change(&Stub::PrepareAsyncDeleteOP, request, absl::StrCat("DeleteOP ", op_id)));
}

}  // namespace omdb
