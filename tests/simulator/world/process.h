#ifndef OMDB_TESTS_SIMULATOR_WORLD_PROCESS_H_
#define OMDB_TESTS_SIMULATOR_WORLD_PROCESS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "tests/simulator/model/options.h"
#include "tests/simulator/world/fake_network.h"
#include "tests/simulator/world/fake_zookeeper.h"
#include "tests/simulator/world/memory_disk.h"
#include "tests/simulator/world/virtual_executor.h"

namespace omdb::simulator {

// What all processes share. One seed is one story.
struct World {
  explicit World(uint64_t seed = 1, absl::Duration session_timeout = absl::Seconds(10))
      : executor(seed), network(executor), zookeeper(executor, session_timeout) {}

  VirtualExecutor executor;
  FakeNetwork network;
  FakeZooKeeper zookeeper;
};

// A server process with its volume: `Server` is TabletServer or NameServer, made from
// (Options, Executor&, Network&, Coordination&[, Disk&]). The volume stays through every death.
template <typename Server>
class Process {
 public:
  // The name of the process is options.endpoint, its address options.real_endpoint or, without one,
  // options.endpoint too.
  Process(World& world, Options options)
      : world_(world), options_(std::move(options)), executor_(world.executor) {}
  ~Process() { Kill(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // SIGKILL, if it ran, and a new process. What Start of the server says; a server that could not
  // start is gone again. It listens before it registers, as the real ones do (F1.4).
  absl::Status Start() {
    Kill();
    network_ = world_.network.ClientOf(address(), executor_);
    zookeeper_ = world_.zookeeper.NewClient(options_.endpoint, executor_);
    if constexpr (std::is_constructible_v<Server, Options, Executor&, Network&, Coordination&,
                                          Disk&>) {
      server_ = std::make_unique<Server>(options_, executor_, *network_, *zookeeper_, disk_);
    } else {
      server_ = std::make_unique<Server>(options_, executor_, *network_, *zookeeper_);
    }
    listening_ = address();
    world_.network.Listen(listening_, server_->dispatcher(), executor_);
    absl::Status started = server_->Start();
    if (!started.ok()) Kill();
    return started;
  }
  // The process is gone at once; its ZooKeeper session lingers.
  void Kill() {
    if (server_ != nullptr) {
      world_.network.Close(listening_);
      server_.reset();
      zookeeper_.reset();
      network_.reset();
    }
    if (executor_.paused()) Resume();
  }
  // SIGSTOP and SIGCONT: calls to it are kept meanwhile, and served when it goes on.
  void Pause() {
    executor_.Pause();
    world_.zookeeper.SetReachable(options_.endpoint, false);
  }
  void Resume() {
    executor_.Resume();
    world_.zookeeper.SetReachable(options_.endpoint, true);
  }

  bool running() const { return server_ != nullptr; }
  bool paused() const { return executor_.paused(); }
  Server& server() { return *server_; }
  Options& options() { return options_; }  // for the next Start
  MemoryDisk& disk() { return disk_; }
  Coordination& zookeeper() { return *zookeeper_; }
  const std::string& name() const { return options_.endpoint; }
  const std::string& address() const {
    return options_.real_endpoint.empty() ? options_.endpoint : options_.real_endpoint;
  }

 private:
  World& world_;
  Options options_;
  ProcessExecutor executor_;
  MemoryDisk disk_;
  std::string listening_;  // options_ may already be those of the next start
  std::unique_ptr<Network> network_;
  std::unique_ptr<Coordination> zookeeper_;
  std::unique_ptr<Server> server_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_WORLD_PROCESS_H_
