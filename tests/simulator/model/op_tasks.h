#ifndef OMDB_TESTS_SIMULATOR_MODEL_OP_TASKS_H_
#define OMDB_TESTS_SIMULATOR_MODEL_OP_TASKS_H_

#include <cstdint>
#include <vector>

#include "tablet.pb.h"

namespace omdb::simulator {

// The tasks that the nameserver's ops gave this tablet. The nameserver asks for all of them each 2
// s and deletes those of finished ops (F5.1). They do not survive a restart.
class OpTasks {
 public:
  // False when the op already has this task here.
  bool Add(const openmldb::api::TaskInfo& info, openmldb::api::TaskType type);
  // A cancelled task stays cancelled.
  void Finish(const openmldb::api::TaskInfo& info, openmldb::api::TaskType type, bool done);
  void Delete(uint64_t op_id);
  void Cancel(uint64_t op_id);
  const std::vector<openmldb::api::TaskInfo>& all() const { return tasks_; }

 private:
  openmldb::api::TaskInfo* Find(const openmldb::api::TaskInfo& info, openmldb::api::TaskType type);

  std::vector<openmldb::api::TaskInfo> tasks_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_OP_TASKS_H_
