#ifndef OMDB_TESTS_UNIT_CONTROLLERS_FAKE_KUBERNETES_H_
#define OMDB_TESTS_UNIT_CONTROLLERS_FAKE_KUBERNETES_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/kubernetes.h"

namespace omdb {

// A store of objects with resource versions, their preconditions and the status subresource.
class FakeKubernetes : public Kubernetes {
 public:
  // Before each call, with what it is: "list Pod", "apply ConfigMap c-rollout", "delete Pod p",
  // "status OpenMLDBCluster c", "get ConfigMap c-rollout". An error is its answer, and nothing
  // happens.
  std::function<absl::Status(const std::string& call)> before;
  // The writes that were done, in the same words.
  std::vector<std::string> writes;

  // Stores `object` as a user or another controller would.
  void Put(const ResourceType& type, const Json& object) { Store({type, KeyOf(object)}, object); }
  void Remove(const ResourceType& type, const ObjectKey& key) { objects_.erase({type, key}); }
  bool Has(const ResourceType& type, const ObjectKey& key) const {
    return objects_.count({type, key}) > 0;
  }
  Json& At(const ResourceType& type, const ObjectKey& key) { return objects_.at({type, key}); }

  absl::StatusOr<Json> Get(const ResourceType& type, const ObjectKey& key) override {
    if (absl::Status status = Ask("get", type, key.name); !status.ok()) return status;
    const auto found = objects_.find({type, key});
    if (found == objects_.end()) return absl::NotFoundError(key.name);
    return found->second;
  }
  absl::StatusOr<Json> GetFresh(const ResourceType& type, const ObjectKey& key) override {
    return Get(type, key);
  }
  absl::StatusOr<std::vector<SharedJson>> List(
      const ResourceType& type, const std::string& ns,
      const std::map<std::string, std::string>& labels) override {
    if (before) {
      if (absl::Status status = before("list " + type.kind); !status.ok()) return status;
    }
    std::vector<SharedJson> found;
    for (const auto& [key, object] : objects_) {
      const Json own = object.at("metadata").value("labels", Json::object());
      bool matches = key.first == type && key.second.ns == ns;
      for (const auto& [label, value] : labels) matches = matches && own.value(label, "") == value;
      if (matches) found.push_back(std::make_shared<const Json>(object));
    }
    return found;
  }
  absl::StatusOr<Json> Apply(const ResourceType& type, const Json& object) override {
    const Key key{type, KeyOf(object)};
    if (absl::Status status = Ask("apply", type, key.second.name); !status.ok()) return status;
    const std::string expected = object.at("metadata").value("resourceVersion", "");
    const auto stored = objects_.find(key);
    if (!expected.empty() && (stored == objects_.end() ||
                              stored->second.at("metadata").at("resourceVersion") != expected)) {
      return absl::AbortedError(absl::StrCat(key.second.name, " was changed meanwhile"));
    }
    writes.push_back(absl::StrCat("apply ", type.kind, " ", key.second.name));
    return Store(key, object);
  }
  absl::StatusOr<Json> ApplyStatus(const ResourceType& type, const Json& object) override {
    const Key key{type, KeyOf(object)};
    if (absl::Status status = Ask("status", type, key.second.name); !status.ok()) return status;
    Json stored = objects_.at(key);
    stored["status"] = object.at("status");
    writes.push_back(absl::StrCat("status ", type.kind, " ", key.second.name));
    return Store(key, std::move(stored));
  }
  absl::Status Delete(const ResourceType& type, const ObjectKey& key,
                      const std::string& uid) override {
    if (absl::Status status = Ask("delete", type, key.name); !status.ok()) return status;
    const auto stored = objects_.find({type, key});
    if (stored == objects_.end()) return absl::OkStatus();
    if (!uid.empty() && stored->second.at("metadata").at("uid") != uid)
      return absl::AbortedError(absl::StrCat(key.name, " is another one by now"));
    writes.push_back(absl::StrCat("delete ", type.kind, " ", key.name));
    objects_.erase(stored);
    return absl::OkStatus();
  }
  absl::StatusOr<Json> Create(const ResourceType& type, const Json& object) override {
    return Apply(type, object);
  }

 private:
  using Key = std::pair<ResourceType, ObjectKey>;

  static ObjectKey KeyOf(const Json& object) {
    return {object.at("metadata").at("namespace"), object.at("metadata").at("name")};
  }
  absl::Status Ask(const std::string& verb, const ResourceType& type, const std::string& name) {
    return before ? before(absl::StrCat(verb, " ", type.kind, " ", name)) : absl::OkStatus();
  }
  Json Store(const Key& key, Json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[key] = object;
    return object;
  }

  int version_ = 0;
  std::map<Key, Json> objects_;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_CONTROLLERS_FAKE_KUBERNETES_H_
