#ifndef OMDB_TESTS_EXPLORE_MEMORY_KUBERNETES_H_
#define OMDB_TESTS_EXPLORE_MEMORY_KUBERNETES_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "controllers/kubernetes.h"
#include "tests/explore/operator_calls.h"
#include "tests/simulator/world/process.h"

namespace omdb::explore {

// A Kubernetes API in memory: uids, resource versions, generations, preconditions, the status
// subresource, deletion of pods in two steps. Each call takes a few milliseconds of the world's
// time.
class MemoryKubernetes : public Kubernetes {
 public:
  MemoryKubernetes(simulator::World& world, OperatorCalls& operator_calls)
      : world_(world), operator_calls_(operator_calls) {}

  // --- omdb::Kubernetes, as the operator sees it.
  absl::StatusOr<Json> Get(const ResourceType& type, const ObjectKey& key) override;
  absl::StatusOr<std::vector<SharedJson>> List(
      const ResourceType& type, const std::string& ns,
      const std::map<std::string, std::string>& labels) override;
  absl::StatusOr<Json> GetFresh(const ResourceType& type, const ObjectKey& key) override;
  absl::StatusOr<Json> Apply(const ResourceType& type, const Json& object) override;
  absl::StatusOr<Json> ApplyStatus(const ResourceType& type, const Json& object) override;
  absl::Status Delete(const ResourceType& type, const ObjectKey& key,
                      const std::string& uid) override;
  absl::StatusOr<Json> Create(const ResourceType& type, const Json& object) override;

  // --- For the controllers and users of the world: at once, and without failing.
  Json* Find(const ResourceType& type, const ObjectKey& key);
  std::vector<Json*> All(const ResourceType& type);
  // Stores `object`, a new one or over the old; gives it uid, creation time and resource version.
  Json& Put(const ResourceType& type, Json object);
  void Remove(const ResourceType& type, const ObjectKey& key);
  // The first step of a deletion, as Delete takes it; the node takes the second.
  void Terminate(Json& pod);

  // Ledgers are stored only some time after the answer (Safeguard::kLedgerFirst is off), and never
  // when the operator is killed before that.
  void WriteLedgersLate() { late_ledgers_ = true; }
  void ForgetLateLedgers() { late_.clear(); }

  // From now on Get and List, which the operator's cache answers, answer with what is stored now;
  // until `Thaw`.
  void Freeze();
  void Thaw() { frozen_.reset(); }

  // Called after each change with the kind that changed.
  void OnChange(std::function<void(const ResourceType&)> changed) { changed_ = std::move(changed); }

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // kind, namespace, name
  using Objects = std::map<Key, std::shared_ptr<Json>>;

  // One call of the operator to the API server.
  template <typename Act>
  auto Call(const std::string& verb, const ResourceType& type, const std::string& name,
            bool changes, const Act& act) -> decltype(act());
  const Objects& Cached() const { return frozen_ ? *frozen_ : objects_; }
  static absl::StatusOr<Json> Found(const Objects& objects, const ResourceType& type,
                                    const ObjectKey& key);
  absl::StatusOr<Json> ApplyLate(const Json& object);
  void Touch(const ResourceType& type, Json& object);

  simulator::World& world_;
  OperatorCalls& operator_calls_;
  Objects objects_;
  std::optional<Objects> frozen_;
  uint64_t version_ = 0;
  bool late_ledgers_ = false;
  std::vector<Json> late_;
  std::function<void(const ResourceType&)> changed_;
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_MEMORY_KUBERNETES_H_
