#ifndef OMDB_TESTS_SIMULATOR_WORLD_FAKE_NETWORK_H_
#define OMDB_TESTS_SIMULATOR_WORLD_FAKE_NETWORK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "tests/simulator/model/executor.h"
#include "tests/simulator/model/rpc.h"

namespace omdb::simulator {

// All servers' network in one process: addresses, a delay for each message, and faults. Messages
// are handed over, not serialized.
class FakeNetwork {
 public:
  // The payload of an Unavailable whose call may have taken place: its connection was lost later.
  static constexpr char kMayHaveHappened[] = "may-have-happened";

  // A message on its way. `from` is the caller's address as given to ClientOf.
  struct Message {
    std::string_view from;
    std::string_view to;
    std::string_view method;  // "openmldb.api.TabletServer/Put"
    bool is_reply;
  };
  enum class Fate {
    kDeliver,
    kLose,    // the caller runs into its deadline
    kRefuse,  // the caller gets Unavailable; a lost reply means that the call did take place
  };

  explicit FakeNetwork(Executor& executor) : executor_(executor) {}
  ~FakeNetwork();

  // The network as one process sees it. `executor` is where its answers arrive.
  std::unique_ptr<Network> ClientOf(std::string address, Executor& executor);

  // `dispatcher` answers at `address` until Close; its handlers run on `executor`.
  void Listen(const std::string& address, Dispatcher& dispatcher, Executor& executor);
  // The process is gone: calls on their way and later ones end with Unavailable.
  void Close(const std::string& address);

  // Decides about each message; unset, everything is delivered.
  void SetFilter(std::function<Fate(const Message&)> filter) { filter_ = std::move(filter); }
  // Delay of each message; unset, 30 to 150 us.
  void SetDelay(std::function<absl::Duration(const Message&)> delay) { delay_ = std::move(delay); }
  // Messages from one address to another are lost, replies included, until Join.
  void Cut(const std::string& from, const std::string& to) { cut_.insert({from, to}); }
  void Join(const std::string& from, const std::string& to) { cut_.erase({from, to}); }

  uint64_t calls() const { return calls_; }

 private:
  class Client;
  using Answer = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;
  struct Call {
    uint64_t id;
    std::string from, to, method;
    Executor* caller;
    std::shared_ptr<bool> caller_alive;
    absl::Time deadline;
    std::function<void(Answer)> done;
    bool ended = false;
  };
  using CallPtr = std::shared_ptr<Call>;
  struct Listener {
    Dispatcher* dispatcher;
    Executor* executor;
    std::shared_ptr<bool> alive;
  };

  void Start(const CallPtr& call, std::unique_ptr<google::protobuf::Message> request);
  void Deliver(const CallPtr& call, std::unique_ptr<google::protobuf::Message> request);
  void Answered(const CallPtr& call, absl::StatusOr<Reply> reply);
  // The caller gets `answer` at once, on its executor, unless it has one.
  void End(Call& call, Answer answer);
  absl::Time Earliest() const { return under_way_.begin()->first.first; }
  // One timer for the earliest deadline instead of one for each call.
  void WatchDeadlines();
  Fate Judge(const Call& call, bool is_reply);
  absl::Duration DelayOf(const Call& call, bool is_reply);

  Executor& executor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, Listener> listeners_;
  // By deadline and id.
  std::map<std::pair<absl::Time, uint64_t>, CallPtr> under_way_;
  absl::Time watched_ = absl::InfiniteFuture();
  std::set<std::pair<std::string, std::string>> cut_;
  std::function<Fate(const Message&)> filter_;
  std::function<absl::Duration(const Message&)> delay_;
  uint64_t calls_ = 0;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_WORLD_FAKE_NETWORK_H_
