#ifndef OMDB_TESTS_SIMULATOR_MODEL_OP_ENGINE_H_
#define OMDB_TESTS_SIMULATOR_MODEL_OP_ENGINE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "name_server.pb.h"
#include "tablet.pb.h"
#include "tests/simulator/model/nameserver_catalog.h"
#include "tests/simulator/model/nameserver_context.h"
#include "tests/simulator/model/nameserver_registry.h"

namespace omdb::simulator {

// One step of an op ("task" in OpenMLDB).
struct OpStep {
  api::TaskInfo info;      // type, status; endpoint: the tablet that works on it, unset for the
                           // nameserver's own steps
  std::string replica;     // the replica it is about, by its tablet's name
  bool is_leader = false;  // of that replica, where the step sets it
  bool is_alive = false;
  uint64_t lag_allowed = 0;
  int polls = 0;      // answers of any tablet looked at while it was running
  bool lost = false;  // H4: its result was overwritten

  bool Finished() const { return info.status() != api::kInited && info.status() != api::kDoing; }
};

struct Op {
  api::OPInfo info;                           // as in ZooKeeper
  std::deque<std::shared_ptr<OpStep>> steps;  // those not done yet
};

constexpr uint64_t kNoParentOp = std::numeric_limits<uint64_t>::max();

// What an op consists of and how its steps are done.
class OpLibrary {
 public:
  virtual ~OpLibrary() = default;

  // All steps of an op, from its data; an error when that is not possible now, e.g. because a
  // tablet is not healthy or there is no leader.
  virtual absl::StatusOr<std::vector<OpStep>> Plan(const api::OPInfo& info) = 0;
  // kDone or kFailed; kDoing when a tablet works on it and will be asked.
  virtual Task<api::TaskStatus> Run(std::shared_ptr<Op> op, std::shared_ptr<OpStep> step) = 0;
};

// Runs ops (F5.1): lanes that are strictly first in first out, steps of tablets followed by asking
// every two seconds, state in ZooKeeper from which a new leader goes on.
class OpEngine {
 public:
  struct Request {
    api::OPType type;
    std::string db;
    std::string table;
    uint32_t pid = 0;
    std::string data;
    uint32_t concurrency = 0;    // the lane is pid modulo this
    const Op* parent = nullptr;  // the op is queued right behind it
  };

  OpEngine(NameServerContext& context, TableCatalog& catalog, TabletRegistry& registry,
           OpLibrary& library);

  // Queues an op. An error leaves a gap in the ids.
  absl::Status Create(Request request);
  // A new leader: what ZooKeeper has is queued, and steps under way are looked for on the tablets.
  Task<void> Recover();
  // Runs until the reign ends.
  void Start();

  // Running and queued ops, then finished ones, by id.
  std::vector<std::shared_ptr<const Op>> List() const;
  // Null unless it is queued or running.
  std::shared_ptr<Op> FindUnfinished(uint64_t id) const;
  // Of a table that is being dropped, or by request (CancelOP).
  void Cancel(Op& op);
  // DeleteOP: forgets ops, running ones too; how many.
  int Forget(const std::function<bool(const Op&)>& chosen, bool unfinished_too);

 private:
  Task<void> Work(uint64_t reign);
  void Wake();
  void WakeLater(absl::Duration delay);

  // Starts the first steps of the lanes.
  void StartSteps();
  Task<void> RunStep(std::shared_ptr<Op> op, std::shared_ptr<OpStep> step);
  // Steps that are done are counted in ZooKeeper, then dropped.
  void CountDoneSteps();
  // Ops that ended leave their lanes, once every healthy tablet has forgotten them.
  Task<void> RemoveEndedOps();
  void RemoveOp(uint64_t id);

  Task<void> PollLoop(uint64_t reign);
  Task<void> PollTablets(bool recovering);
  void ApplyAnswer(OpStep& step, const std::string& tablet, const api::TaskStatusResponse& answer,
                   bool recovering);
  bool AnyStepOnATablet() const;

  absl::StatusOr<std::shared_ptr<Op>> Restore(const std::string& value);
  absl::Status Save(const Op& op);
  std::string OpPath(uint64_t id) const;
  uint64_t UnixSeconds() const;

  NameServerContext& context_;
  TableCatalog& catalog_;
  TabletRegistry& registry_;
  OpLibrary& library_;
  std::vector<std::deque<std::shared_ptr<Op>>> lanes_;
  std::deque<std::shared_ptr<Op>> finished_;
  uint64_t steps_sent_ = 0;  // to tablets
  Promise<Unit> wake_;
  bool awake_ = false;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_OP_ENGINE_H_
