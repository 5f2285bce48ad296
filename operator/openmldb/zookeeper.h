#ifndef OMDB_OPERATOR_OPENMLDB_ZOOKEEPER_H_
#define OMDB_OPERATOR_OPENMLDB_ZOOKEEPER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "operator/openmldb/node_reader.h"

namespace omdb {

// A session with a ZooKeeper ensemble. It begins with the first read, reconnects by itself and is
// renewed when it expired.
class ZooKeeper final : public NodeReader {
 public:
  // `servers` is "host:port,host:port".
  ZooKeeper(std::string servers, absl::Duration session_timeout);
  ~ZooKeeper() override;
  ZooKeeper(const ZooKeeper&) = delete;
  ZooKeeper& operator=(const ZooKeeper&) = delete;

  absl::StatusOr<std::vector<std::string>> Children(const std::string& path,
                                                    absl::Duration wait) override;
  absl::StatusOr<std::string> Get(const std::string& path, absl::Duration wait) override;
  void Sync(const std::string& path) override;
  const std::string& servers() const override { return servers_; }

 private:
  class Connection;

  template <typename Value>
  absl::StatusOr<Value> Read(const std::string& path, absl::Duration wait);
  absl::StatusOr<std::shared_ptr<Connection>> Current();
  absl::Status Away(const std::string& path, absl::Duration wait, const std::string& why) const;

  const std::string servers_;
  const absl::Duration session_timeout_;
  absl::Mutex mutex_;
  std::shared_ptr<Connection> connection_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_ZOOKEEPER_H_
