#include "tests/simulator/model/op_engine.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace omdb::simulator {
namespace {

constexpr size_t kReplicaClusterLanes = 2;
constexpr size_t kMaxFinishedOps = 10000;  // max_op_num, F1.2
constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

}  // namespace

OpEngine::OpEngine(NameServerContext& context, TableCatalog& catalog, TabletRegistry& registry,
                   OpLibrary& library)
    : context_(context),
      catalog_(catalog),
      registry_(registry),
      library_(library),
      lanes_(context.options.name_server_task_max_concurrency + kReplicaClusterLanes) {}

std::string OpEngine::OpPath(uint64_t id) const {
  return context_.Path(absl::StrCat("/op/op_data/", id));
}

uint64_t OpEngine::UnixSeconds() const { return absl::ToUnixSeconds(context_.executor.Now()); }

absl::Status OpEngine::Save(const Op& op) {
  return context_.zk.Set(OpPath(op.info.op_id()), op.info.SerializeAsString());
}

absl::Status OpEngine::Create(Request request) {
  absl::StatusOr<uint64_t> id = catalog_.NextOpId();
  if (!id.ok()) return id.status();
  auto op = std::make_shared<Op>();
  op->info.set_op_id(*id);
  op->info.set_op_type(request.type);
  op->info.set_task_index(0);
  op->info.set_data(std::move(request.data));
  op->info.set_task_status(api::kInited);
  op->info.set_db(std::move(request.db));
  op->info.set_name(std::move(request.table));
  op->info.set_pid(request.pid);
  op->info.set_parent_id(request.parent == nullptr ? kNoParentOp : request.parent->info.op_id());
  const uint32_t concurrency =
      request.concurrency > 0 ? request.concurrency : context_.options.name_server_task_concurrency;
  op->info.set_vec_idx(request.parent == nullptr ? request.pid % concurrency
                                                 : request.parent->info.vec_idx());
  absl::StatusOr<std::vector<OpStep>> plan = library_.Plan(op->info);
  if (!plan.ok()) return plan.status();
  for (OpStep& step : *plan) op->steps.push_back(std::make_shared<OpStep>(std::move(step)));

  absl::StatusOr<std::string> stored =
      context_.zk.Create(OpPath(*id), op->info.SerializeAsString(), NodeMode::kPersistent);
  if (!stored.ok()) return stored.status();
  std::deque<std::shared_ptr<Op>>& lane = lanes_[op->info.vec_idx()];
  auto behind = lane.end();
  if (request.parent != nullptr) {
    auto parent = std::find_if(lane.begin(), lane.end(),
                               [&](const auto& other) { return other.get() == request.parent; });
    if (parent == lane.end()) return absl::NotFoundError("the parent op is gone");
    behind = parent + 1;
  }
  lane.insert(behind, std::move(op));
  Wake();
  return absl::OkStatus();
}

void OpEngine::Start() {
  awake_ = false;
  wake_ = Promise<Unit>();
  context_.scope->Spawn(Work(context_.reign));
  context_.scope->Spawn(PollLoop(context_.reign));
}

// Whoever changes something an op may wait for calls this. The engine goes on from the queue, not
// from within the caller.
void OpEngine::Wake() {
  if (awake_) return;
  awake_ = true;
  context_.scope->Post(absl::ZeroDuration(), [wake = wake_] { wake.Set(Unit{}); });
}

void OpEngine::WakeLater(absl::Duration delay) {
  context_.scope->Post(delay, [this] { Wake(); });
}

Task<void> OpEngine::Work(uint64_t reign) {
  while (context_.Reigns(reign)) {
    awake_ = false;
    wake_ = Promise<Unit>();
    Promise<Unit> wake = wake_;
    StartSteps();
    CountDoneSteps();
    co_await RemoveEndedOps();
    if (!context_.Reigns(reign)) co_return;
    co_await wake;
  }
}

void OpEngine::StartSteps() {
  for (auto& lane : lanes_) {
    if (lane.empty()) continue;
    std::shared_ptr<Op> op = lane.front();
    if (op->steps.empty() || op->info.task_status() == api::kFailed ||
        op->info.task_status() == api::kCanceled) {
      continue;
    }
    if (op->info.task_status() == api::kInited) {
      op->info.set_start_time(UnixSeconds());
      op->info.set_task_status(api::kDoing);
      if (!Save(*op).ok()) {
        op->info.set_task_status(api::kInited);
        WakeLater(kRetryDelay);
        continue;
      }
    }
    std::shared_ptr<OpStep> step = op->steps.front();
    if (step->info.status() != api::kInited) continue;
    step->info.set_status(api::kDoing);
    context_.scope->Spawn(RunStep(op, step));
  }
}

Task<void> OpEngine::RunStep(std::shared_ptr<Op> op, std::shared_ptr<OpStep> step) {
  api::TaskStatus status = co_await library_.Run(op, step);
  if (step->info.has_endpoint()) ++steps_sent_;
  // A cancelled step stays so.
  if (step->info.status() == api::kDoing) step->info.set_status(status);
  Wake();
}

void OpEngine::CountDoneSteps() {
  for (auto& lane : lanes_) {
    if (lane.empty()) continue;
    Op& op = *lane.front();
    if (op.steps.empty() || op.steps.front()->info.status() != api::kDone) continue;
    op.info.set_task_index(op.info.task_index() + 1);
    if (!Save(op).ok()) {
      op.info.set_task_index(op.info.task_index() - 1);
      WakeLater(kRetryDelay);
      continue;
    }
    op.steps.pop_front();
    Wake();
  }
}

Task<void> OpEngine::RemoveEndedOps() {
  api::DeleteTaskRequest request;
  for (auto& lane : lanes_) {
    if (lane.empty()) continue;
    const Op& op = *lane.front();
    if (op.steps.empty() || op.info.task_status() == api::kCanceled ||
        op.steps.front()->info.status() == api::kFailed) {
      request.add_op_id(op.info.op_id());
    }
  }
  if (request.op_id_size() == 0) co_return;
  const uint64_t reign = context_.reign;
  co_await Delay(context_.executor, context_.options.op_removal_time);
  // One after the other and all of them: a tablet that hangs delays every op of every lane (M6).
  bool all_forgot = true;
  for (const std::string& name : registry_.HealthyNames()) {
    absl::StatusOr<api::GeneralResponse> answer =
        co_await context_.CallTablet<api::GeneralResponse>(registry_.Address(name), "DeleteOPTask",
                                                           request);
    if (!answer.ok() || answer->code() != 0) all_forgot = false;
  }
  if (!context_.Reigns(reign)) co_return;
  if (all_forgot) {
    for (uint64_t id : request.op_id()) RemoveOp(id);
    Wake();
  } else {
    WakeLater(kRetryDelay);
  }
}

void OpEngine::RemoveOp(uint64_t id) {
  for (auto& lane : lanes_) {
    auto found =
        std::find_if(lane.begin(), lane.end(), [&](auto& op) { return op->info.op_id() == id; });
    if (found == lane.end()) continue;
    std::shared_ptr<Op> op = *found;
    const bool failed = !op->steps.empty() && op->steps.front()->info.status() == api::kFailed;
    if (failed) {
      op->info.set_task_status(api::kFailed);
      op->info.set_end_time(UnixSeconds());
      Save(*op).IgnoreError();
    } else {
      absl::Status deleted = context_.zk.Delete(OpPath(id));
      if (!deleted.ok() && !absl::IsNotFound(deleted)) return WakeLater(kRetryDelay);
      op->info.set_end_time(UnixSeconds());
      if (op->info.task_status() == api::kDoing) op->info.set_task_status(api::kDone);
      if (op->info.task_status() == api::kDone) op->steps.clear();
    }
    lane.erase(found);
    finished_.push_back(std::move(op));
    if (finished_.size() > kMaxFinishedOps) finished_.pop_front();
    return;
  }
}

std::vector<std::shared_ptr<const Op>> OpEngine::List() const {
  std::vector<std::shared_ptr<const Op>> ops(finished_.begin(), finished_.end());
  for (const auto& lane : lanes_) ops.insert(ops.end(), lane.begin(), lane.end());
  std::sort(ops.begin(), ops.end(),
            [](const auto& a, const auto& b) { return a->info.op_id() < b->info.op_id(); });
  return ops;
}

std::shared_ptr<Op> OpEngine::FindUnfinished(uint64_t id) const {
  for (const auto& lane : lanes_) {
    for (const auto& op : lane) {
      if (op->info.op_id() == id) return op;
    }
  }
  return nullptr;
}

void OpEngine::Cancel(Op& op) {
  op.info.set_task_status(api::kCanceled);
  for (const auto& step : op.steps) step->info.set_status(api::kCanceled);
  Wake();
}

int OpEngine::Forget(const std::function<bool(const Op&)>& chosen, bool unfinished_too) {
  int forgotten = 0;
  auto forget = [&](std::deque<std::shared_ptr<Op>>& ops) {
    forgotten += static_cast<int>(std::erase_if(ops, [&](const std::shared_ptr<Op>& op) {
      if (!chosen(*op)) return false;
      absl::Status deleted = context_.zk.Delete(OpPath(op->info.op_id()));
      return deleted.ok() || absl::IsNotFound(deleted);
    }));
  };
  forget(finished_);
  if (unfinished_too) {
    for (auto& lane : lanes_) forget(lane);
    Wake();
  }
  return forgotten;
}

}  // namespace omdb::simulator
