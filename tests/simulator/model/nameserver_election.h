#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_ELECTION_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_ELECTION_H_

#include <cstdint>
#include <functional>
#include <string>

#include "tests/simulator/model/nameserver_context.h"

namespace omdb::simulator {

// The lock under /leader (F2). States: idle (no request in this session, or leadership lost),
// waiting (a node of ours is in the queue), holding.
class Election {
 public:
  Election(NameServerContext& context, std::function<void()> won, std::function<void()> lost)
      : context_(context), won_(std::move(won)), lost_(std::move(lost)) {}

  void Start() { context_.scope->Spawn(RequestLoop()); }
  // A new ZooKeeper session: our node is gone, the next round asks again.
  void SessionRenewed();
  // The nameserver itself stepped down (DisConnectZK, the 15 s check).
  void StepDown();

 private:
  enum class State { kIdle, kWaiting, kHolding };

  // Asks once a second, also for the first time (F2).
  Task<void> RequestLoop();
  void Request();
  void Watch();
  // Who is first in the queue?
  void Look();

  NameServerContext& context_;
  std::function<void()> won_;
  std::function<void()> lost_;
  State state_ = State::kIdle;
  bool watching_ = false;
  std::string mine_;
  uint64_t session_ = 0;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_ELECTION_H_
