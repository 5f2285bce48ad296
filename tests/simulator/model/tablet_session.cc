// The tablet's ZooKeeper session (F1.6, F2).
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/simulator/model/tablet_impl.h"

namespace omdb::simulator {

absl::Status TabletServer::Impl::Start() {
  absl::Status connected = zk_.Connect();
  if (!connected.ok()) return connected;
  if (!options_.real_endpoint.empty()) {
    absl::Status named = RegisterName();
    if (!named.ok()) return named;
  }
  absl::Status registered = RegisterNode("startup_" + options_.endpoint);
  if (!registered.ok()) return registered;
  WatchCatalog();
  scope_.Spawn(KeepSession());
  return absl::OkStatus();
}

absl::Status TabletServer::Impl::RegisterName() {
  const std::string& root = options_.zk_root_path;
  std::string path = absl::StrCat(root, "/map/names/", options_.endpoint);
  auto last = zk_.Get(path);
  if (absl::IsNotFound(last.status())) {
    return zk_.Create(path, options_.real_endpoint, NodeMode::kPersistent).status();
  }
  if (!last.ok()) return last.status();
  if (*last == options_.real_endpoint) return absl::OkStatus();
  // Another address had this name: a duplicate, unless that one is gone (issue #3867).
  auto in_use = zk_.Exists(absl::StrCat(root, "/nodes/", options_.endpoint));
  if (!in_use.ok()) return in_use.status();
  auto leaders = zk_.Children(root + "/leader");
  if (!leaders.ok()) return leaders.status();
  for (const std::string& child : *leaders) {
    auto value = zk_.Get(absl::StrCat(root, "/leader/", child));
    *in_use = *in_use || (value.ok() && *value == options_.endpoint);
  }
  if (*in_use) {
    return absl::AlreadyExistsError(
        absl::StrCat("duplicate server name ", options_.endpoint, ": ", *last, " has it"));
  }
  return zk_.Set(path, options_.real_endpoint);
}

absl::Status TabletServer::Impl::RegisterNode(const std::string& value) {
  auto created = zk_.Create(absl::StrCat(options_.zk_root_path, "/nodes/", options_.endpoint),
                            value, NodeMode::kEphemeral);
  registered_ = created.ok();
  if (created.ok()) return absl::OkStatus();
  return absl::Status(created.status().code(),
                      absl::StrCat("fail to register tablet with endpoint ", options_.endpoint,
                                   ": ", created.status().ToString()));
}

// Set once, at the start: after a lost session nobody sets it again, and the catalog stays as it
// was (F2).
void TabletServer::Impl::WatchCatalog() {
  std::string path = options_.zk_root_path + "/table/notify";
  auto changed = [this, alive = alive_] {
    if (*alive) WatchCatalog();
  };
  absl::Status watched = zk_.WatchValue(path, changed);
  if (absl::IsNotFound(watched)) {
    zk_.Create(path, "1", NodeMode::kPersistent).IgnoreError();
    watched = zk_.WatchValue(path, changed);
  }
  auto value = zk_.Get(path);
  uint64_t version = 0;
  if (value.ok() && absl::SimpleAtoi(*value, &version)) catalog_version_ = version;
}

Task<void> TabletServer::Impl::KeepSession() {
  for (;;) {
    co_await Delay(executor_, options_.zk_keep_alive_check_interval);
    if (!zk_.Connected()) {
      registered_ = false;
      if (!zk_.Connect().ok()) continue;
    }
    // Without the prefix: this process did not just start.
    if (!registered_) RegisterNode(options_.endpoint).IgnoreError();
  }
}

api::GeneralResponse TabletServer::Impl::ConnectZK(api::ConnectZKRequest&) {
  absl::Status connected = zk_.Connect();
  if (connected.ok()) connected = RegisterNode(options_.endpoint);
  if (!connected.ok()) return Answer<api::GeneralResponse>(kGenericError, connected.ToString());
  return Ok<api::GeneralResponse>();
}

api::GeneralResponse TabletServer::Impl::DisConnectZK(api::DisConnectZKRequest&) {
  zk_.Close();
  registered_ = false;
  return Ok<api::GeneralResponse>();
}

api::GetCatalogResponse TabletServer::Impl::GetCatalog(api::GetCatalogRequest&) {
  auto response = Ok<api::GetCatalogResponse>();
  response.mutable_catalog()->set_version(catalog_version_);
  response.mutable_catalog()->set_endpoint(options_.endpoint);
  return response;
}

}  // namespace omdb::simulator
