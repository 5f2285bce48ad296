#ifndef OMDB_OPERATOR_OPENMLDB_CALLS_H_
#define OMDB_OPERATOR_OPENMLDB_CALLS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controllers/openmldb.h"
#include "operator/openmldb/channels.h"

// Unary calls, many at once, with the errors of OpenMldb. Included by .cc files of this room only.
namespace omdb {

// Whether a call whose connection was lost may be made again without harm.
enum class Effect { kRepeatable, kOnce };

struct CallOptions {
  std::string credential;
  absl::Duration timeout;
  Effect effect = Effect::kRepeatable;
  // Of the timeout, how long to wait for a connection: longer than the pause between two attempts
  // to connect, and short, since a server that is down shall not hold up a batch.
  absl::Duration connect_wait = absl::Milliseconds(1500);
  // Asked before each try of a call, whose time already runs; not set where the call only reads.
  std::function<absl::Status()> permission = {};
};

// A request and where it goes; `what` tells both in errors.
template <typename Request>
struct Outgoing {
  absl::StatusOr<std::shared_ptr<Peer>> peer;
  Request request;
  std::string what;
};

template <typename Stub, typename Request, typename Response>
using Method = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*)(
    grpc::ClientContext*, const Request&, grpc::CompletionQueue*);

// One try of a call, without its messages.
struct Attempt {
  // Sets credential and deadline, and to wait for a connection within it: without that a server
  // that came back is not reached.
  void Prepare(size_t call_index, bool is_second_try, const CallOptions& options);
  // Unavailable when the permission came too late: of a process that was paused after it, another
  // may have taken the Lease.
  absl::Status AskPermission(const CallOptions& options, const std::string& what) const;
  void CancelIfExpired();
  // To be called when the status is there.
  void Finish();
  // The connection was lost, and it does no harm to make the call once more.
  bool MayBeRepeated(Effect effect) const {
    return !second_try && status.error_code() == grpc::StatusCode::UNAVAILABLE &&
           (!sent || effect == Effect::kRepeatable);
  }

  size_t index = 0;  // in the batch
  bool second_try = false;
  absl::Time expiry;    // when CancelIfExpired has something to do
  absl::Time deadline;  // of a call that was sent
  bool expired = false;
  // The request went out on a connection: then it may have been carried out, whatever became of
  // the answer.
  bool sent = false;
  grpc::ClientContext context;
  grpc::Status status;
};

// Unavailable: not carried out, or harmless to repeat. DeadlineExceeded: may have been carried out.
// ResourceExhausted: the reply was too large.
absl::Status FromGrpc(const grpc::Status& status, bool sent, Effect effect,
                      const std::string& what);

// Waits until the server accepts connections; cheap when it did before.
bool AwaitConnected(const Peer& peer, absl::Duration wait);

inline openmldb::nameserver::NameServer::Stub* StubOf(
    const Peer& peer, const openmldb::nameserver::NameServer::Stub*) {
  return peer.nameserver.get();
}
inline openmldb::api::TabletServer::Stub* StubOf(const Peer& peer,
                                                 const openmldb::api::TabletServer::Stub*) {
  return peer.tablet.get();
}

// Makes all calls, at most 64 at the same time, and returns when each has an answer or an error, in
// the order of `calls`. The calling thread does the waiting. A call whose connection was lost
// before it was sent, or a repeatable one, is made once more: that a server was restarted shows
// only with the first call after it.
template <typename Stub, typename Request, typename Response>
std::vector<absl::StatusOr<Response>> CallAll(Channels& channels,
                                              Method<Stub, Request, Response> method,
                                              const std::vector<Outgoing<Request>>& calls,
                                              const CallOptions& options) {
  constexpr size_t kAtOnce = 64;
  struct Flight : Attempt {
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
    Response response;
  };
  std::vector<absl::StatusOr<Response>> results(calls.size());
  std::map<void*, std::unique_ptr<Flight>> flights;
  grpc::CompletionQueue queue;
  const auto start = [&](size_t index, bool second_try) {
    auto owned = std::make_unique<Flight>();
    Flight* flight = owned.get();
    flight->Prepare(index, second_try, options);
    if (absl::Status status = flight->AskPermission(options, calls[index].what); !status.ok()) {
      results[index] = status;
      return;
    }
    flights.emplace(flight, std::move(owned));
    Stub* stub = StubOf(**calls[index].peer, static_cast<const Stub*>(nullptr));
    flight->reader = (stub->*method)(&flight->context, calls[index].request, &queue);
    flight->reader->StartCall();
    flight->reader->Finish(&flight->response, &flight->status, flight);
  };
  size_t next = 0;
  const auto start_more = [&] {
    for (; next < calls.size() && flights.size() < kAtOnce; ++next) {
      if (calls[next].peer.ok()) {
        start(next, /*second_try=*/false);
      } else {
        results[next] = calls[next].peer.status();
      }
    }
  };
  start_more();
  void* tag = nullptr;
  bool ok = false;
  while (!flights.empty()) {
    absl::Time expiry = absl::InfiniteFuture();
    for (const auto& [key, flight] : flights) expiry = std::min(expiry, flight->expiry);
    if (queue.AsyncNext(&tag, &ok, absl::ToChronoTime(expiry)) !=
        grpc::CompletionQueue::GOT_EVENT) {
      for (const auto& [key, flight] : flights) flight->CancelIfExpired();
      continue;
    }
    const std::unique_ptr<Flight> flight = std::move(flights.extract(tag).mapped());
    flight->Finish();
    const Outgoing<Request>& call = calls[flight->index];
    if (flight->status.ok()) {
      results[flight->index] = std::move(flight->response);
    } else if (flight->MayBeRepeated(options.effect)) {
      start(flight->index, /*second_try=*/true);
    } else {
      // Perhaps only the connection is dead: the next call shall not wait for it again.
      if (flight->expired && flight->sent) channels.Evict((*call.peer)->address);
      results[flight->index] = FromGrpc(flight->status, flight->sent, options.effect, call.what);
    }
    start_more();
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return results;
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> CallOne(Channels& channels, Method<Stub, Request, Response> method,
                                 Outgoing<Request> call, const CallOptions& options) {
  std::vector<Outgoing<Request>> calls;
  calls.push_back(std::move(call));
  return std::move(CallAll(channels, method, calls, options).front());
}

// The code inside a reply, as an error unless it is 0.
template <typename Response>
absl::Status CheckCode(const Response& response, const std::string& what) {
  if (response.code() == 0) return absl::OkStatus();
  return OpenMldbError(response.code(), what, response.msg());
}

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_CALLS_H_
