#include "tests/simulator/model/op_tasks.h"

namespace omdb::simulator {

namespace api = openmldb::api;

bool OpTasks::Add(const api::TaskInfo& info, api::TaskType type) {
  if (Find(info, type) != nullptr) return false;
  api::TaskInfo& task = tasks_.emplace_back(info);
  task.set_task_type(type);
  task.set_status(api::kDoing);
  return true;
}

void OpTasks::Finish(const api::TaskInfo& info, api::TaskType type, bool done) {
  api::TaskInfo* task = Find(info, type);
  if (task == nullptr || task->status() == api::kCanceled) return;
  task->set_status(done ? api::kDone : api::kFailed);
}

void OpTasks::Delete(uint64_t op_id) {
  std::erase_if(tasks_, [op_id](const api::TaskInfo& task) { return task.op_id() == op_id; });
}

void OpTasks::Cancel(uint64_t op_id) {
  for (api::TaskInfo& task : tasks_) {
    if (task.op_id() == op_id && task.status() == api::kDoing) task.set_status(api::kCanceled);
  }
}

api::TaskInfo* OpTasks::Find(const api::TaskInfo& info, api::TaskType type) {
  for (api::TaskInfo& task : tasks_) {
    if (task.op_id() == info.op_id() && task.task_type() == type &&
        task.task_id() == info.task_id()) {
      return &task;
    }
  }
  return nullptr;
}

}  // namespace omdb::simulator
