#ifndef OMDB_TESTS_UNIT_OPENMLDB_FAKE_NODES_H_
#define OMDB_TESTS_UNIT_OPENMLDB_FAKE_NODES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "operator/openmldb/node_reader.h"

namespace omdb {

// The content of a ZooKeeper, by path.
class Nodes {
 public:
  void Set(const std::string& path, const std::string& value) {
    absl::MutexLock lock(&mutex_);
    values_[path] = value;
  }
  void Delete(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    values_.erase(path);
  }
  void SetAway(bool away) {
    absl::MutexLock lock(&mutex_);
    away_ = away;
  }
  int reads() const {
    absl::MutexLock lock(&mutex_);
    return reads_;
  }

  absl::StatusOr<std::string> Get(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    ++reads_;
    if (away_) return absl::UnavailableError("ZooKeeper is away");
    auto found = values_.find(path);
    if (found == values_.end()) return absl::NotFoundError(path);
    return found->second;
  }

  absl::StatusOr<std::vector<std::string>> Children(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    ++reads_;
    if (away_) return absl::UnavailableError("ZooKeeper is away");
    std::vector<std::string> children;
    // Backwards, since ZooKeeper promises no order.
    for (auto node = values_.rbegin(); node != values_.rend(); ++node) {
      absl::string_view name = node->first;
      if (absl::StartsWith(name, path + "/")) {
        children.emplace_back(name.substr(path.size() + 1));
      }
    }
    if (children.empty()) return absl::NotFoundError(path);
    return children;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, std::string> values_;
  bool away_ = false;
  int reads_ = 0;
};

// Reads Nodes, which outlive it.
class FakeNodeReader : public NodeReader {
 public:
  explicit FakeNodeReader(Nodes& nodes) : nodes_(nodes) {}

  absl::StatusOr<std::vector<std::string>> Children(const std::string& path,
                                                    absl::Duration) override {
    return nodes_.Children(path);
  }
  absl::StatusOr<std::string> Get(const std::string& path, absl::Duration) override {
    return nodes_.Get(path);
  }
  void Sync(const std::string&) override {}
  const std::string& servers() const override { return servers_; }

 private:
  Nodes& nodes_;
  const std::string servers_ = "zk-0:2181";
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_OPENMLDB_FAKE_NODES_H_
