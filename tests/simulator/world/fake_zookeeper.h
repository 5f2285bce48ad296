#ifndef OMDB_TESTS_SIMULATOR_WORLD_FAKE_ZOOKEEPER_H_
#define OMDB_TESTS_SIMULATOR_WORLD_FAKE_ZOOKEEPER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/simulator/model/coordination.h"
#include "tests/simulator/world/virtual_executor.h"

namespace omdb::simulator {

// A ZooKeeper ensemble in memory with sessions as real ones have them: they live while their client
// is heard of, expire 0.9 to 1.1 timeouts after it fell silent (M4), and nobody tells a client of
// its expiry before it reaches the ensemble again. Watches fire once, some milliseconds late, so
// that changes in between are seen as one.
class FakeZooKeeper {
 public:
  explicit FakeZooKeeper(VirtualExecutor& executor,
                         absl::Duration session_timeout = absl::Seconds(10))
      : executor_(executor), session_timeout_(session_timeout) {}
  ~FakeZooKeeper();

  // One process's client; destroying it without Close is the process's death: its session lingers.
  // `name` is for SetReachable. A process that is paused falls silent.
  std::unique_ptr<Coordination> NewClient(std::string name, ProcessExecutor& executor);

  // The network between that process and the ensemble.
  void SetReachable(const std::string& name, bool reachable);
  // The whole ensemble: sessions do not age while it is down, and clients that come back within
  // their timeout keep them.
  void SetUp(bool up);
  bool up() const { return up_; }
  // The ensemble ends that process's session, whatever it does.
  void ExpireSession(const std::string& name);

  // The tree, for tests; not subject to faults.
  bool Exists(const std::string& path) const { return nodes_.contains(path); }
  std::string Value(const std::string& path) const;
  std::vector<std::string> Children(const std::string& path) const;

 private:
  class Client;
  struct Node {
    std::string value;
    uint64_t owner = 0;  // session of an ephemeral node
    uint64_t next_sequence = 0;
  };
  struct Session {
    Client* client;  // null once its process died
    bool silent = false;
    uint64_t silence = 0;  // counts the beginnings and ends of silences
  };
  struct Watch {
    uint64_t session;
    std::function<void()> changed;
  };
  using Watches = std::multimap<std::string, Watch>;

  bool Reachable(const std::string& name) const { return up_ && !unreachable_.contains(name); }
  uint64_t NewSession(Client* client);
  // Nobody is heard in that session from now on: it expires unless EndSilence comes first.
  void StartSilence(uint64_t session);
  void EndSilence(uint64_t session);
  // Its ephemeral nodes and watches go; its client is told when it is reachable.
  void EndSession(uint64_t session);
  void Reconnected(Client& client);

  absl::StatusOr<std::string> CreateNode(const std::string& path, const std::string& value,
                                         NodeMode mode, uint64_t session);
  void RemoveNode(const std::string& path);
  void Fire(Watches& watches, const std::string& path);

  VirtualExecutor& executor_;
  absl::Duration session_timeout_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool up_ = true;
  uint64_t last_session_ = 0;
  std::map<uint64_t, Session> sessions_;
  std::vector<Client*> clients_;  // in the order of their beginnings: the same in each run
  std::set<std::string> unreachable_;
  std::map<std::string, Node> nodes_;
  Watches child_watches_;
  Watches value_watches_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_WORLD_FAKE_ZOOKEEPER_H_
