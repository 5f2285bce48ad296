#ifndef OMDB_TESTS_EXPLORE_STORY_H_
#define OMDB_TESTS_EXPLORE_STORY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controllers/events.h"
#include "controllers/reconciler.h"
#include "tests/explore/memory_kubernetes.h"
#include "tests/explore/node.h"
#include "tests/explore/world_openmldb.h"
#include "tests/explore/world_writer.h"

namespace omdb::explore {

struct TableShape {
  std::string name;
  uint32_t partitions = 4;
  uint32_t replicas = 3;
};

// A whole cluster in one thread and virtual time: Kubernetes, OpenMLDB's servers, a user who
// changes the resource, a writer on every table, and the operator's own reconcile over all of it.
class Story : public EventSink, public OpenMldbFactory {
 public:
  explicit Story(uint64_t seed);
  ~Story() override;

  // The spec as a user writes it; defaults as in the CRD.
  void Apply(const std::string& version);
  Json& spec() { return spec_; }

  // Reconciles as the process would until the resource is ready with that version; false when
  // `limit` of virtual time passes first.
  bool RunUntilReady(const std::string& version, absl::Duration limit);
  // One reconcile, then as much time as it asks for.
  void Step();
  // Reconciles until it holds.
  bool RunUntilTrue(const std::function<bool()>& condition, absl::Duration limit);
  // The operator's process is gone; the next one starts with nothing but what is stored.
  void KillOperator();

  void CreateTables(const std::vector<TableShape>& shapes);
  void StartWriting(absl::Duration interval = absl::Milliseconds(20));
  // Stops, lets replication come to rest and looks for every acknowledged row on its leader; the
  // rows not found.
  std::vector<std::string> StopWritingAndFindLost();

  ClusterStatus status();
  Condition condition(const std::string& type);
  bool HasEvent(const std::string& reason) const;
  // Pods of the component that were ever made, with the time when they were, in that order.
  Database database();

  simulator::World& world() { return world_; }
  Node& node() { return node_; }
  MemoryKubernetes& kubernetes() { return kubernetes_; }
  WorldOpenMldb& openmldb() { return *openmldb_; }
  WorldWriter& writer() { return writer_; }
  const std::vector<Note>& events() const { return events_; }

  // --- EventSink, OpenMldbFactory
  void Emit(const Cluster& cluster, const Note& note) override;
  std::shared_ptr<OpenMldb> Connect(const std::string& zookeeper,
                                    const std::string& root_path) override;

 private:
  simulator::World world_;
  MemoryKubernetes kubernetes_;
  std::shared_ptr<WorldOpenMldb> openmldb_;
  WorldClock clock_;
  Node node_;
  WorldWriter writer_;
  Json spec_;
  std::unique_ptr<Reconciler> operator_;
  std::vector<Note> events_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_STORY_H_
