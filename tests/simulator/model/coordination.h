#ifndef OMDB_TESTS_SIMULATOR_MODEL_COORDINATION_H_
#define OMDB_TESTS_SIMULATOR_MODEL_COORDINATION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace omdb::simulator {

enum class NodeMode { kPersistent, kEphemeral, kEphemeralSequential };

// A server's ZooKeeper client: one session at a time, absolute paths (the root path included).
// Calls are synchronous and fail with Unavailable while the ensemble is not reached or the session
// is gone, NotFound, AlreadyExists. Watches fire once, on the server's executor, and are lost with
// the session, as in ZooKeeper.
class Coordination {
 public:
  virtual ~Coordination() = default;

  // Opens a new session (closing an old one); waits for it at most the session timeout.
  virtual absl::Status Connect() = 0;
  // Closes the session: its ephemeral nodes go at once.
  virtual void Close() = 0;
  // The session is there and the ensemble reached at the moment.
  virtual bool Connected() = 0;
  // Called on the server's executor when the session expired.
  virtual void OnSessionLost(std::function<void()> callback) = 0;

  // Creates missing parents (persistent, empty). Returns the path created (sequence number
  // included).
  virtual absl::StatusOr<std::string> Create(const std::string& path, const std::string& value,
                                             NodeMode mode) = 0;
  virtual absl::StatusOr<std::string> Get(const std::string& path) = 0;
  virtual absl::Status Set(const std::string& path,
                           const std::string& value) = 0;  // NotFound unless it exists
  virtual absl::Status Delete(const std::string& path) = 0;
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
  // Names, sorted; empty when `path` does not exist.
  virtual absl::StatusOr<std::vector<std::string>> Children(const std::string& path) = 0;
  virtual absl::Status WatchChildren(const std::string& path, std::function<void()> changed) = 0;
  virtual absl::Status WatchValue(const std::string& path, std::function<void()> changed) = 0;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_COORDINATION_H_
