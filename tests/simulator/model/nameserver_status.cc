// What the nameserver says about itself, its tablets and its configuration.
#include <vector>

#include "absl/strings/ascii.h"
#include "tablet.pb.h"
#include "tests/simulator/model/nameserver_impl.h"

namespace omdb::simulator {

void NameServer::Impl::RegisterStatusMethods() {
  On("ConfGet", &Impl::ConfGet);
  On("ConfSet", &Impl::ConfSet, context_.options.zookeeper_write_time);
  On("SwitchMode", &Impl::SwitchMode);
  On("ShowTablet", &Impl::ShowTablet);
  On("ShowSdkEndpoint", &Impl::ShowSdkEndpoint);
  On("SetSdkEndpoint", &Impl::SetSdkEndpoint);
  On("ShowCatalog", &Impl::ShowCatalog);
  On("ShowFunction", &Impl::ShowFunction);
  On("ShowProcedure", &Impl::ShowProcedure);
  // These two are answered by any nameserver.
  dispatcher->Register<nameserver::ConnectZKRequest, General>(
      "openmldb.nameserver.NameServer/ConnectZK",
      [this](nameserver::ConnectZKRequest request) { return ConnectZk(std::move(request)); });
  dispatcher->Register<nameserver::DisConnectZKRequest, General>(
      "openmldb.nameserver.NameServer/DisConnectZK",
      [this](nameserver::DisConnectZKRequest request) { return DisConnectZk(std::move(request)); });
}

Task<void> NameServer::Impl::TableStatusLoop(uint64_t reign) {
  while (context_.Reigns(reign)) {
    co_await UpdateTableStatus();
    co_await Delay(context_.executor, context_.options.get_table_status_interval);
  }
}

namespace {

uint64_t RecordCount(const api::TableStatus& status) {
  if (status.ts_idx_status_size() == 0) return status.record_cnt();
  uint64_t count = 0;
  for (uint64_t in_segment : status.ts_idx_status(0).seg_cnts()) count += in_segment;
  return count;
}

}  // namespace

// Offsets and counts in the tables come from here only (M7).
Task<void> NameServer::Impl::UpdateTableStatus() {
  std::map<std::tuple<uint32_t, uint32_t, std::string>, api::TableStatus> seen;
  for (const std::string& name : registry_.HealthyNames()) {
    absl::StatusOr<api::GetTableStatusResponse> answer =
        co_await context_.CallTablet<api::GetTableStatusResponse>(
            registry_.Address(name), "GetTableStatus", api::GetTableStatusRequest());
    if (!answer.ok()) continue;
    for (api::TableStatus& status : *answer->mutable_all_table_status()) {
      seen[{status.tid(), status.pid(), name}] = std::move(status);
    }
  }
  for (auto& [db, tables] : catalog_.tables()) {
    for (auto& [table_name, table] : tables) {
      for (nameserver::TablePartition& partition : *table.mutable_table_partition()) {
        for (nameserver::PartitionMeta& meta : *partition.mutable_partition_meta()) {
          auto found = seen.find({table.tid(), partition.pid(), meta.endpoint()});
          meta.set_tablet_has_partition(found != seen.end());
          if (found == seen.end()) continue;
          const api::TableStatus& status = found->second;
          meta.set_offset(status.offset());
          meta.set_record_cnt(RecordCount(status));
          meta.set_record_byte_size(status.record_byte_size() + status.record_idx_byte_size());
          meta.set_diskused(status.diskused());
          if (!meta.is_leader() || !meta.is_alive()) continue;
          partition.set_record_cnt(meta.record_cnt());
          partition.set_record_byte_size(meta.record_byte_size());
          partition.set_diskused(meta.diskused());
        }
      }
    }
  }
}

nameserver::ConfGetResponse NameServer::Impl::ConfGet(const nameserver::ConfGetRequest&) {
  nameserver::ConfGetResponse response;
  response.set_code(code::kOk);
  response.set_msg("ok");
  nameserver::Pair* conf = response.add_conf();
  conf->set_key("auto_failover");
  conf->set_value(context_.auto_failover ? "true" : "false");
  return response;
}

NameServer::Impl::General NameServer::Impl::ConfSet(const nameserver::ConfSetRequest& request) {
  const std::string value = absl::AsciiStrToLower(request.conf().value());
  if (request.conf().key() != "auto_failover" || (value != "true" && value != "false")) {
    return Say(code::kInvalidParameter, "invalid parameter");
  }
  if (!context_.zk.Set(context_.Path("/config/auto_failover"), value).ok()) {
    return Say(code::kSetZkFailed, "set zk failed");
  }
  context_.auto_failover = value == "true";
  return Say(code::kOk, "ok");
}

Task<NameServer::Impl::General> NameServer::Impl::ConnectZk(nameserver::ConnectZKRequest) {
  if (context_.zk.Connected()) co_return Say(code::kOk, "ok");
  if (!Connect().ok()) co_return Say(code::kConnectZkFailed, "connect zk failed");
  co_return Say(code::kOk, "ok");
}

Task<NameServer::Impl::General> NameServer::Impl::DisConnectZk(nameserver::DisConnectZKRequest) {
  context_.zk.Close();
  election_.StepDown();
  Lost();
  co_return Say(code::kOk, "ok");
}

// Several data centres are not modelled.
NameServer::Impl::General NameServer::Impl::SwitchMode(
    const nameserver::SwitchModeRequest& request) {
  if (request.sm() == nameserver::kNORMAL) return Say(code::kOk, "ok");
  return Say(code::kUnsupported, "unsupported");
}

nameserver::ShowTabletResponse NameServer::Impl::ShowTablet(const nameserver::ShowTabletRequest&) {
  nameserver::ShowTabletResponse response;
  for (const auto& [name, tablet] : registry_.tablets()) {
    nameserver::TabletStatus* status = response.add_tablets();
    status->set_endpoint(name);
    status->set_state(tablet.healthy ? "kHealthy" : "kOffline");
    status->set_age(absl::ToInt64Milliseconds(context_.executor.Now() - tablet.since));
    if (!context_.options.real_endpoint.empty()) {
      status->set_real_endpoint(registry_.RealEndpoint(name));
    }
  }
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

nameserver::ShowSdkEndpointResponse NameServer::Impl::ShowSdkEndpoint(
    const nameserver::ShowSdkEndpointRequest&) {
  nameserver::ShowSdkEndpointResponse response;
  absl::StatusOr<std::vector<std::string>> names =
      context_.zk.Children(context_.Path("/map/sdkendpoints"));
  if (names.ok()) {
    for (const std::string& name : *names) {
      absl::StatusOr<std::string> address =
          context_.zk.Get(context_.Path("/map/sdkendpoints/") + name);
      if (!address.ok()) continue;
      nameserver::TabletStatus* status = response.add_tablets();
      status->set_endpoint(name);
      status->set_real_endpoint(*address);
    }
  }
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

NameServer::Impl::General NameServer::Impl::SetSdkEndpoint(
    const nameserver::SetSdkEndpointRequest& request) {
  if (context_.options.real_endpoint.empty()) {
    return Say(code::kUseNameIsFalse, "use_name is false");
  }
  absl::StatusOr<bool> known =
      context_.zk.Exists(context_.Path("/map/names/") + request.server_name());
  if (!known.ok() || !*known) return Say(code::kServerNameNotFound, "server_name not found");
  const std::string path = context_.Path("/map/sdkendpoints/") + request.server_name();
  absl::Status set = context_.zk.Set(path, request.sdk_endpoint());
  if (absl::IsNotFound(set)) {
    set = context_.zk.Create(path, request.sdk_endpoint(), NodeMode::kPersistent).status();
  }
  if (!set.ok()) return Say(code::kSetZkFailed, "set zk failed");
  catalog_.NotifyTables();
  return Say(code::kOk, "ok");
}

Task<nameserver::ShowCatalogResponse> NameServer::Impl::ShowCatalog(
    nameserver::ShowCatalogRequest) {
  nameserver::ShowCatalogResponse response;
  for (const std::string& name : registry_.HealthyNames()) {
    absl::StatusOr<api::GetCatalogResponse> answer =
        co_await context_.CallTablet<api::GetCatalogResponse>(registry_.Address(name), "GetCatalog",
                                                              api::GetCatalogRequest());
    if (!answer.ok() || answer->code() != 0) {
      response.Clear();
      response.set_code(code::kRequestTabletFailed);
      response.set_msg("request tablet failed");
      co_return response;
    }
    *response.add_catalog() = answer->catalog();
  }
  response.set_code(code::kOk);
  response.set_msg("ok");
  co_return response;
}

// Functions and deployments come from SQL, which the model does not have: there are none.
nameserver::ShowFunctionResponse NameServer::Impl::ShowFunction(
    const nameserver::ShowFunctionRequest&) {
  nameserver::ShowFunctionResponse response;
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

api::ShowProcedureResponse NameServer::Impl::ShowProcedure(const api::ShowProcedureRequest&) {
  api::ShowProcedureResponse response;
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

}  // namespace omdb::simulator
