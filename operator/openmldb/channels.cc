#include "operator/openmldb/channels.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/time/clock.h"

namespace omdb {
namespace {

// A pod's address changes with each restart; connections to old ones are closed after this.
constexpr absl::Duration kIdleLimit = absl::Minutes(10);

constexpr int kMaxReplyBytes = 256 << 20;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
  // brpc does not wait for window updates: the window must grow ahead of large replies.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 1);
  // With the default back-off a server that was restarted is reached again after 11 s or never.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A server that vanished without a word is noticed while a call waits for it.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 2000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // gRPC's own retries hide whether a call was sent, and what may be repeated is known here only.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Evicting a channel shall close its connection, not leave it to the next one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Traffic inside the cluster has no business with a proxy of the environment.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

std::shared_ptr<Peer> Channels::Get(const std::string& address) {
  const absl::Time now = absl::Now();
  absl::MutexLock lock(&mutex_);
  Entry& entry = peers_[address];
  entry.last_used = now;
  if (entry.peer == nullptr) {
    auto peer = std::make_shared<Peer>();
    peer->address = address;
    peer->channel =
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), Arguments());
    peer->nameserver = openmldb::nameserver::NameServer::NewStub(peer->channel);
    peer->tablet = openmldb::api::TabletServer::NewStub(peer->channel);
    entry.peer = std::move(peer);
    // New addresses are rare, so this is the time to look for old ones.
    std::erase_if(peers_,
                  [now](const auto& item) { return now - item.second.last_used > kIdleLimit; });
  }
  return entry.peer;
}

void Channels::Evict(const std::string& address) {
  std::shared_ptr<Peer> evicted;  // closed after the lock is released
  absl::MutexLock lock(&mutex_);
  if (auto found = peers_.find(address); found != peers_.end()) {
    evicted = std::move(found->second.peer);
    peers_.erase(found);
  }
}

}  // namespace omdb
