#ifndef OMDB_OPERATOR_OPENMLDB_NODE_READER_H_
#define OMDB_OPERATOR_OPENMLDB_NODE_READER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace omdb {

// Reads of a ZooKeeper ensemble. Thread-safe.
//
// Errors: NotFound when there is no such node, PermissionDenied by an ACL, Unavailable when the
// ensemble did not answer within `wait`.
class NodeReader {
 public:
  virtual ~NodeReader() = default;

  virtual absl::StatusOr<std::vector<std::string>> Children(const std::string& path,
                                                            absl::Duration wait) = 0;
  virtual absl::StatusOr<std::string> Get(const std::string& path, absl::Duration wait) = 0;

  // The next reads see every change that was committed before now, even if the server of this
  // session lags behind its ensemble. Costs no round trip of its own.
  virtual void Sync(const std::string& path) = 0;

  // "host:port,host:port", for errors.
  virtual const std::string& servers() const = 0;
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_NODE_READER_H_
