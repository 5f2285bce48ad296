#include "tests/simulator/model/nameserver_election.h"

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace omdb::simulator {

Task<void> Election::RequestLoop() {
  for (;;) {
    co_await Delay(context_.executor, absl::Seconds(1));
    if (!context_.zk.Connected()) continue;
    if (state_ == State::kIdle) {
      Request();
    } else if (!watching_) {
      Watch();
      Look();
    }
  }
}

void Election::Request() {
  ++session_;  // an earlier watch is not followed any more
  Watch();
  absl::StatusOr<std::string> created =
      context_.zk.Create(context_.Path("/leader/lock_request"), context_.options.endpoint,
                         NodeMode::kEphemeralSequential);
  if (!created.ok()) return;
  mine_ = *created;
  state_ = State::kWaiting;
  Look();
}

// ZooKeeper's client sets a watch for which there was no connection with its next one.
void Election::Watch() {
  watching_ =
      context_.zk
          .WatchChildren(context_.Path("/leader"), context_.Guarded([this, session = session_] {
            if (session != session_) return;
            Watch();
            Look();
          }))
          .ok();
}

void Election::Look() {
  if (state_ == State::kIdle) return;
  absl::StatusOr<std::vector<std::string>> queue = context_.zk.Children(context_.Path("/leader"));
  if (!queue.ok() || queue->empty()) return;
  std::string first = context_.Path(absl::StrCat("/leader/", queue->front()));
  bool ours = first == mine_;
  if (!ours) {
    // A node that an earlier process of this name left behind counts as well: that process leads
    // again at once, and loses when the node expires, unless its next one is first then (M6).
    absl::StatusOr<std::string> value = context_.zk.Get(first);
    if (!value.ok()) return;  // the session is lost, or the queue changes again
    ours = *value == context_.options.endpoint;
  }
  if (ours && state_ == State::kWaiting) {
    state_ = State::kHolding;
    won_();
  } else if (!ours && state_ == State::kHolding) {
    state_ = State::kIdle;
    lost_();
  }
}

void Election::SessionRenewed() {
  ++session_;
  state_ = State::kIdle;
}

void Election::StepDown() { state_ = State::kIdle; }

}  // namespace omdb::simulator
