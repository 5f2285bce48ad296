#ifndef OMDB_OPERATOR_OPENMLDB_LEADER_H_
#define OMDB_OPERATOR_OPENMLDB_LEADER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "operator/openmldb/calls.h"
#include "operator/openmldb/channels.h"
#include "operator/openmldb/discovery.h"
#include "operator/openmldb/options.h"

// Included by .cc files of this room only.
namespace omdb {

// Calls to the leading nameserver, wherever it is.
//
// Only the first in /leader is spoken to, and that is looked up before each call: after a freeze
// two nameservers answer as leaders for up to 15 s (M6). While it moves (code 300, or no
// connection) it is looked for again for `leader_wait`. Thread-safe.
class Leader {
 public:
  // Both outlive this.
  Leader(Discovery& discovery, Channels& channels, const OpenMldbOptions& options)
      : discovery_(discovery), channels_(channels), options_(options) {}

  CallOptions Options(Effect effect) const {
    return {options_.credential, options_.nameserver_timeout, effect};
  }

  // The reply, its code checked. `method` is a PrepareAsync method of the nameserver's stub, `what`
  // the call and its subject for errors.
  template <typename Response, typename MethodPointer, typename Request>
  absl::StatusOr<Response> Call(MethodPointer method, const Request& request,
                                const std::string& what, const CallOptions& options) {
    const absl::Time give_up = absl::Now() + options_.leader_wait;
    absl::StatusOr<Response> answer;
    do {
      absl::StatusOr<Target> target = Find(what, options);
      if (target.ok()) {
        answer = CallOne<openmldb::nameserver::NameServer::Stub, Request, Response>(
            channels_, method, {target->peer, request, target->what}, options);
        if (answer.ok()) {
          absl::Status status = CheckCode(*answer, target->what);
          if (status.ok()) return answer;
          answer = status;
        }
        if (!WorthLookingAgain(answer.status())) return answer;
        discovery_.Forget(target->name);
      } else {
        answer = target.status();
      }
      absl::SleepFor(absl::Milliseconds(50));
    } while (absl::Now() < give_up);
    return answer;
  }

 private:
  struct Target {
    std::string name;
    std::shared_ptr<Peer> peer;
    std::string what;
  };

  // The leader and a connection to it.
  absl::StatusOr<Target> Find(const std::string& what, const CallOptions& options);
  // It was not reached, or it refused as no leader: then it did nothing, and even a call that must
  // happen once may be made again.
  static bool WorthLookingAgain(const absl::Status& status);

  Discovery& discovery_;
  Channels& channels_;
  const OpenMldbOptions options_;
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_LEADER_H_
