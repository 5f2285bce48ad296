// Leadership and replication between tablets (F5.2, F5.7).
#include <algorithm>

#include "tests/simulator/model/tablet_impl.h"

namespace omdb::simulator {

// A follower's side of replication. It never looks whether an entry is missing before the first
// that it gets (F5.2.1 d), nor at the terms of entries it already has (F5.2.1 c). A fenced tablet
// skips its checks of role and term: even its leaders take entries from anybody (M2, H2).
api::AppendEntriesResponse TabletServer::Impl::AppendEntries(api::AppendEntriesRequest& request) {
  using Response = api::AppendEntriesResponse;
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/false)) {
    return Answer<Response>(refusal->code, refusal->message);
  }
  if (!fenced_) {
    if (partition->leads) return Answer<Response>(kTableIsLeader, "table is leader");
    if (request.term() < partition->term) {
      return Answer<Response>(kAppendEntriesFailed, "fail to append entries to replicator");
    }
  }
  // A term is taken with the question for the offset only, not with entries.
  if (request.pre_log_index() == 0 && request.entries().empty()) {
    partition->term = std::max(partition->term, request.term());
  }
  for (const api::LogEntry& entry : request.entries()) {
    if (entry.log_index() <= partition->binlog.last_offset()) continue;
    absl::Status appended = partition->binlog.Append(entry);
    if (!appended.ok()) return Answer<Response>(kAppendEntriesFailed, appended.ToString());
    partition->rows.Apply(entry);
  }
  if (!request.entries().empty()) partition->replicator.Notify();
  auto response = Ok<Response>();
  response.set_log_offset(partition->binlog.last_offset());
  return response;
}

api::ChangeRoleResponse TabletServer::Impl::ChangeRole(api::ChangeRoleRequest& request) {
  using Response = api::ChangeRoleResponse;
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/false)) {
    return Answer<Response>(refusal->code, refusal->message);
  }
  if (request.mode() != api::kTableLeader) {
    // What was acknowledged and not yet sent is stranded here (F5.2.4 A).
    joining_ += partition->replicator.RemoveAll([this, alive = alive_] {
      if (!*alive) return;
      --joining_;
      ServeHeld();
    });
    partition->leads = false;
    return Ok<Response>();
  }
  if (!KnowsAll(request.replicas())) {
    return Answer<Response>(kServerNameNotFound, "name not found in real_ep_map");
  }
  if (partition->leads) return Answer<Response>(kTableIsLeader, "table is leader");
  partition->term = request.term();
  partition->leads = true;
  AddFollowers(*partition, request.replicas());
  return Ok<Response>();
}

api::AddReplicaResponse TabletServer::Impl::AddReplica(api::ReplicaRequest& request) {
  using Response = api::AddReplicaResponse;
  if (!BeginTask(request, api::kAddReplica)) return Answer<Response>(kGenericError, kTaskExists);
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/true)) {
    return EndTask(request, api::kAddReplica, Answer<Response>(refusal->code, refusal->message));
  }
  std::optional<std::string> address = AddressOf(request.endpoint());
  if (!address.has_value()) {
    return EndTask(request, api::kAddReplica,
                   Answer<Response>(kServerNameNotFound, "name not found in real_ep_map"));
  }
  bool added = partition->replicator.Add(request.endpoint(), *address);
  EndTask(request, api::kAddReplica, Ok<Response>());  // done even when it was there (F3.4)
  if (!added) return Answer<Response>(kReplicaAlreadyExists, "replica endpoint already exists");
  return Ok<Response>();
}

api::GeneralResponse TabletServer::Impl::DelReplica(api::ReplicaRequest& request) {
  using Response = api::GeneralResponse;
  if (!BeginTask(request, api::kDelReplica)) return Answer<Response>(kGenericError, kTaskExists);
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (auto refusal = Check(partition, /*leader=*/true)) {
    return EndTask(request, api::kDelReplica, Answer<Response>(refusal->code, refusal->message));
  }
  bool removed = partition->replicator.Remove(request.endpoint());
  return EndTask(request, api::kDelReplica,
                 Answer<Response>(kOk, removed ? "ok" : "replica does not exist"));
}

api::GetTableFollowerResponse TabletServer::Impl::GetTableFollower(
    api::GetTableFollowerRequest& request) {
  using Response = api::GetTableFollowerResponse;
  PartitionPtr partition = Find(request.tid(), request.pid());
  if (partition == nullptr) return Answer<Response>(kTableIsNotExist, "table is not exist");
  if (!partition->leads) return Answer<Response>(kTableIsFollower, "table is follower");
  if (partition->state == api::kTableLoading) {
    return Answer<Response>(kReplicatorIsNotExist, "replicator is not exist");
  }
  auto response = Ok<Response>();
  response.set_offset(partition->binlog.last_offset());
  for (const Replicator::Follower& follower : partition->replicator.followers()) {
    api::FollowerInfo* info = response.add_follower_info();
    info->set_endpoint(follower.name);
    info->set_offset(follower.offset);
  }
  if (partition->replicator.empty()) {
    response.set_code(kNoFollower);
    response.set_msg("has no follower");
  }
  return response;
}

api::GetTermPairResponse TabletServer::Impl::GetTermPair(api::GetTermPairRequest& request) {
  auto response = Ok<api::GetTermPairResponse>();
  PartitionPtr partition = Find(request.tid(), request.pid());
  response.set_has_table(partition != nullptr);
  if (partition != nullptr) {
    response.set_is_leader(partition->leads);
    response.set_term(partition->term);
    response.set_offset(partition->binlog.last_offset());
    return response;
  }
  // Only the snapshot is looked at: a binlog that goes further is not seen (M4).
  auto manifest = ReadManifest(disk_, SnapshotDirectory({request.tid(), request.pid()}));
  if (!manifest.ok()) {
    return Answer<api::GetTermPairResponse>(kGenericError, manifest.status().ToString());
  }
  response.set_term(manifest->has_value() ? (*manifest)->term() : 0);
  response.set_offset(manifest->has_value() ? (*manifest)->offset() : 0);
  return response;
}

api::GeneralResponse TabletServer::Impl::SetMode(api::SetModeRequest& request) {
  fenced_ = request.follower();
  return Ok<api::GeneralResponse>();
}

// Senders keep the address they were made with (F1.3).
api::GeneralResponse TabletServer::Impl::UpdateRealEndpointMap(
    api::UpdateRealEndpointMapRequest& request) {
  if (options_.real_endpoint.empty()) {
    return Answer<api::GeneralResponse>(kUseNameIsFalse, "use_name is false");
  }
  addresses_.clear();
  for (const api::RealEndpointPair& pair : request.real_endpoint_map()) {
    addresses_[pair.name()] = pair.real_endpoint();
  }
  return Ok<api::GeneralResponse>();
}

std::optional<std::string> TabletServer::Impl::AddressOf(const std::string& name) const {
  if (options_.real_endpoint.empty()) return name;
  auto found = addresses_.find(name);
  if (found == addresses_.end()) return std::nullopt;
  return found->second;
}

}  // namespace omdb::simulator
