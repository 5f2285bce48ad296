#include "controllers/sessions.h"

#include <algorithm>

namespace omdb {
namespace {

// At once it would be missed: the nameserver is still busy with the end of the one before (H6).
constexpr absl::Duration kBetweenSessions = absl::Milliseconds(300);
// Many calls may fail for the same reason.
constexpr absl::Duration kJustTold = absl::Seconds(5);

}  // namespace

absl::Status RenewZooKeeperSession(OpenMldb& openmldb, Clock& clock, const std::string& address) {
  if (absl::Status status = openmldb.DisconnectZk(address, false); !status.ok()) return status;
  clock.Sleep(kBetweenSessions);
  return openmldb.ConnectZk(address, false);
}

void TellAddresses(OpenMldb& openmldb, Clock& clock, const std::string& endpoint) {
  auto tablets = openmldb.ShowTablet();
  if (!tablets.ok() || std::any_of(tablets->begin(), tablets->end(), [](const Tablet& tablet) {
        return tablet.healthy && tablet.state_age < kJustTold;
      }))
    return;
  std::stable_partition(tablets->begin(), tablets->end(),
                        [&](const Tablet& tablet) { return tablet.endpoint == endpoint; });
  for (const Tablet& tablet : *tablets) {
    if (tablet.healthy && RenewZooKeeperSession(openmldb, clock, tablet.real_endpoint).ok()) return;
  }
}

void MakeKnownAnew(OpenMldb& openmldb, Clock& clock, const Database& database) {
  for (const Tablet& tablet : database.tablets) {
    // One that does not answer is looked at again, as all else is.
    if (tablet.healthy) (void)RenewZooKeeperSession(openmldb, clock, tablet.real_endpoint);
  }
}

}  // namespace omdb
