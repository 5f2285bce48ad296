#include "operator/openmldb/leader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace omdb {
namespace {

// How long one address is tried before /leader is read again.
constexpr absl::Duration kConnectWait = absl::Milliseconds(300);

absl::Status During(const std::string& what, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

}  // namespace

absl::StatusOr<Leader::Target> Leader::Find(const std::string& what, const CallOptions& options) {
  absl::StatusOr<std::string> name =
      discovery_.LeadingNameserver(/*synced=*/options.effect == Effect::kOnce);
  if (!name.ok()) return During(what, name.status());
  absl::StatusOr<std::string> address = discovery_.AddressOf(*name);
  if (!address.ok()) return During(what, address.status());
  Target target{*name, channels_.Get(*address),
                absl::StrCat(what, " at nameserver ", *name, " (", *address, ")")};
  if (!AwaitConnected(*target.peer, std::min(kConnectWait, options.timeout))) {
    discovery_.Forget(*name);
    return absl::UnavailableError(
        absl::StrCat(target.what, ": no connection; check that it runs and serves there"));
  }
  return target;
}

bool Leader::WorthLookingAgain(const absl::Status& status) {
  return absl::IsUnavailable(status) || HasCode(status, OpenMldbCode::kNotLeaderNameserver);
}

}  // namespace omdb
