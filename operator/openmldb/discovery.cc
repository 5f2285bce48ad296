#include "operator/openmldb/discovery.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace omdb {
namespace {

// Registers under /nodes like a tablet but is none (F2).
constexpr char kNearlinePrefix[] = "NLTABLET_";

// How long a read of an address may take when an older one is at hand.
constexpr absl::Duration kRefreshWait = absl::Milliseconds(200);

std::string WithoutSlash(std::string path) {
  while (absl::EndsWith(path, "/")) path.pop_back();
  return path;
}

// A node that is not there yet has no children.
absl::StatusOr<std::vector<std::string>> OrNone(absl::StatusOr<std::vector<std::string>> children) {
  if (absl::IsNotFound(children.status())) return std::vector<std::string>();
  return children;
}

}  // namespace

Discovery::Discovery(std::unique_ptr<NodeReader> zookeeper, std::string root_path,
                     const OpenMldbOptions& options)
    : root_(WithoutSlash(std::move(root_path))),
      options_(options),
      zookeeper_(std::move(zookeeper)) {}

absl::StatusOr<std::vector<std::string>> Discovery::LockHolders(bool synced) {
  const std::string path = absl::StrCat(root_, "/leader");
  if (synced) zookeeper_->Sync(path);
  absl::StatusOr<std::vector<std::string>> children =
      OrNone(zookeeper_->Children(path, options_.zookeeper_wait));
  if (!children.ok()) return children.status();
  std::sort(children->begin(), children->end());  // by sequence number: same prefix, 10 digits

  std::map<std::string, std::string> known;
  {
    absl::MutexLock lock(&mutex_);
    known.swap(locks_);
  }
  std::map<std::string, std::string> current;
  std::vector<std::string> holders;
  for (const std::string& child : *children) {
    auto found = known.find(child);
    if (found == known.end()) {
      absl::StatusOr<std::string> value =
          zookeeper_->Get(absl::StrCat(path, "/", child), options_.zookeeper_wait);
      if (absl::IsNotFound(value.status())) continue;  // its session ended just now
      if (!value.ok()) return value.status();
      found = known.emplace(child, *std::move(value)).first;
    }
    current.insert(*found);
    // A nameserver that was restarted waits behind its own old node (M6): listed once, at the
    // first.
    if (std::find(holders.begin(), holders.end(), found->second) == holders.end()) {
      holders.push_back(found->second);
    }
  }
  absl::MutexLock lock(&mutex_);
  locks_ = std::move(current);
  return holders;
}

absl::StatusOr<std::vector<std::string>> Discovery::Nameservers() {
  return LockHolders(/*synced=*/false);
}

absl::StatusOr<std::string> Discovery::LeadingNameserver(bool synced) {
  absl::StatusOr<std::vector<std::string>> holders = LockHolders(synced);
  if (!holders.ok()) return holders.status();
  if (holders->empty()) {
    return absl::UnavailableError(absl::StrCat("no nameserver is registered under ", root_,
                                               "/leader in ZooKeeper ", zookeeper_->servers(),
                                               "; check that one runs and uses this root path"));
  }
  return holders->front();
}

absl::StatusOr<std::vector<std::string>> Discovery::RegisteredTablets() {
  absl::StatusOr<std::vector<std::string>> tablets =
      OrNone(zookeeper_->Children(absl::StrCat(root_, "/nodes"), options_.zookeeper_wait));
  if (!tablets.ok()) return tablets;
  std::erase_if(*tablets,
                [](const std::string& name) { return absl::StartsWith(name, kNearlinePrefix); });
  std::sort(tablets->begin(), tablets->end());
  return tablets;
}

absl::StatusOr<std::string> Discovery::ActiveTaskManager() {
  absl::StatusOr<std::string> value =
      zookeeper_->Get(absl::StrCat(root_, "/taskmanager/leader"), options_.zookeeper_wait);
  if (absl::IsNotFound(value.status())) return std::string();
  return value;
}

absl::StatusOr<std::vector<std::string>> Discovery::StoredTables() {
  const std::string path = absl::StrCat(root_, "/table/db_table_data");
  absl::StatusOr<std::vector<std::string>> tids =
      OrNone(zookeeper_->Children(path, options_.zookeeper_wait));
  if (!tids.ok()) return tids;
  std::vector<std::string> tables;
  for (const std::string& tid : *tids) {
    absl::StatusOr<std::string> value =
        zookeeper_->Get(absl::StrCat(path, "/", tid), options_.zookeeper_wait);
    if (absl::IsNotFound(value.status())) continue;  // dropped just now
    if (!value.ok()) return value.status();
    tables.push_back(*std::move(value));
  }
  return tables;
}

absl::StatusOr<std::string> Discovery::AddressOf(const std::string& endpoint) {
  std::optional<Address> last;
  {
    absl::MutexLock lock(&mutex_);
    if (auto found = addresses_.find(endpoint); found != addresses_.end()) last = found->second;
  }
  const absl::Time now = absl::Now();
  if (last && last->read_at <= now && now - last->read_at < options_.address_ttl) {
    return last->value;
  }
  const absl::Duration wait =
      last ? std::min(kRefreshWait, options_.zookeeper_wait) : options_.zookeeper_wait;
  absl::StatusOr<std::string> address =
      zookeeper_->Get(absl::StrCat(root_, "/map/names/", endpoint), wait);
  if (absl::IsNotFound(address.status())) address = endpoint;
  if (!address.ok()) {
    if (!last) return address.status();
    address = last->value;
  }
  absl::MutexLock lock(&mutex_);
  addresses_[endpoint] = {*address, absl::Now()};
  return address;
}

void Discovery::Forget(const std::string& endpoint) {
  absl::MutexLock lock(&mutex_);
  // Kept as the last known address, but due to be read again.
  if (auto found = addresses_.find(endpoint); found != addresses_.end()) {
    found->second.read_at = absl::InfinitePast();
  }
}

}  // namespace omdb
