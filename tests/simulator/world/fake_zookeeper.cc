#include "tests/simulator/world/fake_zookeeper.h"

#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace omdb::simulator {
namespace {

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

class FakeZooKeeper::Client : public Coordination {
 public:
  Client(FakeZooKeeper& ensemble, std::string name, ProcessExecutor& executor)
      : ensemble_(ensemble),
        ensemble_alive_(ensemble.alive_),
        name_(std::move(name)),
        executor_(executor) {
    ensemble_.clients_.push_back(this);
  }
  ~Client() override {
    *alive_ = false;
    if (!*ensemble_alive_) return;
    std::erase(ensemble_.clients_, this);
    auto session = ensemble_.sessions_.find(session_);
    if (session == ensemble_.sessions_.end()) return;
    session->second.client = nullptr;
    ensemble_.StartSilence(session_);
  }

  absl::Status Connect() override {
    // Whether there will be another or not: it must not come back when nobody counts on it.
    Close();
    if (!Reachable()) return Lost();
    session_ = ensemble_.NewSession(this);
    told_lost_ = false;
    return absl::OkStatus();
  }
  void Close() override {
    uint64_t closed = std::exchange(session_, 0);
    undelivered_.clear();
    if (!ensemble_.sessions_.contains(closed)) return;
    ensemble_.sessions_[closed].client = nullptr;
    // Unreachable, the ensemble does not hear of it, and the session ages.
    if (Reachable()) {
      ensemble_.EndSession(closed);
    } else {
      ensemble_.StartSilence(closed);
    }
  }
  bool Connected() override { return Reachable() && session_ != 0 && !told_lost_; }
  void OnSessionLost(std::function<void()> callback) override { lost_ = std::move(callback); }

  absl::StatusOr<std::string> Create(const std::string& path, const std::string& value,
                                     NodeMode mode) override {
    if (!Served()) return Lost();
    return ensemble_.CreateNode(path, value, mode, session_);
  }
  absl::StatusOr<std::string> Get(const std::string& path) override {
    if (!Served()) return Lost();
    auto found = ensemble_.nodes_.find(path);
    if (found == ensemble_.nodes_.end()) return Missing(path);
    return found->second.value;
  }
  absl::Status Set(const std::string& path, const std::string& value) override {
    if (!Served()) return Lost();
    auto found = ensemble_.nodes_.find(path);
    if (found == ensemble_.nodes_.end()) return Missing(path);
    found->second.value = value;
    ensemble_.Fire(ensemble_.value_watches_, path);
    return absl::OkStatus();
  }
  absl::Status Delete(const std::string& path) override {
    if (!Served()) return Lost();
    if (!ensemble_.nodes_.contains(path)) return Missing(path);
    if (!ensemble_.Children(path).empty()) {
      return absl::FailedPreconditionError(absl::StrCat(path, " has children"));
    }
    ensemble_.RemoveNode(path);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> Exists(const std::string& path) override {
    if (!Served()) return Lost();
    return ensemble_.nodes_.contains(path);
  }
  absl::StatusOr<std::vector<std::string>> Children(const std::string& path) override {
    if (!Served()) return Lost();
    return ensemble_.Children(path);
  }
  absl::Status WatchChildren(const std::string& path, std::function<void()> changed) override {
    return AddWatch(ensemble_.child_watches_, path, std::move(changed));
  }
  absl::Status WatchValue(const std::string& path, std::function<void()> changed) override {
    return AddWatch(ensemble_.value_watches_, path, std::move(changed));
  }

  const std::string& name() const { return name_; }
  uint64_t session() const { return session_; }

  // Runs on the process's executor, when it is there.
  void Deliver(std::function<void()> event) {
    if (!Reachable()) {
      undelivered_.push_back(std::move(event));
      return;
    }
    absl::Duration delay =
        absl::Microseconds(std::uniform_int_distribution<int>(300, 2500)(executor_.random()));
    executor_.Schedule(delay, [this, alive = alive_, session = session_, event = std::move(event)] {
      if (*alive && session == session_) event();
    });
  }
  void Reconnected() {
    for (auto& event : std::exchange(undelivered_, {})) Deliver(std::move(event));
  }
  // A process that hung gets to know by an answer of the ensemble: what was due in it meanwhile
  // comes first (M6).
  void SessionLost() {
    Deliver([this] {
      executor_.Schedule(absl::Milliseconds(2), [this, alive = alive_, session = session_] {
        if (!*alive || session != session_) return;
        told_lost_ = true;
        if (lost_) lost_();
      });
    });
  }

 private:
  bool Reachable() const { return ensemble_.Reachable(name_); }
  bool Served() const { return Reachable() && ensemble_.sessions_.contains(session_); }
  static absl::Status Lost() { return absl::UnavailableError("no ZooKeeper session"); }
  static absl::Status Missing(const std::string& path) {
    return absl::NotFoundError(absl::StrCat("no node ", path));
  }
  absl::Status AddWatch(Watches& watches, const std::string& path, std::function<void()> changed) {
    if (!Served()) return Lost();
    watches.emplace(path, Watch{session_, std::move(changed)});
    return absl::OkStatus();
  }

  FakeZooKeeper& ensemble_;
  std::shared_ptr<bool> ensemble_alive_;
  std::string name_;
  ProcessExecutor& executor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  uint64_t session_ = 0;
  bool told_lost_ = false;  // that it is gone
  std::function<void()> lost_;
  std::vector<std::function<void()>> undelivered_;
};

FakeZooKeeper::~FakeZooKeeper() { *alive_ = false; }

std::unique_ptr<Coordination> FakeZooKeeper::NewClient(std::string name,
                                                       ProcessExecutor& executor) {
  return std::make_unique<Client>(*this, std::move(name), executor);
}

void FakeZooKeeper::SetReachable(const std::string& name, bool reachable) {
  if (reachable) {
    unreachable_.erase(name);
  } else {
    unreachable_.insert(name);
  }
  for (Client* client : clients_) {
    if (client->name() != name || !up_) continue;
    if (reachable) {
      Reconnected(*client);
    } else {
      StartSilence(client->session());
    }
  }
}

void FakeZooKeeper::SetUp(bool up) {
  if (up_ == up) return;
  up_ = up;
  for (auto& [id, session] : sessions_) {
    EndSilence(id);
    if (up) StartSilence(id);
  }
  if (!up) return;
  for (Client* client : clients_) {
    if (Reachable(client->name())) Reconnected(*client);
  }
}

void FakeZooKeeper::ExpireSession(const std::string& name) {
  for (Client* client : clients_) {
    if (client->name() == name) EndSession(client->session());
  }
}

std::string FakeZooKeeper::Value(const std::string& path) const {
  auto found = nodes_.find(path);
  return found == nodes_.end() ? "" : found->second.value;
}

std::vector<std::string> FakeZooKeeper::Children(const std::string& path) const {
  std::vector<std::string> names;
  std::string prefix = absl::StrCat(path, "/");
  for (auto at = nodes_.lower_bound(prefix);
       at != nodes_.end() && absl::StartsWith(at->first, prefix); ++at) {
    if (at->first.find('/', prefix.size()) == std::string::npos) {
      names.push_back(at->first.substr(prefix.size()));
    }
  }
  return names;
}

uint64_t FakeZooKeeper::NewSession(Client* client) {
  sessions_[++last_session_] = Session{client};
  return last_session_;
}

void FakeZooKeeper::StartSilence(uint64_t session) {
  auto found = sessions_.find(session);
  if (found == sessions_.end() || !up_ || found->second.silent) return;
  found->second.silent = true;
  uint64_t silence = ++found->second.silence;
  double share = std::uniform_real_distribution<double>(0.88, 1.1)(executor_.random());
  executor_.Schedule(session_timeout_ * share, [this, alive = alive_, session, silence] {
    if (!*alive) return;
    auto silent = sessions_.find(session);
    if (silent != sessions_.end() && silent->second.silence == silence) EndSession(session);
  });
}

void FakeZooKeeper::EndSilence(uint64_t session) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  found->second.silent = false;
  ++found->second.silence;
}

void FakeZooKeeper::Reconnected(Client& client) {
  EndSilence(client.session());
  client.Reconnected();
}

void FakeZooKeeper::EndSession(uint64_t session) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  Client* client = found->second.client;
  sessions_.erase(found);
  for (Watches* watches : {&child_watches_, &value_watches_}) {
    std::erase_if(*watches, [&](const auto& watch) { return watch.second.session == session; });
  }
  std::vector<std::string> gone;
  for (const auto& [path, node] : nodes_) {
    if (node.owner == session) gone.push_back(path);
  }
  for (const std::string& path : gone) RemoveNode(path);
  if (client != nullptr) client->SessionLost();
}

absl::StatusOr<std::string> FakeZooKeeper::CreateNode(const std::string& path,
                                                      const std::string& value, NodeMode mode,
                                                      uint64_t session) {
  std::string parent = ParentOf(path);
  if (!parent.empty() && !nodes_.contains(parent)) {
    auto made = CreateNode(parent, "", NodeMode::kPersistent, 0);
    if (!made.ok()) return made;
  }
  std::string full = path;
  if (mode == NodeMode::kEphemeralSequential) {
    absl::StrAppend(&full, absl::StrFormat("%010d", nodes_[parent].next_sequence++));
  }
  if (nodes_.contains(full)) return absl::AlreadyExistsError(absl::StrCat(full, " exists"));
  nodes_[full] = Node{value, mode == NodeMode::kPersistent ? 0 : session};
  Fire(child_watches_, parent);
  Fire(value_watches_, full);
  return full;
}

void FakeZooKeeper::RemoveNode(const std::string& path) {
  nodes_.erase(path);
  Fire(child_watches_, ParentOf(path));
  Fire(value_watches_, path);
}

void FakeZooKeeper::Fire(Watches& watches, const std::string& path) {
  auto [begin, end] = watches.equal_range(path);
  std::vector<Watch> fired;
  for (auto at = begin; at != end; ++at) fired.push_back(std::move(at->second));
  watches.erase(begin, end);
  for (Watch& watch : fired) {
    auto session = sessions_.find(watch.session);
    if (session != sessions_.end() && session->second.client != nullptr) {
      session->second.client->Deliver(std::move(watch.changed));
    }
  }
}

}  // namespace omdb::simulator
