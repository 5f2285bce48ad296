#include "tests/explore/memory_kubernetes.h"

#include "absl/strings/str_cat.h"

namespace omdb::explore {
namespace {

constexpr absl::Duration kLate = absl::Seconds(1);

std::string NameOf(const Json& object) { return object.at("metadata").at("name"); }
std::string NamespaceOf(const Json& object) { return object.at("metadata").value("namespace", ""); }

bool HasLabels(const Json& object, const std::map<std::string, std::string>& labels) {
  const Json own = object.at("metadata").value("labels", Json::object());
  for (const auto& [key, value] : labels) {
    if (own.value(key, "") != value) return false;
  }
  return true;
}

}  // namespace

template <typename Act>
auto MemoryKubernetes::Call(const std::string& verb, const ResourceType& type,
                            const std::string& name, bool changes, const Act& act)
    -> decltype(act()) {
  return operator_calls_.Run(absl::StrCat(verb, " ", type.kind, " ", name), changes, [&] {
    world_.executor.RunFor(absl::Milliseconds(changes ? 5 : 3));
    return act();
  });
}

void MemoryKubernetes::Touch(const ResourceType& type, Json& object) {
  object["metadata"]["resourceVersion"] = absl::StrCat(++version_);
  if (changed_) changed_(type);
}

absl::StatusOr<Json> MemoryKubernetes::Get(const ResourceType& type, const ObjectKey& key) {
  return Found(Cached(), type, key);
}

void MemoryKubernetes::Freeze() {
  frozen_.emplace();
  for (const auto& [key, object] : objects_) frozen_->emplace(key, std::make_shared<Json>(*object));
}

absl::StatusOr<Json> MemoryKubernetes::Found(const Objects& objects, const ResourceType& type,
                                             const ObjectKey& key) {
  const auto found = objects.find(Key(type.kind, key.ns, key.name));
  if (found == objects.end())
    return absl::NotFoundError(absl::StrCat(type.kind, " ", key.name, " not found"));
  return *found->second;
}

absl::StatusOr<Json> MemoryKubernetes::GetFresh(const ResourceType& type, const ObjectKey& key) {
  return Call("get", type, key.name, false, [&] { return Found(objects_, type, key); });
}

absl::StatusOr<std::vector<SharedJson>> MemoryKubernetes::List(
    const ResourceType& type, const std::string& ns,
    const std::map<std::string, std::string>& labels) {
  std::vector<SharedJson> found;
  for (const auto& [key, object] : Cached()) {
    if (std::get<0>(key) == type.kind && std::get<1>(key) == ns && HasLabels(*object, labels))
      found.push_back(object);
  }
  return found;
}

absl::StatusOr<Json> MemoryKubernetes::ApplyLate(const Json& object) {
  late_.push_back(object);
  late_.back()["metadata"].erase("resourceVersion");
  world_.executor.Schedule(kLate, [this] {
    if (late_.empty()) return;
    Put(types::ConfigMap(), late_.back());
    late_.clear();
  });
  return late_.back();
}

absl::StatusOr<Json> MemoryKubernetes::Apply(const ResourceType& type, const Json& object) {
  return Call("apply", type, NameOf(object), true, [&]() -> absl::StatusOr<Json> {
    if (late_ledgers_ && type == types::ConfigMap()) return ApplyLate(object);
    Json* stored = Find(type, {NamespaceOf(object), NameOf(object)});
    if (stored == nullptr) return Put(type, object);
    const std::string expected = object.at("metadata").value("resourceVersion", "");
    if (!expected.empty() && expected != stored->at("metadata").at("resourceVersion")) {
      return absl::AbortedError(
          absl::StrCat(type.kind, " ", NameOf(object), " was changed meanwhile"));
    }
    Json merged = *stored;
    for (const auto& [field, value] : object.items()) {
      if (field == "metadata") {
        for (const auto& [name, part] : value.items()) {
          if (name != "resourceVersion") merged["metadata"][name] = part;
        }
      } else {
        merged[field] = value;
      }
    }
    if (merged == *stored) return merged;
    if (merged.value("spec", Json()) != stored->value("spec", Json())) {
      merged["metadata"]["generation"] = stored->at("metadata").value("generation", 1) + 1;
    }
    return Put(type, std::move(merged));
  });
}

absl::StatusOr<Json> MemoryKubernetes::ApplyStatus(const ResourceType& type, const Json& object) {
  return Call("apply status of", type, NameOf(object), true, [&]() -> absl::StatusOr<Json> {
    Json* stored = Find(type, {NamespaceOf(object), NameOf(object)});
    if (stored == nullptr)
      return absl::NotFoundError(absl::StrCat(type.kind, " ", NameOf(object), " not found"));
    (*stored)["status"] = object.at("status");
    Touch(type, *stored);
    return *stored;
  });
}

absl::Status MemoryKubernetes::Delete(const ResourceType& type, const ObjectKey& key,
                                      const std::string& uid) {
  return Call("delete", type, key.name, true, [&]() -> absl::Status {
    Json* stored = Find(type, key);
    if (stored == nullptr) return absl::OkStatus();
    if (!uid.empty() && stored->at("metadata").at("uid") != uid) {
      return absl::AbortedError(absl::StrCat(type.kind, " ", key.name, " is another one by now"));
    }
    if (type.kind != types::Pod().kind) {
      Remove(type, key);
      return absl::OkStatus();
    }
    Terminate(*stored);
    return absl::OkStatus();
  });
}

void MemoryKubernetes::Terminate(Json& pod) {
  if (pod.at("metadata").contains("deletionTimestamp")) return;
  pod["metadata"]["deletionTimestamp"] = absl::FormatTime(world_.executor.Now());
  Touch(types::Pod(), pod);
}

absl::StatusOr<Json> MemoryKubernetes::Create(const ResourceType& type, const Json& object) {
  return Call("create", type, NameOf(object), true, [&]() -> absl::StatusOr<Json> {
    if (Find(type, {NamespaceOf(object), NameOf(object)}) != nullptr) {
      return absl::AlreadyExistsError(absl::StrCat(type.kind, " ", NameOf(object), " exists"));
    }
    return Put(type, object);
  });
}

Json* MemoryKubernetes::Find(const ResourceType& type, const ObjectKey& key) {
  auto found = objects_.find(Key(type.kind, key.ns, key.name));
  return found == objects_.end() ? nullptr : found->second.get();
}

std::vector<Json*> MemoryKubernetes::All(const ResourceType& type) {
  std::vector<Json*> found;
  for (auto& [key, object] : objects_) {
    if (std::get<0>(key) == type.kind) found.push_back(object.get());
  }
  return found;
}

Json& MemoryKubernetes::Put(const ResourceType& type, Json object) {
  std::shared_ptr<Json>& stored = objects_[Key(type.kind, NamespaceOf(object), NameOf(object))];
  Json& metadata = object["metadata"];
  if (!metadata.contains("uid")) {
    metadata["uid"] = stored == nullptr ? absl::StrCat("uid-", version_ + 1)
                                        : stored->at("metadata").at("uid").get<std::string>();
    metadata["creationTimestamp"] =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", world_.executor.Now(), absl::UTCTimeZone());
    metadata["generation"] = 1;
  }
  // Who has read the old one keeps it.
  stored = std::make_shared<Json>(std::move(object));
  Touch(type, *stored);
  return *stored;
}

void MemoryKubernetes::Remove(const ResourceType& type, const ObjectKey& key) {
  if (objects_.erase(Key(type.kind, key.ns, key.name)) > 0 && changed_) changed_(type);
}

}  // namespace omdb::explore
