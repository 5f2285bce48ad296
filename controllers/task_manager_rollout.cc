#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "controllers/guards.h"
#include "controllers/rollout.h"

namespace omdb {
namespace {

std::string Describe(const std::vector<Job>& jobs) {
  return absl::StrJoin(jobs, ", ", [](std::string* out, const Job& job) {
    absl::StrAppend(out, job.id, " (", job.type, ", ", job.state, ")");
  });
}

// Jobs that run in the task manager die with it (F8.2): they are waited for, up to
// spec.upgrade.jobTimeout.
bool JobsFinished(Plan& plan) {
  const Database& database = *plan.seen.database;
  if (!database.task_manager_status.ok()) {
    return plan.Wait(
        "TaskManagerUnreachable",
        absl::StrCat("cannot ask the task manager for unfinished jobs: ",
                     database.task_manager_status.message(),
                     "; see the logs of its pods, or set spec.taskManager.replicas to 0 "
                     "to do without"),
        kLater);
  }
  if (database.unfinished_jobs.empty()) return true;
  auto& since = plan.ledger().rollout->jobs_awaited_since;
  const std::string jobs = Describe(database.unfinished_jobs);
  if (!since) {
    since = plan.seen.now;
    plan.Tell("WaitingForJobs", absl::StrCat("the task manager has unfinished jobs: ", jobs));
  }
  const absl::Duration limit = plan.seen.cluster.spec.upgrade.job_timeout;
  if (plan.seen.now - *since < limit) {
    return plan.Wait("WaitingForJobs",
                     absl::StrCat("unfinished jobs: ", jobs,
                                  "; the task manager is replaced when they end, or after ",
                                  absl::FormatDuration(limit), " (spec.upgrade.jobTimeout)"),
                     kLater);
  }
  plan.Warn(
      "JobsCutOff",
      absl::StrCat("jobs did not end within spec.upgrade.jobTimeout and are cut off: ", jobs));
  return true;
}

}  // namespace

bool UpgradeTaskManagers(Plan& plan) {
  const Snapshot& seen = plan.seen;
  if (!plan.ledger().rollout && seen.workloads.count(Component::kTaskManager) == 0) return true;
  if (seen.cluster.spec.task_manager.replicas == 0) return true;
  const auto outdated = OutdatedPods(plan, Component::kTaskManager);
  if (!plan.ledger().rollout && !OutdatedTemplate(seen, Component::kTaskManager) &&
      outdated.empty())
    return true;
  if (auto problem = NotReachable(seen)) return plan.Wait(problem->reason, problem->message);
  if (!TakeTurn(plan, Component::kTaskManager)) return false;
  if (!NewPodsServe(plan, Component::kTaskManager)) return false;
  if (outdated.empty()) return true;
  if (!JobsFinished(plan)) return false;
  plan.Tell("ReplacingTaskManager",
            absl::StrCat("replacing task manager ", outdated.front()->name));
  plan.Do(action::DeletePod{outdated.front()->name, outdated.front()->uid});
  return plan.Acting(
      absl::StrCat(Place(plan, Component::kTaskManager), ": replacing ", outdated.front()->name),
      kShortly);
}

}  // namespace omdb
