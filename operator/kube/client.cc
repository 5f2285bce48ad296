#include "operator/kube/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace omdb::kube {
namespace {

std::string Describe(const std::string& verb, const ResourceType& type, const ObjectKey& key) {
  return absl::StrCat(verb, " ", type.plural, " ", key.ns, key.ns.empty() ? "" : "/", key.name);
}

// A watch does its own retries, with a back-off that knows no end.
RestOptions WithoutRetries(RestOptions options) {
  options.max_attempts = 1;
  return options;
}

absl::StatusOr<ObjectKey> KeyOf(const ResourceType& type, const Json& object) {
  const Json metadata = object.is_object() ? object.value("metadata", Json::object()) : Json();
  if (!metadata.is_object() || metadata.value("name", "").empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("write ", type.plural, ": the object has no metadata.name"));
  }
  return ObjectKey{metadata.value("namespace", ""), metadata.value("name", "")};
}

}  // namespace

ClientOptions LeaderElectionClientOptions() {
  ClientOptions options;
  options.rest.timeout = absl::Seconds(2);
  options.rest.max_attempts = 1;
  options.rest.longest_retry_after = absl::Seconds(1);
  return options;
}

Client::Client(std::shared_ptr<HttpTransport> transport, ClientOptions options)
    : options_(std::move(options)),
      rest_(transport, &stop_, options_.rest),
      watch_rest_(std::move(transport), &stop_, WithoutRetries(options_.rest)) {}

Client::~Client() { Stop(); }

void Client::OnChange(ChangeCallback callback) {
  std::lock_guard lock(mutex_);
  on_change_ = std::move(callback);
}

void Client::Watch(const ResourceType& type, const std::string& ns,
                   const std::map<std::string, std::string>& labels) {
  std::lock_guard lock(mutex_);
  if (stop_.stopped()) return;
  Watched watched;
  const WatchScope scope{type, ns, labels};
  watched.cache = std::make_unique<Cache>(scope, on_change_);
  watched.watcher =
      std::make_unique<Watcher>(&watch_rest_, scope, options_.watcher, watched.cache.get());
  watched.watcher->Start();
  watched_.push_back(std::move(watched));
}

absl::Status Client::WaitForSync(absl::Duration timeout) {
  std::vector<Cache*> caches;
  {
    std::lock_guard lock(mutex_);
    for (const Watched& watched : watched_) caches.push_back(watched.cache.get());
  }
  const absl::Time deadline = absl::Now() + timeout;
  std::vector<std::string> missing;
  for (const Cache* cache : caches) {
    if (!cache->WaitForSync(deadline - absl::Now(), stop_)) {
      missing.push_back(cache->scope().type.plural);
    }
  }
  if (stop_.stopped()) return absl::CancelledError("the operator is stopping");
  if (missing.empty()) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("no list of ", absl::StrJoin(missing, ", "),
                                                  " came within ", absl::FormatDuration(timeout),
                                                  "; the log of the watches has the reason"));
}

bool Client::Synced() const {
  std::lock_guard lock(mutex_);
  for (const Watched& watched : watched_) {
    if (!watched.cache->synced()) return false;
  }
  return true;
}

void Client::Stop() {
  stop_.Stop();
  std::vector<std::unique_ptr<Watcher>> watchers;
  {
    std::lock_guard lock(mutex_);
    for (Watched& watched : watched_) watchers.push_back(std::move(watched.watcher));
  }
  while (!watchers.empty()) watchers.pop_back();
}

Cache* Client::CacheFor(const ResourceType& type, const std::string& ns) const {
  std::lock_guard lock(mutex_);
  for (const Watched& watched : watched_) {
    const WatchScope& scope = watched.cache->scope();
    if (scope.type != type || !(scope.ns.empty() || scope.ns == ns)) continue;
    if (watched.cache->synced()) return watched.cache.get();
  }
  return nullptr;
}

absl::StatusOr<Json> Client::Get(const ResourceType& type, const ObjectKey& key) {
  const Cache* cache = CacheFor(type, key.ns);
  if (cache == nullptr) return GetFresh(type, key);
  if (const SharedJson object = cache->Find(key)) return *object;
  return absl::NotFoundError(Describe("get", type, key));
}

absl::StatusOr<std::vector<SharedJson>> Client::List(
    const ResourceType& type, const std::string& ns,
    const std::map<std::string, std::string>& labels) {
  const Cache* cache = CacheFor(type, ns);
  if (cache != nullptr) return cache->List(ns, labels);
  auto listed = rest_.ListAll(type, ns, labels);
  if (!listed.ok()) return listed.status();
  std::vector<SharedJson> objects;
  for (Json& object : *listed) objects.push_back(std::make_shared<const Json>(std::move(object)));
  return objects;
}

absl::StatusOr<Json> Client::GetFresh(const ResourceType& type, const ObjectKey& key) {
  return rest_.Do({Describe("get", type, key), "GET", ObjectPath(type, key)});
}

absl::StatusOr<Json> Client::Apply(const ResourceType& type, const Json& object) {
  return ApplyAt(type, object, "");
}

absl::StatusOr<Json> Client::ApplyStatus(const ResourceType& type, const Json& object) {
  return ApplyAt(type, object, "/status");
}

absl::StatusOr<Json> Client::ApplyAt(const ResourceType& type, const Json& object,
                                     const std::string& subresource) {
  const auto key = KeyOf(type, object);
  if (!key.ok()) return key.status();
  const std::string path = WithQuery(ObjectPath(type, *key) + subresource,
                                     {{"fieldManager", kFieldManager}, {"force", "true"}});
  // JSON is YAML.
  auto stored = rest_.Do({Describe("apply", type, *key) + subresource, "PATCH", path,
                          "application/apply-patch+yaml", Body(object)});
  if (stored.ok()) Written(type, *stored);
  return stored;
}

absl::Status Client::Delete(const ResourceType& type, const ObjectKey& key,
                            const std::string& uid) {
  Json options{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!uid.empty()) options["preconditions"] = {{"uid", uid}};
  // Without a UID a second try might hit the successor of the same name.
  const auto answer = rest_.Do({Describe("delete", type, key), "DELETE", ObjectPath(type, key),
                                "application/json", Body(options), /*repeatable=*/!uid.empty()});
  if (!answer.ok() && !absl::IsNotFound(answer.status())) return answer.status();

  std::string gone = uid;
  if (answer.ok() && answer->value("kind", "") != "Status") {
    Written(type, *answer);  // it is on its way, with a deletionTimestamp
    return absl::OkStatus();
  }
  if (answer.ok()) gone = answer->value("details", Json::object()).value("uid", gone);
  for (Cache* cache : CachesOf(type)) cache->Deleted(key, gone);
  return absl::OkStatus();
}

absl::StatusOr<Json> Client::Create(const ResourceType& type, const Json& object) {
  const auto key = KeyOf(type, object);
  if (!key.ok()) return key.status();
  const std::string path =
      WithQuery(CollectionPath(type, key->ns), {{"fieldManager", kFieldManager}});
  // Not repeated: the second try would find the first one's object and call it another's.
  auto stored = rest_.Do({Describe("create", type, *key), "POST", path, "application/json",
                          Body(object), /*repeatable=*/false});
  if (stored.ok()) Written(type, *stored);
  return stored;
}

std::vector<Cache*> Client::CachesOf(const ResourceType& type) const {
  std::vector<Cache*> caches;
  std::lock_guard lock(mutex_);
  for (const Watched& watched : watched_) {
    if (watched.cache->scope().type == type) caches.push_back(watched.cache.get());
  }
  return caches;
}

void Client::Written(const ResourceType& type, const Json& object) {
  for (Cache* cache : CachesOf(type)) cache->Written(object);
}

}  // namespace omdb::kube
