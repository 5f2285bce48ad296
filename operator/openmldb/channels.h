#ifndef OMDB_OPERATOR_OPENMLDB_CHANNELS_H_
#define OMDB_OPERATOR_OPENMLDB_CHANNELS_H_

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "name_server.grpc.pb.h"
#include "tablet.grpc.pb.h"

// Included by .cc files of this room only: it brings gRPC and generated code.
namespace omdb {

// A connection to one server, reused by every call to it. Whether the server is a nameserver or a
// tablet is the caller's to know.
struct Peer {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<openmldb::nameserver::NameServer::Stub> nameserver;
  std::unique_ptr<openmldb::api::TabletServer::Stub> tablet;
};

// One gRPC channel per address. Thread-safe. A peer stays usable for whoever holds it after it was
// evicted.
class Channels {
 public:
  // `address` is host:port. Connects in the background; never fails.
  std::shared_ptr<Peer> Get(const std::string& address);

  // The next Get opens a new connection: the server moved, or stopped answering on the old one.
  void Evict(const std::string& address);

 private:
  struct Entry {
    std::shared_ptr<Peer> peer;
    absl::Time last_used;
  };

  absl::Mutex mutex_;
  std::map<std::string, Entry> peers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_CHANNELS_H_
