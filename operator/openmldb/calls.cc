#include "operator/openmldb/calls.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace omdb {
namespace {

constexpr char kCredentialHint[] =
    "; if each call ends so, the server rejects the credential (by default the service token "
    "\"sdefault\"): check it";

// Before a call has a connection its peer is the channel's target as it was given. (With gRPC's
// retries on it stays so for longer: channels.cc turns them off.)
bool WasSent(const grpc::ClientContext& context) {
  const std::string peer = context.peer();
  return absl::StartsWith(peer, "ipv4:") || absl::StartsWith(peer, "ipv6:");
}

bool LooksLikeRejectedCredential(const grpc::Status& status) {
  return absl::StrContains(status.error_message(), "Socket closed") ||
         absl::StrContains(status.error_message(), "Connection reset");
}

// brpc's HTTP/2 gives up on a reply larger than the window (about 4 MB).
bool IsTooLarge(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
         (status.error_code() == grpc::StatusCode::INTERNAL &&
          absl::StrContains(status.error_message(), "RST_STREAM"));
}

}  // namespace

void Attempt::Prepare(size_t call_index, bool is_second_try, const CallOptions& options) {
  index = call_index;
  second_try = is_second_try;
  const absl::Time now = absl::Now();
  deadline = now + options.timeout;
  expiry = std::min(deadline, now + options.connect_wait);
  context.set_wait_for_ready(true);
  // The time is kept here and not by gRPC, which forgets at its deadline whether the call was sent.
  // That deadline is what the server is told, and a safeguard.
  context.set_deadline(absl::ToChronoTime(deadline + absl::Seconds(1)));
  context.AddMetadata("authorization", options.credential);
}

absl::Status Attempt::AskPermission(const CallOptions& options, const std::string& what) const {
  if (!options.permission) return absl::OkStatus();
  if (absl::Status status = options.permission(); !status.ok()) return status;
  if (absl::Now() < deadline) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(what, ": not made, its time was over before"));
}

void Attempt::CancelIfExpired() {
  if (expired || absl::Now() < expiry) return;
  sent = WasSent(context);
  if (sent && expiry < deadline) {
    expiry = deadline;
    return;
  }
  expired = true;
  expiry = absl::InfiniteFuture();
  context.TryCancel();
}

void Attempt::Finish() {
  if (!expired) {
    sent = WasSent(context);
  } else if (!status.ok()) {
    status = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline exceeded");
  }
}

absl::Status FromGrpc(const grpc::Status& status, bool sent, Effect effect,
                      const std::string& what) {
  const std::string text = absl::StrCat(what, ": ", status.error_message());
  if (IsTooLarge(status)) {
    return absl::ResourceExhaustedError(
        absl::StrCat(text, "; the reply is too large for one call, ask for less at a time"));
  }
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      if (!sent) {
        return absl::UnavailableError(
            absl::StrCat(what, ": no connection; check that the server runs there"));
      }
      return absl::DeadlineExceededError(
          absl::StrCat(text, "; no answer in time, it may have been carried out all the same"));
    case grpc::StatusCode::UNAVAILABLE: {
      const std::string hint = LooksLikeRejectedCredential(status) ? kCredentialHint : "";
      if (sent && effect == Effect::kOnce) {
        return absl::DeadlineExceededError(absl::StrCat(
            text, "; the connection was lost before the answer, it may have been carried out",
            hint));
      }
      return absl::UnavailableError(absl::StrCat(text, hint));
    }
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError(absl::StrCat(
          text, "; the server does not know this call: check that it is an OpenMLDB server"));
    case grpc::StatusCode::INTERNAL:
      if (absl::StrContains(status.error_message(), "[E1101]")) {
        return absl::PermissionDeniedError(
            absl::StrCat(text, "; the credential lacks the right for this call"));
      }
      return absl::InternalError(text);
    default:
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()), text);
  }
}

bool AwaitConnected(const Peer& peer, absl::Duration wait) {
  if (peer.channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY) return true;
  return peer.channel->WaitForConnected(absl::ToChronoTime(absl::Now() + wait));
}

}  // namespace omdb
