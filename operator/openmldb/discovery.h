#ifndef OMDB_OPERATOR_OPENMLDB_DISCOVERY_H_
#define OMDB_OPERATOR_OPENMLDB_DISCOVERY_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "operator/openmldb/node_reader.h"
#include "operator/openmldb/options.h"

namespace omdb {

// Where an OpenMLDB cluster's servers are, read from its ZooKeeper (F2); never written. Addresses
// of names are cached for `address_ttl`. Every read is bounded by `zookeeper_wait` and fails with
// Unavailable when the ensemble is away. Thread-safe.
class Discovery {
 public:
  Discovery(std::unique_ptr<NodeReader> zookeeper, std::string root_path,
            const OpenMldbOptions& options);

  // In the order in which they asked for the lock, each once: the first leads.
  absl::StatusOr<std::vector<std::string>> Nameservers();
  // The first of them; Unavailable when there is none. `synced`: as of now, not as of a server of
  // the ensemble that lags behind (before calls that change something).
  absl::StatusOr<std::string> LeadingNameserver(bool synced);
  // Children of /nodes but for nearline tablets, sorted.
  absl::StatusOr<std::vector<std::string>> RegisteredTablets();
  // host:port, or empty.
  absl::StatusOr<std::string> ActiveTaskManager();
  // Serialized TableInfo of each table that has a database, for their names: offsets inside are
  // stale.
  absl::StatusOr<std::vector<std::string>> StoredTables();

  // host:port of a name by /map/names, or the name itself when it is not listed there. While
  // ZooKeeper is away the last known address is given: a fence must be lifted even then.
  absl::StatusOr<std::string> AddressOf(const std::string& endpoint);
  // The address did not work: read it again next time.
  void Forget(const std::string& endpoint);

 private:
  struct Address {
    std::string value;
    absl::Time read_at;
  };

  absl::StatusOr<std::vector<std::string>> LockHolders(bool synced);

  const std::string root_;
  const OpenMldbOptions options_;
  const std::unique_ptr<NodeReader> zookeeper_;
  absl::Mutex mutex_;
  // The value of a lock node never changes, so it is read once: node to nameserver.
  std::map<std::string, std::string> locks_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Address> addresses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_DISCOVERY_H_
