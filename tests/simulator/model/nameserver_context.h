#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CONTEXT_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CONTEXT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "tests/simulator/model/coordination.h"
#include "tests/simulator/model/executor.h"
#include "tests/simulator/model/options.h"
#include "tests/simulator/model/rpc.h"
#include "tests/simulator/model/task.h"

namespace omdb::simulator {

// What all parts of one nameserver share.
struct NameServerContext {
  NameServerContext(Options the_options, Executor& the_executor, Network& the_network,
                    Coordination& the_zk)
      : options(std::move(the_options)),
        executor(the_executor),
        network(the_network),
        zk(the_zk),
        scope(std::make_unique<Scope>(the_executor)) {}

  const Options options;
  Executor& executor;
  Network& network;
  Coordination& zk;
  // Everything the nameserver does in the background; reset first when it dies.
  std::unique_ptr<Scope> scope;

  bool leading = false;  // requests are answered, ops run (F2)
  uint64_t reign = 0;    // counts leaderships won and lost, to notice that one has ended
  bool auto_failover = false;

  bool Reigns(uint64_t in_reign) const { return leading && reign == in_reign; }
  std::string Path(const std::string& path) const { return options.zk_root_path + path; }

  // `work`, unless the nameserver is gone by then.
  std::function<void()> Guarded(std::function<void()> work) const {
    return [life = std::weak_ptr<bool>(life_), work = std::move(work)] {
      if (!life.expired()) work();
    };
  }

  template <typename Response, typename Request>
  Task<absl::StatusOr<Response>> CallTablet(std::string address, const std::string& method,
                                            Request request) {
    return CallPeer<Response>(network, std::move(address), "openmldb.api.TabletServer/" + method,
                              std::move(request), options.request_timeout);
  }

 private:
  std::shared_ptr<bool> life_ = std::make_shared<bool>(true);
};

// A thread pool of size 1: jobs run one after the other, so one that hangs delays the rest
// (F5.10 gap 5).
class SerialQueue {
 public:
  using Job = std::function<Task<void>()>;

  explicit SerialQueue(NameServerContext& context) : context_(context) {}

  void Add(Job job) {
    jobs_.push_back(std::move(job));
    if (running_) return;
    running_ = true;
    context_.scope->Spawn(Run());
  }

 private:
  Task<void> Run() {
    while (!jobs_.empty()) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      co_await job();
    }
    running_ = false;
  }

  NameServerContext& context_;
  std::deque<Job> jobs_;
  bool running_ = false;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CONTEXT_H_
