#ifndef OMDB_TESTS_UNIT_KUBE_FAKE_KUBERNETES_H_
#define OMDB_TESTS_UNIT_KUBE_FAKE_KUBERNETES_H_

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "controllers/kubernetes.h"

namespace omdb::kube {

// A store with resource versions and their preconditions, which may be told to fail. Thread-safe.
class FakeKubernetes : public Kubernetes {
 public:
  // Before each call, with its name; an error is the call's.
  std::function<absl::Status(const std::string& call)> before;

  absl::StatusOr<Json> Get(const ResourceType& type, const ObjectKey& key) override {
    return GetFresh(type, key);
  }
  absl::StatusOr<std::vector<SharedJson>> List(const ResourceType& type, const std::string& ns,
                                               const std::map<std::string, std::string>&) override {
    std::lock_guard lock(mutex_);
    std::vector<SharedJson> objects;
    for (const auto& [key, object] : objects_) {
      if (key.first == type && key.second.ns == ns)
        objects.push_back(std::make_shared<const Json>(object));
    }
    return objects;
  }
  absl::StatusOr<Json> GetFresh(const ResourceType& type, const ObjectKey& key) override {
    if (absl::Status status = Before("get"); !status.ok()) return status;
    std::lock_guard lock(mutex_);
    const auto it = objects_.find({type, key});
    if (it == objects_.end()) return absl::NotFoundError(key.name);
    return it->second;
  }
  absl::StatusOr<Json> Apply(const ResourceType& type, const Json& object) override {
    if (absl::Status status = Before("apply"); !status.ok()) return status;
    std::lock_guard lock(mutex_);
    const std::pair key{type, KeyOf(object)};
    const std::string precondition = object["metadata"].value("resourceVersion", "");
    const auto it = objects_.find(key);
    if (!precondition.empty() &&
        (it == objects_.end() || it->second["metadata"]["resourceVersion"] != precondition)) {
      return absl::AbortedError("409");
    }
    return Store(key, object);
  }
  absl::StatusOr<Json> ApplyStatus(const ResourceType& type, const Json& object) override {
    return Apply(type, object);
  }
  absl::Status Delete(const ResourceType& type, const ObjectKey& key, const std::string&) override {
    std::lock_guard lock(mutex_);
    objects_.erase({type, key});
    return absl::OkStatus();
  }
  absl::StatusOr<Json> Create(const ResourceType& type, const Json& object) override {
    if (absl::Status status = Before("create"); !status.ok()) return status;
    std::lock_guard lock(mutex_);
    const std::pair key{type, KeyOf(object)};
    if (objects_.contains(key)) return absl::AlreadyExistsError("409");
    return Store(key, object);
  }

 private:
  using Key = std::pair<ResourceType, ObjectKey>;

  static ObjectKey KeyOf(const Json& object) {
    return {object["metadata"]["namespace"], object["metadata"]["name"]};
  }
  absl::Status Before(const std::string& call) { return before ? before(call) : absl::OkStatus(); }
  Json Store(const Key& key, Json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[key] = object;
    return object;
  }

  std::mutex mutex_;
  int version_ = 0;
  std::map<Key, Json> objects_;
};

}  // namespace omdb::kube

#endif  // OMDB_TESTS_UNIT_KUBE_FAKE_KUBERNETES_H_
