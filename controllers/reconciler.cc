#include "controllers/reconciler.h"

#include <algorithm>
#include <exception>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "controllers/act.h"
#include "controllers/decide.h"
#include "controllers/objects/objects.h"
#include "controllers/report.h"

namespace omdb {
namespace {

// What passes at once is no event, and the longer something stays the less often it is looked at.
constexpr absl::Duration kWorthAnEvent = absl::Seconds(3);
absl::Duration WhileItStays(absl::Duration waited) {
  return std::clamp(waited / 10, absl::Milliseconds(500), absl::Seconds(5));
}
// A close look asks for every replica.
constexpr absl::Duration kCloselyAgain = absl::Seconds(2);

}  // namespace

struct Reconciler::Memory {
  std::string uid;  // of the resource
  bool looked = false;
  bool looked_closely = false;  // since then, with nothing left to mend
  absl::Time closely_at = absl::InfinitePast();
  std::optional<Ledger> ledger;
  std::string ledger_version;  // its ConfigMap's resourceVersion
  VersionCache versions;
  TaskTimes tasks;
  std::shared_ptr<OpenMldb> openmldb;
  // What is waited for, since when, and whether people were told.
  std::string waiting_for;
  absl::Time waiting_since;
  bool told = false;
};

// While the operator mends what auto_failover does not. The first look lifts fences, and goes no
// further.
bool Reconciler::WantsACloseLook(const Snapshot& snapshot, const Memory& memory) {
  const auto& hand = memory.ledger->tablet;
  const bool mending = hand || memory.ledger->wanted_auto_failover ||
                       (memory.ledger->rollout && !snapshot.database->auto_failover);
  const bool verifying = hand && hand->step == TabletStep::kVerify;
  return mending && !snapshot.first_look && (verifying || !memory.looked_closely);
}

Reconciler::Reconciler(Kubernetes& kubernetes, OpenMldbFactory& openmldb, Clock& clock,
                       EventSink& events, Leadership& leadership)
    : kubernetes_(kubernetes),
      openmldb_(openmldb),
      clock_(clock),
      events_(events),
      leadership_(leadership) {}

Reconciler::~Reconciler() = default;

std::shared_ptr<Reconciler::Memory> Reconciler::MemoryOf(const ObjectKey& key) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<Memory>& memory = memories_[key];
  if (!memory) memory = std::make_shared<Memory>();
  return memory;
}

void Reconciler::Forget(const ObjectKey& key) {
  absl::MutexLock lock(&mutex_);
  memories_.erase(key);
}

absl::StatusOr<absl::Duration> Reconciler::Reconcile(const ObjectKey& key) {
  try {
    return Once(key);
  } catch (const std::exception& error) {  // no other cluster shall wait for this one's
    Forget(key);
    return absl::InternalError(absl::StrCat("a bug of the operator: ", error.what()));
  }
}

absl::StatusOr<absl::Duration> Reconciler::Once(const ObjectKey& key) {
  absl::StatusOr<Json> object = kubernetes_.Get(types::OpenMLDBCluster(), key);
  if (absl::IsNotFound(object.status())) {
    Forget(key);
    return absl::InfiniteDuration();
  }
  if (!object.ok()) return object.status();
  absl::StatusOr<Cluster> cluster = ParseCluster(*object);
  if (!cluster.ok()) return Stall(ParseWithoutSpec(*object), "InvalidSpec", cluster.status());
  // What it owns is collected by Kubernetes; the data volumes stay.
  if (cluster->deleting) {
    Forget(key);
    return absl::InfiniteDuration();
  }
  if (absl::Status status = OwnsItsPath(*cluster); !status.ok())
    return absl::IsAlreadyExists(status) ? Stall(*cluster, "ZooKeeperPathTaken", status) : status;
  std::shared_ptr<Memory> memory = MemoryOf(key);
  if (memory->uid != cluster->uid) {  // another one of that name
    Forget(key);
    memory = MemoryOf(key);
    memory->uid = cluster->uid;
  }
  if (!memory->openmldb) {
    memory->openmldb =
        openmldb_.Connect(ZooKeeperServers(*cluster), cluster->spec.zookeeper_root_path);
  }
  if (!memory->ledger) {
    absl::Status status = ReadLedger(*cluster, *memory);
    if (absl::IsDataLoss(status)) return Stall(*cluster, "LedgerUnreadable", status);
    if (!status.ok()) return status;
  }

  absl::StatusOr<Snapshot> snapshot =
      Observe(kubernetes_, *memory->openmldb, clock_, *cluster, memory->versions);
  if (!snapshot.ok()) return snapshot.status();
  if (snapshot->database) TimeTasks(snapshot->database->ops, snapshot->now, memory->tasks);
  snapshot->first_look = !memory->looked;
  if (snapshot->database && WantsACloseLook(*snapshot, *memory))
    LookClosely(*memory->openmldb, *snapshot->database);

  Decision decision = Decide(*snapshot, *memory->ledger);

  if (absl::Status status = WriteLedger(*cluster, decision.ledger, *memory); !status.ok()) {
    // What passes is tried again; what is refused is told.
    if (!absl::IsUnavailable(status) && !absl::IsAborted(status))
      (void)WriteStatus(*cluster, Report(*snapshot, decision, status));
    return status;
  }
  absl::Status error;
  for (const Action& action : decision.actions) {
    error = CanBeUndone(action) ? leadership_.Leads() : leadership_.Confirm();
    if (!error.ok()) break;
    error = Act(kubernetes_, *memory->openmldb, clock_, *snapshot, action, decision.ledger,
                decision.notes);
    if (error.ok()) continue;
    if (std::holds_alternative<action::HandOver>(action))
      memory->looked = memory->looked_closely = false;
    break;
  }
  if (error.ok() && snapshot->database) {
    memory->looked = true;
    if (snapshot->database->closely && decision.mended) {
      memory->looked_closely = true;
      memory->closely_at = snapshot->now;
    }
  }
  // It may wait for what only a closer look shows.
  const bool again =
      !decision.reason.empty() && snapshot->now >= memory->closely_at + kCloselyAgain;
  if (again || decision.look_closely) memory->looked_closely = false;
  // What the actions taught; lost with the process it is asked for again.
  error.Update(WriteLedger(*cluster, decision.ledger, *memory));

  for (const Note& note : decision.notes) events_.Emit(*cluster, note);
  const std::string reason = error.ok() ? decision.reason : "ActionFailed";
  if (reason != memory->waiting_for) {
    memory->waiting_for = reason;
    memory->waiting_since = snapshot->now;
    memory->told = false;
  }
  const absl::Duration waited = snapshot->now - memory->waiting_since;
  const bool stays = !reason.empty() && waited >= kWorthAnEvent;
  if (stays && !memory->told) {
    events_.Emit(*cluster,
                 {true, reason, error.ok() ? decision.message : std::string(error.message())});
    memory->told = true;
  }
  if (absl::Status status = WriteStatus(*cluster, Report(*snapshot, decision, error)); !status.ok())
    return status;
  if (!error.ok()) return error;
  return stays ? std::max(decision.look_again, WhileItStays(waited)) : decision.look_again;
}

absl::Status Reconciler::ReadLedger(const Cluster& cluster, Memory& memory) {
  absl::StatusOr<Json> object =
      kubernetes_.GetFresh(types::ConfigMap(), {cluster.key.ns, LedgerName(cluster)});
  if (absl::IsNotFound(object.status())) {
    memory.ledger.emplace();
    memory.ledger_version.clear();
    return absl::OkStatus();
  }
  if (!object.ok()) return object.status();
  absl::StatusOr<Ledger> ledger =
      LedgerFromJson(Json::parse(LedgerContent(*object), nullptr, /*allow_exceptions=*/false));
  if (!ledger.ok()) {
    return absl::DataLossError(absl::StrCat(
        "ConfigMap ", LedgerName(cluster), ", in which the operator keeps what a rollout must ",
        "remember, cannot be read: ", ledger.status().message(), "; restore it, or delete it ",
        "once auto_failover is as it should be and every table is well"));
  }
  memory.ledger = *std::move(ledger);
  memory.ledger_version = object->at("metadata").value("resourceVersion", "");
  return absl::OkStatus();
}

absl::Status Reconciler::WriteLedger(const Cluster& cluster, const Ledger& ledger, Memory& memory) {
  if (memory.ledger == ledger) return absl::OkStatus();
  DesiredObject desired = LedgerObject(cluster, ToJson(ledger).dump());
  if (!memory.ledger_version.empty())
    desired.object["metadata"]["resourceVersion"] = memory.ledger_version;
  absl::StatusOr<Json> stored = kubernetes_.Apply(desired.type, desired.object);
  if (!stored.ok()) {
    // Someone else wrote it, or the answer was lost: what is stored counts.
    memory.ledger.reset();
    return stored.status();
  }
  memory.ledger = ledger;
  memory.ledger_version = stored->at("metadata").value("resourceVersion", "");
  return absl::OkStatus();
}

// One that is complete does, and where it is never changes.
absl::Status Reconciler::OwnsItsPath(const Cluster& cluster) {
  if (cluster.spec.zookeeper_managed || !cluster.status.version.empty()) return absl::OkStatus();
  const auto all = kubernetes_.List(types::OpenMLDBCluster(), cluster.key.ns, {});
  if (!all.ok()) return all.status();
  for (const SharedJson& object : *all) {
    const absl::StatusOr<Cluster> other = ParseCluster(*object);
    if (!other.ok() || !ShareAPath(*other, cluster)) continue;
    if (std::tie(other->created, other->uid) >= std::tie(cluster.created, cluster.uid)) continue;
    return absl::AlreadyExistsError(
        absl::StrCat("spec.zookeeper.rootPath: OpenMLDBCluster ", other->key.name, " has ",
                     cluster.spec.zookeeper_root_path, " of ", cluster.spec.zookeeper_servers,
                     "; both would be one OpenMLDB. Create this one anew with another rootPath"));
  }
  return absl::OkStatus();
}

absl::Status Reconciler::Stall(const Cluster& cluster, const std::string& reason,
                               const absl::Status& why) {
  const ClusterStatus status =
      ReportStalled(cluster, clock_.Now(), reason, std::string(why.message()));
  if (cluster.status != status) events_.Emit(cluster, {true, reason, std::string(why.message())});
  (void)WriteStatus(cluster, status);  // what is wrong is returned all the same
  return why;
}

absl::Status Reconciler::WriteStatus(const Cluster& cluster, ClusterStatus status) {
  if (cluster.status == status) return absl::OkStatus();
  Cluster reported = cluster;
  reported.status = std::move(status);
  return kubernetes_.ApplyStatus(types::OpenMLDBCluster(), StatusDocument(reported)).status();
}

}  // namespace omdb
