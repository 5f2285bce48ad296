#ifndef OMDB_OPERATOR_OPENMLDB_OPTIONS_H_
#define OMDB_OPERATOR_OPENMLDB_OPTIONS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace omdb {

// How OpenMLDB and its ZooKeeper are spoken to. The defaults suit a cluster in one data center.
struct OpenMldbOptions {
  // The `authorization` of every call: "s" and a service token, or "u" user ":" password (F4).
  std::string credential = "sdefault";

  // Asked before each call that changes something; an error is the answer of that call, which is
  // not made then. May be empty.
  std::function<absl::Status()> may_change;

  // ZooKeeper session, and how long a read waits while the ensemble is away.
  absl::Duration zookeeper_session_timeout = absl::Seconds(6);
  absl::Duration zookeeper_wait = absl::Seconds(3);
  // How long the address of a name is believed before it is read again.
  absl::Duration address_ttl = absl::Seconds(1);

  // Deadline of one call.
  absl::Duration tablet_timeout = absl::Seconds(3);
  absl::Duration nameserver_timeout = absl::Seconds(5);
  // Of OfflineEndpoint, which makes an op for each partition before it answers: 20 ms each (M3).
  absl::Duration offline_endpoint_timeout = absl::Seconds(30);
  absl::Duration http_timeout = absl::Seconds(3);

  // How long the leading nameserver is looked for when it moved. A hand-over needs 0.1 s (M14); a
  // failover needs 11 s (M6) and is the caller's to wait for.
  absl::Duration leader_wait = absl::Milliseconds(1500);
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_OPTIONS_H_
