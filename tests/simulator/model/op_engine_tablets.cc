// The op engine's view of tablets: asking them for their tasks, and going on after a change of
// nameserver.
#include <algorithm>
#include <utility>

#include "tests/simulator/model/op_engine.h"

namespace omdb::simulator {
namespace {

// More answers than this without the task, whichever tablets gave them, and it failed: with three
// tablets that is after 4 to 6 s (M4), with one after 12 s (F5.1).
constexpr int kPollsUntilMissing = 5;

// Steps that a new leader does again; any other is taken to be running on a tablet (F5.1).
bool RunsAgainAfterFailover(api::TaskType type) {
  switch (type) {
    case api::kSelectLeader:
    case api::kUpdateLeaderInfo:
    case api::kUpdatePartitionStatus:
    case api::kUpdateTableInfo:
    case api::kRecoverTable:
    case api::kAddTableInfo:
    case api::kCheckBinlogSyncProgress:
      return true;
    default:
      return false;
  }
}

}  // namespace

Task<void> OpEngine::PollLoop(uint64_t reign) {
  for (;;) {
    co_await Delay(context_.executor, context_.options.get_task_status_interval);
    if (!context_.Reigns(reign)) co_return;
    co_await PollTablets(/*recovering=*/false);
  }
}

bool OpEngine::AnyStepOnATablet() const {
  return std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) {
    return !lane.empty() && !lane.front()->steps.empty() &&
           lane.front()->steps.front()->info.has_endpoint();
  });
}

Task<void> OpEngine::PollTablets(bool recovering) {
  if (!AnyStepOnATablet()) co_return;
  auto for_each_step = [this](auto&& look) {
    for (auto& lane : lanes_) {
      if (lane.empty() || lane.front()->steps.empty()) continue;
      OpStep& step = *lane.front()->steps.front();
      if (step.info.status() == api::kDoing && step.info.has_endpoint()) look(step);
    }
  };
  for_each_step([this](OpStep& step) {
    const TabletRegistry::Tablet* tablet = registry_.Find(step.info.endpoint());
    if (tablet != nullptr && !tablet->healthy &&
        context_.executor.Now() - tablet->since > context_.options.tablet_heartbeat_timeout) {
      step.info.set_status(api::kFailed);
    }
  });
  const uint64_t sent = steps_sent_;
  for (const std::string& name : registry_.HealthyNames()) {
    absl::StatusOr<api::TaskStatusResponse> answer =
        co_await context_.CallTablet<api::TaskStatusResponse>(
            registry_.Address(name), "GetTaskStatus", api::TaskStatusRequest());
    if (!answer.ok()) continue;
    // A step that was sent during the round makes the rest of the round void.
    if (steps_sent_ != sent) break;
    for_each_step([&](OpStep& step) { ApplyAnswer(step, name, *answer, recovering); });
    Wake();
  }
}

void OpEngine::ApplyAnswer(OpStep& step, const std::string& tablet,
                           const api::TaskStatusResponse& answer, bool recovering) {
  bool found = false;
  if (step.info.endpoint() == tablet && !step.lost) {
    // A removal of a replica that was under way when the leader died failed, both times (M6).
    const bool forgotten = recovering && step.info.task_type() == api::kDelReplica;
    for (const api::TaskInfo& task : answer.task()) {
      if (forgotten || task.op_id() != step.info.op_id() ||
          task.task_type() != step.info.task_type()) {
        continue;
      }
      found = true;
      if (task.status() != api::kInited) step.info.set_status(task.status());
    }
  }
  // A step taken over from the last nameserver was not sent by this one: if its tablet did not
  // answer during the recovery, it is never found missing later.
  if (!found && step.info.endpoint() == tablet &&
      (recovering || (step.info.is_rpc_send() && step.polls > kPollsUntilMissing))) {
    step.info.set_status(api::kFailed);
  }
  ++step.polls;
}

absl::StatusOr<std::shared_ptr<Op>> OpEngine::Restore(const std::string& value) {
  auto op = std::make_shared<Op>();
  if (!op->info.ParseFromString(value)) return absl::DataLossError("not an op");
  if (op->info.task_status() == api::kDone || op->info.task_status() == api::kCanceled) {
    return absl::NotFoundError("the op has ended");
  }
  absl::StatusOr<std::vector<OpStep>> plan = library_.Plan(op->info);
  if (!plan.ok()) return plan.status();
  for (OpStep& step : *plan) op->steps.push_back(std::make_shared<OpStep>(std::move(step)));
  if (op->info.task_status() == api::kInited) return op;
  if (op->info.task_index() >= op->steps.size()) return absl::NotFoundError("no step is left");
  op->steps.erase(op->steps.begin(), op->steps.begin() + op->info.task_index());
  api::TaskInfo& current = op->steps.front()->info;
  if (op->info.task_status() == api::kFailed) {
    current.set_status(api::kFailed);
  } else if (!RunsAgainAfterFailover(current.task_type())) {
    // Also for kChangeLeader and kDelTableInfo, which run on no tablet: these stay so for ever and
    // block their lane (M6).
    current.set_status(api::kDoing);
  }
  return op;
}

Task<void> OpEngine::Recover() {
  for (auto& lane : lanes_) lane.clear();
  std::erase_if(finished_, [](const auto& op) { return op->info.task_status() == api::kFailed; });
  absl::StatusOr<std::vector<std::string>> ids = context_.zk.Children(context_.Path("/op/op_data"));
  if (!ids.ok()) co_return;
  for (const std::string& id : *ids) {
    absl::StatusOr<std::string> value = context_.zk.Get(context_.Path("/op/op_data/") + id);
    if (!value.ok()) continue;
    absl::StatusOr<std::shared_ptr<Op>> op = Restore(*value);
    // One that cannot be planned now is forgotten, though its node stays (F5.1).
    if (!op.ok()) continue;
    if ((*op)->info.task_status() == api::kFailed) {
      finished_.push_back(*op);
    } else {
      lanes_[(*op)->info.vec_idx() % lanes_.size()].push_back(*op);
    }
  }
  for (auto& lane : lanes_) {
    std::sort(lane.begin(), lane.end(), [](const auto& a, const auto& b) {
      return std::pair(a->info.parent_id(), a->info.op_id()) <
             std::pair(b->info.parent_id(), b->info.op_id());
    });
  }
  co_await PollTablets(/*recovering=*/true);
}

}  // namespace omdb::simulator
