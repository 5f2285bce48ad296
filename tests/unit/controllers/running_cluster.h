#ifndef OMDB_TESTS_UNIT_CONTROLLERS_RUNNING_CLUSTER_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_RUNNING_CLUSTER_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"
#include "controllers/reconciler.h"
#include "tests/unit/controllers/fake_kubernetes.h"
#include "tests/unit/controllers/fake_leadership.h"
#include "tests/unit/controllers/fake_openmldb.h"

namespace omdb {

// A cluster c that runs version 0.9.1 in the fakes: a nameserver, two tablets, and a partition that
// c-tablet-0 leads. Its reconciler is about to look at it for the first time.
class RunningCluster : public testing::Test, public OpenMldbFactory, public EventSink {
 protected:
  RunningCluster() {
    openmldb->With(0, {"c-tablet-0", "c-tablet-1"});
    openmldb->nameservers = {"c-nameserver-0"};
    kubernetes.Put(
        types::OpenMLDBCluster(),
        {{"metadata", {{"name", "c"}, {"namespace", "ns"}, {"uid", "u"}, {"generation", 1}}},
         {"spec",
          {{"version", "0.9.1"},
           {"zookeeper", {{"servers", "zk:2181"}}},
           {"nameserver", {{"replicas", 1}}},
           {"tablet", {{"replicas", 2}}},
           {"taskManager", {{"replicas", 0}}},
           {"apiServer", {{"replicas", 0}}}}},
         {"status", {{"version", "0.9.1"}}}});
    const Cluster cluster = *ParseCluster(Resource());
    for (Component component : {Component::kNameserver, Component::kTablet}) {
      for (const DesiredObject& desired : SupportingObjects(cluster, component, false))
        kubernetes.Put(desired.type, desired.object);
      const Json workload = DesiredWorkload(cluster, component, "0.9.1").object;
      kubernetes.Put(types::StatefulSet(), workload);
      for (int i = 0; i < cluster.spec.Of(component).replicas; ++i) PutPod(workload, component, i);
    }
  }

  std::shared_ptr<OpenMldb> Connect(const std::string&, const std::string&) override {
    ++connections;
    return openmldb;
  }
  void Emit(const Cluster&, const Note& note) override { events.push_back(note.reason); }

  absl::StatusOr<absl::Duration> Reconcile() { return reconciler.Reconcile(kKey); }
  Json& Resource() { return kubernetes.At(types::OpenMLDBCluster(), kKey); }
  // The status of one of the resource's conditions, and its reason: "False TabletDown".
  std::string Condition(const std::string& type) {
    for (const Json& condition : Resource().at("status").at("conditions")) {
      if (condition.at("type") == type)
        return absl::StrCat(condition.at("status").get<std::string>(), " ",
                            condition.at("reason").get<std::string>());
    }
    return "";
  }
  // What the nameservers are started with: a rollout begins.
  void ChangeConfiguration() { Resource()["spec"]["nameserver"]["flags"] = {{"name", "value"}}; }
  void PutLedger(const std::string& content) {
    DesiredObject desired = LedgerObject(*ParseCluster(Resource()), content);
    kubernetes.Put(desired.type, desired.object);
  }
  void PutLedger(const Ledger& ledger) { PutLedger(ToJson(ledger).dump()); }
  Ledger StoredLedger() {
    const Json& object = kubernetes.At(types::ConfigMap(), kLedger);
    return *LedgerFromJson(Json::parse(LedgerContent(object)));
  }
  // c-tablet-0 is in hand, and its leader is about to be handed over.
  static Ledger HandingOver() {
    Ledger ledger;
    ledger.wanted_auto_failover = false;
    ledger.rollout.emplace().to_version = "0.9.1";
    ledger.tablet.emplace();
    ledger.tablet->name = "c-tablet-0";
    ledger.tablet->pod_uid = "u-c-tablet-0";
    ledger.tablet->step = TabletStep::kHandOverLeaders;
    ledger.tablet->partitions = {{FakeOpenMldb::Id(0), true, "c-tablet-1"}};
    return ledger;
  }

  const ObjectKey kKey{"ns", "c"};
  const ObjectKey kLedger{"ns", "c-rollout"};
  FakeClock clock;
  FakeKubernetes kubernetes;
  std::shared_ptr<FakeOpenMldb> openmldb = std::make_shared<FakeOpenMldb>(clock);
  int connections = 0;
  std::vector<std::string> events;
  FakeLeadership leadership;
  Reconciler reconciler{kubernetes, *this, clock, *this, leadership};

 private:
  void PutPod(const Json& workload, Component component, int i) {
    const Json& metadata = workload.at("spec").at("template").at("metadata");
    const std::string name = absl::StrCat("c-", ToString(component), "-", i);
    const std::string ip = absl::StrCat("10.0.", static_cast<int>(component), ".", i);
    kubernetes.Put(
        types::Pod(),
        {{"metadata",
          {{"name", name},
           {"namespace", "ns"},
           {"uid", "u-" + name},
           {"labels", workload.at("metadata").at("labels")},
           {"annotations", metadata.at("annotations")}}},
         {"status", {{"podIP", ip}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    openmldb->versions[absl::StrCat(ip, ":", PortOf(component))] = "0.9.1";
  }
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_RUNNING_CLUSTER_H_
