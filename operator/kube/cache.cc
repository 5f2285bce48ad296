#include "operator/kube/cache.h"

#include <chrono>
#include <utility>

#include "operator/kube/resource_version.h"

namespace omdb::kube {
namespace {

constexpr size_t kMaxBurials = 1024;
// How often a waiting WaitForSync looks for the end of everything.
constexpr absl::Duration kLookForStop = absl::Milliseconds(100);

std::string Metadata(const Json& object, const char* field) {
  const auto metadata = object.find("metadata");
  return metadata == object.end() ? "" : metadata->value(field, "");
}

ObjectKey KeyOf(const Json& object) {
  return {Metadata(object, "namespace"), Metadata(object, "name")};
}

bool HasLabels(const Json& object, const std::map<std::string, std::string>& labels) {
  return WatchScope{.labels = labels}.Contains(object);
}

}  // namespace

Cache::Cache(WatchScope scope, ChangeCallback on_change)
    : scope_(std::move(scope)), on_change_(std::move(on_change)) {}

SharedJson Cache::Find(const ObjectKey& key) const {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : it->second.object;
}

std::vector<SharedJson> Cache::List(const std::string& ns,
                                    const std::map<std::string, std::string>& labels) const {
  std::vector<SharedJson> objects;
  std::lock_guard lock(mutex_);
  for (auto it = entries_.lower_bound({ns, ""}); it != entries_.end(); ++it) {
    if (!ns.empty() && it->first.ns != ns) break;
    if (HasLabels(*it->second.object, labels)) objects.push_back(it->second.object);
  }
  return objects;
}

bool Cache::synced() const {
  std::lock_guard lock(mutex_);
  return synced_;
}

bool Cache::WaitForSync(absl::Duration timeout, StopSignal& stop) const {
  const absl::Time deadline = absl::Now() + timeout;
  std::unique_lock lock(mutex_);
  while (!synced_) {
    const absl::Duration left = std::min(deadline - absl::Now(), kLookForStop);
    if (left <= absl::ZeroDuration() || stop.stopped()) return false;
    synced_changed_.wait_for(lock, absl::ToChronoNanoseconds(left));
  }
  return true;
}

void Cache::Written(const Json& object) {
  std::vector<Change> changes;
  {
    std::lock_guard lock(mutex_);
    Entry entry = MakeEntry(object, ++writes_);
    const ObjectKey key = KeyOf(object);
    const auto it = entries_.find(key);
    if (IsBuried(entry)) return;
    if (it != entries_.end() && !IsLater(entry.resource_version, it->second.resource_version)) {
      return;
    }
    if (scope_.Contains(object)) {
      Set(key, std::move(entry), &changes);
    } else if (it != entries_.end()) {
      Remove(key, /*written_here=*/true, &changes);  // it lost a label of the scope
    }
  }
  Report(changes);
}

void Cache::Deleted(const ObjectKey& key, const std::string& uid) {
  if (uid.empty()) return;
  std::vector<Change> changes;
  {
    std::lock_guard lock(mutex_);
    Bury(uid, "");
    const auto it = entries_.find(key);
    if (it != entries_.end() && it->second.uid == uid) {
      Remove(key, /*written_here=*/true, &changes);
    }
  }
  Report(changes);
}

void Cache::ListBegins() {
  std::lock_guard lock(mutex_);
  writes_before_list_ = writes_;
}

void Cache::List(std::vector<Json> objects) {
  std::vector<Change> changes;
  {
    std::lock_guard lock(mutex_);
    std::map<ObjectKey, Entry> listed;
    for (Json& object : objects) {
      ObjectKey key = KeyOf(object);
      Entry entry = MakeEntry(std::move(object), 0);
      const auto grave = buried_.find(entry.uid);
      if (grave != buried_.end() && grave->second.write > writes_before_list_) continue;
      if (grave != buried_.end()) {
        buried_.erase(grave);
        std::erase(burials_, entry.uid);
      }
      listed.emplace(std::move(key), std::move(entry));
    }
    std::vector<ObjectKey> gone;
    for (const auto& [key, entry] : entries_) {
      // A list tells the truth of a time after it was asked for, except about what was written
      // since; whatever its versions are, even of an etcd restored from a backup.
      const bool newer_than_list = entry.write > writes_before_list_;
      const auto it = listed.find(key);
      if (it == listed.end()) {
        if (!newer_than_list) gone.push_back(key);
      } else if (newer_than_list && !IsLater(it->second.resource_version, entry.resource_version)) {
        listed.erase(it);
      }
    }
    for (const ObjectKey& key : gone) Remove(key, /*written_here=*/false, &changes);
    for (auto& [key, entry] : listed) {
      const auto it = entries_.find(key);
      if (it != entries_.end() && it->second.resource_version == entry.resource_version) continue;
      Set(key, std::move(entry), &changes);
    }
  }
  Report(changes);
  // Only now, so that whoever waited has been told of every object.
  std::lock_guard lock(mutex_);
  synced_ = true;
  synced_changed_.notify_all();
}

void Cache::Event(EventType type, Json object) {
  std::vector<Change> changes;
  {
    std::lock_guard lock(mutex_);
    const ObjectKey key = KeyOf(object);
    Entry entry = MakeEntry(std::move(object), 0);
    const auto it = entries_.find(key);
    const bool known = it != entries_.end();
    if (type == EventType::kDeleted) {
      Bury(entry.uid, entry.resource_version);
      if (known && it->second.uid == entry.uid) {
        Remove(key, /*written_here=*/false, &changes);
      }
    } else if (!IsBuried(entry) &&
               (!known || IsLater(entry.resource_version, it->second.resource_version))) {
      Set(key, std::move(entry), &changes);
    }
  }
  Report(changes);
}

Cache::Entry Cache::MakeEntry(Json object, uint64_t write) {
  // A third of many objects, and nothing that a controller reads.
  if (object.contains("metadata")) object["metadata"].erase("managedFields");
  Entry entry;
  entry.resource_version = Metadata(object, "resourceVersion");
  entry.uid = Metadata(object, "uid");
  entry.object = std::make_shared<const Json>(std::move(object));
  entry.write = write;
  return entry;
}

void Cache::Set(const ObjectKey& key, Entry entry, std::vector<Change>* changes) {
  Entry& place = entries_[key];
  changes->push_back({scope_.type, key, place.object, entry.object, entry.write > 0});
  place = std::move(entry);
}

void Cache::Remove(const ObjectKey& key, bool written_here, std::vector<Change>* changes) {
  const auto it = entries_.find(key);
  changes->push_back({scope_.type, key, it->second.object, nullptr, written_here});
  entries_.erase(it);
}

bool Cache::IsBuried(const Entry& entry) const {
  const auto grave = buried_.find(entry.uid);
  return grave != buried_.end() &&
         (grave->second.resource_version.empty() ||
          !IsLater(entry.resource_version, grave->second.resource_version));
}

void Cache::Bury(const std::string& uid, const std::string& resource_version) {
  if (!buried_.insert_or_assign(uid, Grave{resource_version, ++writes_}).second) return;
  burials_.push_back(uid);
  if (burials_.size() <= kMaxBurials) return;
  buried_.erase(burials_.front());
  burials_.pop_front();
}

void Cache::Report(const std::vector<Change>& changes) const {
  if (!on_change_) return;
  for (const Change& change : changes) on_change_(change);
}

}  // namespace omdb::kube
