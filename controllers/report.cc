#include "controllers/report.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "controllers/rollout.h"

namespace omdb {
namespace {

void SetCondition(ClusterStatus& status, absl::Time now, const std::string& type, bool value,
                  const std::string& reason, const std::string& message) {
  Condition condition{type, value ? "True" : "False",  reason, message,
                      now,  status.observed_generation};
  for (Condition& present : status.conditions) {
    if (present.type != type) continue;
    if (present.status == condition.status)
      condition.last_transition_time = present.last_transition_time;
    present = std::move(condition);
    return;
  }
  status.conditions.push_back(std::move(condition));
}

void SetUnready(ClusterStatus& status, absl::Time now, bool stalled, const std::string& reason,
                const std::string& message) {
  SetCondition(status, now, "Ready", false, reason, message);
  SetCondition(status, now, "Reconciling", !stalled, reason, message);
  SetCondition(status, now, "Stalled", stalled, stalled ? reason : "Progressing",
               stalled ? message : "");
}

void CountPods(const Snapshot& seen, ClusterStatus& status) {
  constexpr std::array kReported = {Component::kNameserver, Component::kTablet,
                                    Component::kTaskManager, Component::kApiServer};
  for (Component component : kReported) {
    const int replicas = seen.cluster.spec.Of(component).replicas;
    if (replicas == 0) {
      status.components.erase(ToString(component));
      continue;
    }
    const std::string wanted = WantedHash(seen, component);
    ComponentStatus& counted = status.components[ToString(component)];
    counted.replicas = replicas;
    counted.ready = 0;
    counted.updated = 0;
    for (const Pod* pod : seen.PodsOf(component)) {
      counted.ready += pod->ready ? 1 : 0;
      counted.updated += pod->spec_hash == wanted && !pod->deleting ? 1 : 0;
    }
    // A standby nameserver of a fresh cluster is not ready for long (F1.4), and yet it runs.
    const bool serves = counted.ready == replicas || component == Component::kNameserver;
    if (counted.updated == replicas && serves) counted.version = seen.cluster.spec.version;
  }
}

}  // namespace

ClusterStatus Report(const Snapshot& seen, const Decision& decision, const absl::Status& error) {
  ClusterStatus status = seen.cluster.status;
  const std::string& version = seen.cluster.spec.version;
  status.observed_generation = seen.cluster.generation;
  status.phase = decision.phase;
  status.target_version = version;
  CountPods(seen, status);
  if (decision.ledger.rollout) {
    status.tablets = decision.ledger.rollout->tablets;
    if (decision.ledger.tablet) AddReport(status.tablets, decision.ledger.tablet->report);
    status.rows_lost = 0;
    for (const auto& [where, rows] : decision.ledger.rollout->rows_lost) status.rows_lost += rows;
  }
  std::string reason = decision.reason;
  std::string message = decision.message;
  if (!error.ok()) {
    reason = "ActionFailed";
    message = absl::StrCat(error.message(), "; it is tried again");
  }
  if (decision.complete) {
    status.version = version;
    status.progress = "";
    status.sdk_java = absl::StrCat("com.4paradigm.openmldb:openmldb-jdbc:", version,
                                   " com.4paradigm.openmldb:openmldb-native:", version);
    status.sdk_python = absl::StrCat("pip install openmldb==", version);
    SetCondition(status, seen.now, "Ready", true, "Complete",
                 absl::StrCat("every component runs version ", version));
    SetCondition(status, seen.now, "Reconciling", false, "Complete", "");
    SetCondition(status, seen.now, "Stalled", false, "Complete", "");
    return status;
  }
  if (!decision.progress.empty()) status.progress = decision.progress;
  if (reason.empty()) {
    reason = decision.phase == "Creating" ? "Creating" : "Progressing";
    message = decision.progress;
  }
  SetUnready(status, seen.now, decision.stalled, reason, message);
  return status;
}

ClusterStatus ReportStalled(const Cluster& cluster, absl::Time now, const std::string& reason,
                            const std::string& message) {
  ClusterStatus status = cluster.status;
  status.observed_generation = cluster.generation;
  status.phase = "Stalled";
  SetUnready(status, now, /*stalled=*/true, reason, message);
  return status;
}

}  // namespace omdb
