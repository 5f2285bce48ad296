#include "operator/openmldb/tablet_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "operator/openmldb/calls.h"
#include "operator/openmldb/convert.h"
#include "tablet.pb.h"

namespace omdb {
namespace {

namespace api = openmldb::api;
using Stub = api::TabletServer::Stub;

CallOptions Options(const OpenMldbOptions& options, Effect effect,
                    absl::Duration limit = absl::InfiniteDuration()) {
  CallOptions call{options.credential, std::min(limit, options.tablet_timeout), effect};
  if (effect == Effect::kOnce) call.permission = options.may_change;
  return call;
}

std::string On(const char* call, const PartitionId& partition) {
  return absl::StrCat(call, " of ", ToString(partition));
}

template <typename Request>
Request ForPartition(const PartitionId& partition) {
  Request request;
  request.set_tid(partition.tid);
  request.set_pid(partition.pid);
  return request;
}

api::ReplicaRequest ForFollower(const PartitionId& partition, const std::string& follower) {
  auto request = ForPartition<api::ReplicaRequest>(partition);
  request.set_endpoint(follower);
  return request;
}

}  // namespace

TabletClient::TabletClient(Discovery& discovery, Channels& channels, const OpenMldbOptions& options)
    : discovery_(discovery), channels_(channels), options_(options) {}

template <typename Request>
Outgoing<Request> TabletClient::To(const std::string& tablet, Request request,
                                   const std::string& what) {
  absl::StatusOr<std::string> address = discovery_.AddressOf(tablet);
  if (!address.ok()) {
    const absl::Status status(
        address.status().code(),
        absl::StrCat(what, " at tablet ", tablet, ": ", address.status().message()));
    return {status, std::move(request), what};
  }
  return {channels_.Get(*address), std::move(request),
          absl::StrCat(what, " at tablet ", tablet, " (", *address, ")")};
}

template <typename Response, typename MethodPointer, typename Request>
std::vector<absl::StatusOr<Response>> TabletClient::CallTablets(
    MethodPointer method, const std::vector<Outgoing<Request>>& calls,
    const std::vector<std::string>& tablets, const CallOptions& options) {
  std::vector<absl::StatusOr<Response>> results =
      CallAll<Stub, Request, Response>(channels_, method, calls, options);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].ok()) {
      absl::Status status = CheckCode(*results[i], calls[i].what);
      if (!status.ok()) results[i] = status;
    } else if (absl::IsUnavailable(results[i].status())) {
      discovery_.Forget(tablets[i]);
    }
  }
  return results;
}

template <typename Response, typename MethodPointer, typename Request>
absl::StatusOr<Response> TabletClient::CallTablet(MethodPointer method, const std::string& tablet,
                                                  Request request, const std::string& what,
                                                  Effect effect, absl::Duration limit) {
  std::vector<Outgoing<Request>> calls;
  calls.push_back(To(tablet, std::move(request), what));
  return std::move(
      CallTablets<Response>(method, calls, {tablet}, Options(options_, effect, limit)).front());
}

std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> TabletClient::GetTableStatus(
    const std::vector<std::string>& tablets) {
  std::vector<Outgoing<api::GetTableStatusRequest>> calls;
  for (const std::string& tablet : tablets) {
    calls.push_back(To(tablet, api::GetTableStatusRequest(), "GetTableStatus"));
  }
  std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> results;
  for (const auto& response :
       CallTablets<api::GetTableStatusResponse>(&Stub::PrepareAsyncGetTableStatus, calls, tablets,
                                                Options(options_, Effect::kRepeatable))) {
    if (!response.ok()) {
      results.emplace_back(response.status());
      continue;
    }
    std::vector<ReplicaStatus> loaded;
    for (const api::TableStatus& status : response->all_table_status()) {
      loaded.push_back(ToReplicaStatus(status));
    }
    results.emplace_back(std::move(loaded));
  }
  return results;
}

std::vector<absl::StatusOr<ReplicaStatus>> TabletClient::GetReplicaStatus(
    const std::vector<ReplicaId>& replicas, absl::Duration limit) {
  std::vector<Outgoing<api::GetTableStatusRequest>> calls;
  std::vector<std::string> tablets;
  for (const auto& [partition, tablet] : replicas) {
    calls.push_back(To(tablet, ForPartition<api::GetTableStatusRequest>(partition),
                       On("GetTableStatus", partition)));
    tablets.push_back(tablet);
  }
  std::vector<absl::StatusOr<ReplicaStatus>> results;
  const auto responses =
      CallTablets<api::GetTableStatusResponse>(&Stub::PrepareAsyncGetTableStatus, calls, tablets,
                                               Options(options_, Effect::kRepeatable, limit));
  for (size_t i = 0; i < responses.size(); ++i) {
    if (!responses[i].ok()) {
      results.emplace_back(responses[i].status());
    } else if (responses[i]->all_table_status().empty()) {
      results.emplace_back(absl::NotFoundError(
          absl::StrCat(ToString(replicas[i].partition), " is not loaded on tablet ", tablets[i])));
    } else {
      results.emplace_back(ToReplicaStatus(responses[i]->all_table_status(0)));
    }
  }
  return results;
}

std::vector<absl::StatusOr<TermPair>> TabletClient::GetTermPair(
    const PartitionId& partition, StorageMode storage, const std::vector<std::string>& tablets,
    absl::Duration limit) {
  std::vector<Outgoing<api::GetTermPairRequest>> calls;
  for (const std::string& tablet : tablets) {
    auto request = ForPartition<api::GetTermPairRequest>(partition);
    request.set_storage_mode(static_cast<openmldb::common::StorageMode>(ToStorageNumber(storage)));
    calls.push_back(To(tablet, std::move(request), On("GetTermPair", partition)));
  }
  std::vector<absl::StatusOr<TermPair>> results;
  for (const auto& response :
       CallTablets<api::GetTermPairResponse>(&Stub::PrepareAsyncGetTermPair, calls, tablets,
                                             Options(options_, Effect::kRepeatable, limit))) {
    if (!response.ok()) {
      results.emplace_back(response.status());
      continue;
    }
    results.emplace_back(TermPair{.term = response->term(),
                                  .offset = response->offset(),
                                  .has_table = response->has_table(),
                                  .is_leader = response->is_leader()});
  }
  return results;
}

absl::StatusOr<std::vector<FollowerInfo>> TabletClient::GetTableFollower(
    const PartitionId& partition, const std::string& leader) {
  const auto response = CallTablet<api::GetTableFollowerResponse>(
      &Stub::PrepareAsyncGetTableFollower, leader,
      ForPartition<api::GetTableFollowerRequest>(partition), On("GetTableFollower", partition),
      Effect::kRepeatable);
  std::vector<FollowerInfo> followers;
  if (HasCode(response.status(), OpenMldbCode::kNoFollower)) return followers;
  if (!response.ok()) return response.status();
  for (const api::FollowerInfo& follower : response->follower_info()) {
    followers.push_back({.endpoint = follower.endpoint(), .offset = follower.offset()});
  }
  return followers;
}

absl::Status TabletClient::SetMode(const std::string& tablet, bool follower, absl::Duration limit) {
  api::SetModeRequest request;
  request.set_follower(follower);
  return CallTablet<api::GeneralResponse>(&Stub::PrepareAsyncSetMode, tablet, std::move(request),
                                          follower ? "SetMode to follower" : "SetMode to leader",
                                          Effect::kOnce, limit)
      .status();
}

std::vector<absl::Status> TabletClient::Demote(const std::vector<PartitionId>& partitions,
                                               const std::string& tablet, absl::Duration limit) {
  std::vector<Outgoing<api::ChangeRoleRequest>> calls;
  for (const PartitionId& partition : partitions) {
    auto request = ForPartition<api::ChangeRoleRequest>(partition);
    request.set_mode(api::kTableFollower);
    calls.push_back(To(tablet, std::move(request), On("ChangeRole", partition) + " to follower"));
  }
  std::vector<absl::Status> results;
  for (const auto& response :
       CallTablets<api::ChangeRoleResponse>(&Stub::PrepareAsyncChangeRole, calls,
                                            std::vector<std::string>(partitions.size(), tablet),
                                            Options(options_, Effect::kOnce, limit))) {
    results.push_back(response.status());
  }
  return results;
}

absl::Status TabletClient::Lead(const PartitionId& partition, const std::string& tablet,
                                uint64_t term, const std::vector<std::string>& replicas,
                                absl::Duration limit) {
  auto request = ForPartition<api::ChangeRoleRequest>(partition);
  request.set_mode(api::kTableLeader);
  request.set_term(term);
  for (const std::string& replica : replicas) request.add_replicas(replica);
  return CallTablet<api::ChangeRoleResponse>(
             &Stub::PrepareAsyncChangeRole, tablet, std::move(request),
             On("ChangeRole", partition) + " to leader", Effect::kOnce, limit)
      .status();
}

std::vector<absl::Status> TabletClient::LoadTable(const std::string& tablet,
                                                  const std::vector<LoadRequest>& requests) {
  std::vector<Outgoing<api::LoadTableRequest>> calls;
  for (const LoadRequest& request : requests) {
    calls.push_back(To(tablet, ToLoadTableRequest(request), On("LoadTable", request.partition)));
  }
  std::vector<absl::Status> results;
  for (const auto& response : CallTablets<api::GeneralResponse>(
           &Stub::PrepareAsyncLoadTable, calls, std::vector<std::string>(requests.size(), tablet),
           Options(options_, Effect::kOnce))) {
    results.push_back(response.status());
  }
  return results;
}

std::vector<absl::Status> TabletClient::AddReplica(const std::vector<PartitionId>& partitions,
                                                   const std::vector<std::string>& leaders,
                                                   const std::string& follower) {
  std::vector<Outgoing<api::ReplicaRequest>> calls;
  for (size_t i = 0; i < partitions.size(); ++i) {
    calls.push_back(To(leaders[i], ForFollower(partitions[i], follower),
                       absl::StrCat(On("AddReplica", partitions[i]), " on ", follower)));
  }
  std::vector<absl::Status> results;
  for (const auto& response : CallTablets<api::AddReplicaResponse>(
           &Stub::PrepareAsyncAddReplica, calls, leaders, Options(options_, Effect::kOnce))) {
    results.push_back(OkIf(OpenMldbCode::kReplicaExists, response.status()));
  }
  return results;
}

std::vector<absl::Status> TabletClient::DelReplica(const std::vector<PartitionId>& partitions,
                                                   const std::vector<std::string>& leaders,
                                                   const std::string& follower) {
  std::vector<Outgoing<api::ReplicaRequest>> calls;
  for (size_t i = 0; i < partitions.size(); ++i) {
    calls.push_back(To(leaders[i], ForFollower(partitions[i], follower),
                       absl::StrCat(On("DelReplica", partitions[i]), " on ", follower)));
  }
  std::vector<absl::Status> results;
  // A replica that is not there is deleted with code 0 (F3.4).
  for (const auto& response : CallTablets<api::GeneralResponse>(
           &Stub::PrepareAsyncDelReplica, calls, leaders, Options(options_, Effect::kOnce))) {
    results.push_back(response.status());
  }
  return results;
}

absl::Status TabletClient::DropTable(const PartitionId& partition, const std::string& tablet) {
  api::DropTableRequest request;
  request.set_tid(static_cast<int32_t>(partition.tid));
  request.set_pid(static_cast<int32_t>(partition.pid));
  return OkIf(
      OpenMldbCode::kTableNotExist,
      CallTablet<api::DropTableResponse>(&Stub::PrepareAsyncDropTable, tablet, std::move(request),
                                         On("DropTable", partition), Effect::kOnce)
          .status());
}

absl::Status TabletClient::RecoverSnapshot(const PartitionId& partition,
                                           const std::string& tablet) {
  api::GeneralRequest request;
  request.set_tid(static_cast<int32_t>(partition.tid));
  request.set_pid(static_cast<int32_t>(partition.pid));
  return CallTablet<api::GeneralResponse>(&Stub::PrepareAsyncRecoverSnapshot, tablet,
                                          std::move(request), On("RecoverSnapshot", partition),
                                          Effect::kOnce)
      .status();
}

}  // namespace omdb
