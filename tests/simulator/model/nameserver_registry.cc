#include "tests/simulator/model/nameserver_registry.h"

#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tablet.pb.h"

namespace omdb::simulator {

namespace api = ::openmldb::api;

absl::Status TabletRegistry::Watch() {
  ++watch_;
  return SetWatch();
}

absl::Status TabletRegistry::Refresh() {
  absl::StatusOr<std::vector<std::string>> names = context_.zk.Children(context_.Path("/nodes"));
  if (!names.ok()) return names.status();
  Update(*names);
  return absl::OkStatus();
}

absl::Status TabletRegistry::SetWatch() {
  absl::Status watched =
      context_.zk.WatchChildren(context_.Path("/nodes"), context_.Guarded([this, watch = watch_] {
        if (watch == watch_) OnNodesChanged();
      }));
  watching_ = watched.ok();
  return watched;
}

// H6: the children are read first and the watch is set again last, so a tablet that registers in
// between is not seen before the next change.
void TabletRegistry::OnNodesChanged() {
  absl::StatusOr<std::vector<std::string>> names = context_.zk.Children(context_.Path("/nodes"));
  if (names.ok()) Update(*names);
  context_.scope->Post(context_.options.nodes_callback_time, [this, watch = watch_] {
    // A failure is a lost connection: the next look at the session tries again.
    if (watch == watch_) SetWatch().IgnoreError();
  });
}

void TabletRegistry::Update(const std::vector<std::string>& names) {
  std::set<std::string> present;
  for (const std::string& name : names) {
    if (absl::StartsWith(name, "NLTABLET_")) continue;  // a nearline tablet, F2
    std::string address = name;
    if (!context_.options.real_endpoint.empty()) {
      absl::StatusOr<std::string> real =
          context_.zk.Get(context_.Path(absl::StrCat("/map/names/", name)));
      if (real.ok()) real_endpoints_[name] = *real;
      auto known = real_endpoints_.find(name);
      if (known == real_endpoints_.end()) continue;
      if (!known->second.empty()) address = known->second;
    } else {
      real_endpoints_[name] = name;
    }
    present.insert(name);
    auto [tablet, is_new] = tablets_.try_emplace(name);
    if (is_new) {
      tablet->second = {.healthy = true, .since = context_.executor.Now(), .address = address};
      if (listener_.on_new) listener_.on_new();
    } else if (!tablet->second.healthy) {
      tablet->second = {.healthy = true, .since = context_.executor.Now(), .address = address};
      if (listener_.on_online) listener_.on_online(name);
    }
  }
  for (auto& [name, tablet] : tablets_) {
    if (!tablet.healthy || present.contains(name)) continue;
    tablet.healthy = false;
    tablet.since = context_.executor.Now();
    if (listener_.on_offline) listener_.on_offline(name);
  }
  if (!context_.leading) return;
  queue_.Add([this] { return ResetModes(); });
  queue_.Add([this] { return PushRealEndpoints(); });
}

const TabletRegistry::Tablet* TabletRegistry::Find(const std::string& name) const {
  auto found = tablets_.find(name);
  return found == tablets_.end() ? nullptr : &found->second;
}

bool TabletRegistry::Healthy(const std::string& name) const {
  const Tablet* tablet = Find(name);
  return tablet != nullptr && tablet->healthy;
}

std::vector<std::string> TabletRegistry::HealthyNames() const {
  std::vector<std::string> names;
  for (const auto& [name, tablet] : tablets_) {
    if (tablet.healthy) names.push_back(name);
  }
  return names;
}

std::string TabletRegistry::Address(const std::string& name) const {
  const Tablet* tablet = Find(name);
  return tablet == nullptr ? name : tablet->address;
}

std::string TabletRegistry::RealEndpoint(const std::string& name) const {
  auto found = real_endpoints_.find(name);
  return found == real_endpoints_.end() ? "-" : found->second;
}

Task<void> TabletRegistry::ResetModes() {
  for (const std::string& name : HealthyNames()) {
    if (!context_.leading) co_return;
    api::SetModeRequest request;
    request.set_follower(false);
    // Nobody looks at the answers.
    (void)co_await context_.CallTablet<api::GeneralResponse>(Address(name), "SetMode", request);
  }
}

Task<void> TabletRegistry::PushRealEndpoints() {
  for (const std::string& name : HealthyNames()) {
    api::UpdateRealEndpointMapRequest request;
    for (const auto& [of, real_endpoint] : real_endpoints_) {
      api::RealEndpointPair* pair = request.add_real_endpoint_map();
      pair->set_name(of);
      pair->set_real_endpoint(real_endpoint);
    }
    (void)co_await context_.CallTablet<api::GeneralResponse>(Address(name), "UpdateRealEndpointMap",
                                                             request);
  }
}

}  // namespace omdb::simulator
