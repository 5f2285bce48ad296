#ifndef OMDB_TESTS_EXPLORE_STORY_H_
#define OMDB_TESTS_EXPLORE_STORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "controllers/events.h"
#include "controllers/reconciler.h"
#include "tests/explore/memory_kubernetes.h"
#include "tests/explore/node.h"
#include "tests/explore/operator_calls.h"
#include "tests/explore/safeguards.h"
#include "tests/explore/shape.h"
#include "tests/explore/world_openmldb.h"
#include "tests/explore/world_writer.h"

namespace omdb::explore {

// The Lease as the operator that acts just now has it.
class StoryLeadership : public Leadership {
 public:
  explicit StoryLeadership(OperatorCalls& calls) : calls_(calls) {}
  absl::Status Leads() const override { return calls_.MayChange(); }
  absl::Status Confirm() override {
    return calls_.Run("Kubernetes/Get Lease", false, [this] { return calls_.MayChange(); });
  }

 private:
  OperatorCalls& calls_;
};

// A whole cluster in one thread and virtual time: Kubernetes, OpenMLDB's servers, a user who
// changes the resource, a writer on every table, and the operator's own reconcile over all of it.
// What happened is written down, to be read when something went wrong.
class Story : public EventSink, public OpenMldbFactory {
 public:
  explicit Story(uint64_t seed, const Shape& shape = {});
  ~Story() override;

  // The spec as a user writes it; defaults as in the CRD.
  void Apply(const std::string& version);
  Json& spec() { return spec_; }

  // Creates the cluster of the shape, its tables, and a writer on them. False when that failed.
  bool Begin(const std::string& version);

  // Reconciles as the process would until the resource is ready with that version; false when
  // `limit` of virtual time passes first.
  bool RunUntilReady(const std::string& version, absl::Duration limit);
  bool IsReady(const std::string& version);
  // One reconcile, then as much time as it asks for. An operator that is killed in it is followed
  // by the next one.
  void Step();
  // When the last reconcile ended.
  absl::Time reconciled() const { return reconciled_; }
  // When the last rollout ended; never, at first.
  absl::Time completed() const { return completed_; }
  // Reconciles until it holds.
  bool RunUntilTrue(const std::function<bool()>& condition, absl::Duration limit);
  // Reconciles for that long.
  void RunFor(absl::Duration duration) {
    RunUntilTrue([] { return false; }, duration);
  }
  // The operator's process is gone; the next one starts with nothing but what is stored.
  void KillOperator();
  // From within one of its calls: the operator's process is paused, its Lease runs out, and the
  // next one acts for that long. Then the paused one goes on where it was.
  void PauseOperator(absl::Duration duration);

  void SwitchOff(Safeguard safeguard);

  absl::Status CreateTable(const TableShape& shape);
  void CreateTables(const std::vector<TableShape>& shapes);
  void StartWriting(absl::Duration interval, absl::Duration retry = {});
  void StartWritingToTheFirst(absl::Duration interval);  // partition
  // Stops, lets replication come to rest and looks for every acknowledged row on its leader; the
  // rows not found.
  std::vector<std::string> StopWritingAndFindLost();
  using Rows = absl::btree_set<uint64_t>;  // sequence numbers
  // The rows of a replica; nothing when its tablet does not have it.
  Rows RowsOf(const PartitionId& id, const std::string& tablet);

  ObjectKey key() const;  // of the resource
  ClusterStatus status();
  // As stored; empty when there is none.
  Ledger ledger();
  Condition condition(const std::string& type);
  bool HasEvent(const std::string& reason) const;
  Database database();
  simulator::Process<simulator::TabletServer>* tablet(int index);
  std::string tablet_name(int index) const;
  std::string nameserver_name(int index) const;

  simulator::World& world() { return world_; }
  Node& node() { return node_; }
  MemoryKubernetes& kubernetes() { return kubernetes_; }
  // As a user sees it: nothing happens to his calls.
  OpenMldb& openmldb() { return user_; }
  WorldOpenMldb& operators_openmldb() { return *openmldb_; }
  WorldWriter& writer() { return writer_; }
  OperatorCalls& operator_calls() { return operator_calls_; }
  const Shape& shape() const { return shape_; }
  const std::vector<Note>& events() const { return events_; }

  // What happened, a line each with its time.
  void Tell(const std::string& line);
  const std::vector<std::string>& told() const { return told_; }

  // --- EventSink, OpenMldbFactory
  void Emit(const Cluster& cluster, const Note& note) override;
  std::shared_ptr<OpenMldb> Connect(const std::string& zookeeper,
                                    const std::string& root_path) override;

 private:
  std::vector<Table> UserTables();

  const Shape shape_;
  simulator::World world_;
  const absl::Time began_;
  OperatorCalls operator_calls_;
  StoryLeadership leadership_{operator_calls_};
  MemoryKubernetes kubernetes_;
  std::shared_ptr<WorldOpenMldb> openmldb_;
  WorldOpenMldb user_;
  WorldClock clock_;
  Node node_;
  WorldWriter writer_;
  Json spec_;
  std::shared_ptr<Reconciler> operator_;
  int operators_ = 0;
  absl::Time reconciled_;
  absl::Time completed_ = absl::InfiniteFuture();
  std::vector<Note> events_;
  std::vector<std::string> told_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_STORY_H_
