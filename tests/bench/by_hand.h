#ifndef OMDB_TESTS_BENCH_BY_HAND_H_
#define OMDB_TESTS_BENCH_BY_HAND_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/bench/measured.h"

namespace omdb::bench {

// A person who upgrades a cluster without the operator, component by component in the guide's
// order. How a tablet is drained and how its leaders come back is up to the way.
class ByHand {
 public:
  ByHand(std::string way, int partitions);
  virtual ~ByHand() = default;

  Measured Upgrade();

 protected:
  virtual void Drain(const std::string& tablet) = 0;
  // The tablet's process is there again.
  virtual void Return(const std::string& tablet) = 0;
  // Of ending a server's ZooKeeper session before it is stopped. The guide knows nothing of it.
  virtual void BeforeStop(const std::string& pod) = 0;

  explore::Story& story() { return story_; }
  OpenMldb& openmldb() { return story_.openmldb(); }
  Measured& measured() { return measured_; }
  // Lets the world go on.
  void Sleep(absl::Duration duration) { story_.world().executor.RunFor(duration); }
  // Looks each `every` until it holds. Throws std::runtime_error after some hours.
  void WaitUntil(const std::string& what, absl::Duration every,
                 const std::function<bool()>& condition);
  bool NoOpUnderWay();
  // Times `act` as a part.
  void Part(const std::string& name, const std::function<void()>& act);
  // Partitions that `tablet` leads for the nameserver.
  std::vector<PartitionId> LedBy(const std::string& tablet);

 private:
  void UpgradeComponent(Component component);
  void UpgradeTablets();
  // Pods get the new version from now on, when they are made.
  void SetTemplate(Component component);
  // Deletes the pod and waits for the next one of that name.
  void Replace(const std::string& pod);
  Json* FindPod(const std::string& name);
  bool RunsNewVersion(const std::string& pod);

  explore::Story story_;
  Measured measured_;
};

}  // namespace omdb::bench

#endif  // OMDB_TESTS_BENCH_BY_HAND_H_
