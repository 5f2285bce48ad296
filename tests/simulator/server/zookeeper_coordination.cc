#include "tests/simulator/server/zookeeper_coordination.h"

#define THREADED  // the synchronous calls of the C client
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/simulator/server/sockets.h"

namespace omdb::simulator {
namespace {

// Of one server of the ensemble; what brpc allows for a connection.
constexpr absl::Duration kReachTimeout = absl::Milliseconds(200);
constexpr absl::Duration kReconnectTimeout = absl::Seconds(1);

absl::Status StatusOf(int code, const std::string& what) {
  const std::string text = absl::StrCat(what, ": ", zerror(code));
  switch (code) {
    case ZOK:
      return absl::OkStatus();
    case ZNONODE:
      return absl::NotFoundError(text);
    case ZNODEEXISTS:
      return absl::AlreadyExistsError(text);
    default:
      return absl::UnavailableError(text);
  }
}

// What the client library's threads know of one session. Outlives the handle's callbacks.
struct Session {
  std::mutex mutex;
  std::condition_variable changed;
  bool connected = false;
  bool expired = false;
  std::function<void()> lost;
};

// A watch that fires once. Leaked with the process when it never does.
struct Watch {
  Executor& executor;
  std::shared_ptr<std::atomic<bool>> alive;
  std::function<void()> changed;
};

void OnWatch(zhandle_t*, int type, int, const char*, void* context) {
  if (type == ZOO_SESSION_EVENT) return;
  const std::unique_ptr<Watch> watch(static_cast<Watch*>(context));
  watch->executor.Schedule(absl::ZeroDuration(),
                           [alive = watch->alive, changed = std::move(watch->changed)] {
                             if (*alive) changed();
                           });
}

void OnSession(zhandle_t*, int type, int state, const char*, void* context) {
  if (type != ZOO_SESSION_EVENT) return;
  auto* session = static_cast<Session*>(context);
  std::function<void()> lost;
  {
    std::lock_guard lock(session->mutex);
    session->connected = state == ZOO_CONNECTED_STATE;
    if (state == ZOO_EXPIRED_SESSION_STATE && !std::exchange(session->expired, true))
      lost = session->lost;
  }
  session->changed.notify_all();
  if (lost) lost();
}

class ZooKeeperCoordination : public Coordination {
 public:
  ZooKeeperCoordination(Executor& executor, std::string servers, absl::Duration session_timeout,
                        ZooKeeperCredential credential)
      : executor_(executor),
        servers_(std::move(servers)),
        timeout_(session_timeout),
        credential_(std::move(credential)) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  }
  ~ZooKeeperCoordination() override { ZooKeeperCoordination::Close(); }

  absl::Status Connect() override {
    // The real one looks after a lost session in a thread of its own. Here the server stands still
    // meanwhile, so an ensemble that is away or hangs must not take long.
    const bool again = session_ != nullptr;
    // Whether there will be another session or not: it must not come back when nobody counts on it.
    Close();
    if (absl::Status reached = again ? Reach() : absl::OkStatus(); !reached.ok()) return reached;
    const absl::Duration wait = again ? std::min(timeout_, kReconnectTimeout) : timeout_;
    alive_ = std::make_shared<std::atomic<bool>>(true);
    session_ = std::make_unique<Session>();
    session_->lost = [this, alive = alive_] {
      executor_.Schedule(absl::ZeroDuration(), [this, alive] {
        if (*alive && lost_) lost_();
      });
    };
    handle_ = zookeeper_init(servers_.c_str(), OnSession,
                             static_cast<int>(absl::ToInt64Milliseconds(timeout_)), nullptr,
                             session_.get(), 0);
    if (handle_ == nullptr)
      return absl::UnavailableError(absl::StrCat("zookeeper_init of ", servers_, " failed"));
    // As the real servers' older client, which looks names up when it connects. This one would for
    // each answer.
    zoo_set_servers_resolution_delay(handle_, -1);
    if (!credential_.secret.empty()) {
      zoo_add_auth(handle_, credential_.scheme.c_str(), credential_.secret.c_str(),
                   static_cast<int>(credential_.secret.size()), nullptr, nullptr);
    }
    {
      std::unique_lock lock(session_->mutex);
      session_->changed.wait_for(lock, absl::ToChronoNanoseconds(wait),
                                 [this] { return session_->connected; });
      if (session_->connected) return absl::OkStatus();
    }
    // Or it would come to be later, and nobody would register and watch anew in it.
    Close();
    return absl::UnavailableError(absl::StrCat("no connection to ZooKeeper at ", servers_));
  }

  void Close() override {
    if (alive_) *alive_ = false;
    if (handle_ != nullptr) zookeeper_close(std::exchange(handle_, nullptr));
    if (session_) session_->connected = false;
  }

  bool Connected() override {
    if (!session_) return false;
    std::lock_guard lock(session_->mutex);
    return session_->connected;
  }

  void OnSessionLost(std::function<void()> callback) override { lost_ = std::move(callback); }

  absl::StatusOr<std::string> Create(const std::string& path, const std::string& value,
                                     NodeMode mode) override {
    absl::Status status = CreateOne(path, value, mode);
    if (absl::IsNotFound(status)) {
      for (size_t slash = path.find('/', 1); slash != std::string::npos;
           slash = path.find('/', slash + 1)) {
        absl::Status parent = CreateOne(path.substr(0, slash), "", NodeMode::kPersistent);
        if (!parent.ok() && !absl::IsAlreadyExists(parent)) return parent;
      }
      status = CreateOne(path, value, mode);
    }
    if (!status.ok()) return status;
    return created_;
  }

  absl::StatusOr<std::string> Get(const std::string& path) override {
    if (!Connected()) return Closed();
    std::string value(1 << 20, '\0');  // as the real servers (F2)
    int size = static_cast<int>(value.size());
    const int code = zoo_get(handle_, path.c_str(), 0, value.data(), &size, nullptr);
    if (code != ZOK) return StatusOf(code, absl::StrCat("get ", path));
    value.resize(static_cast<size_t>(std::max(size, 0)));
    return value;
  }

  absl::Status Set(const std::string& path, const std::string& value) override {
    if (!Connected()) return Closed();
    return StatusOf(
        zoo_set(handle_, path.c_str(), value.data(), static_cast<int>(value.size()), -1),
        absl::StrCat("set ", path));
  }

  absl::Status Delete(const std::string& path) override {
    if (!Connected()) return Closed();
    return StatusOf(zoo_delete(handle_, path.c_str(), -1), absl::StrCat("delete ", path));
  }

  absl::StatusOr<bool> Exists(const std::string& path) override {
    if (!Connected()) return Closed();
    const int code = zoo_exists(handle_, path.c_str(), 0, nullptr);
    if (code == ZNONODE) return false;
    if (code != ZOK) return StatusOf(code, absl::StrCat("exists ", path));
    return true;
  }

  absl::StatusOr<std::vector<std::string>> Children(const std::string& path) override {
    if (!Connected()) return Closed();
    String_vector found{};
    const int code = zoo_get_children(handle_, path.c_str(), 0, &found);
    if (code == ZNONODE) return std::vector<std::string>();
    if (code != ZOK) return StatusOf(code, absl::StrCat("children of ", path));
    std::vector<std::string> names(found.data, found.data + found.count);
    deallocate_String_vector(&found);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status WatchChildren(const std::string& path, std::function<void()> changed) override {
    if (!Connected()) return Closed();
    auto watch = NewWatch(std::move(changed));
    String_vector found{};
    const int code = zoo_wget_children(handle_, path.c_str(), OnWatch, watch.get(), &found);
    if (code != ZOK) return StatusOf(code, absl::StrCat("watch children of ", path));
    deallocate_String_vector(&found);
    (void)watch.release();
    return absl::OkStatus();
  }

  absl::Status WatchValue(const std::string& path, std::function<void()> changed) override {
    if (!Connected()) return Closed();
    auto watch = NewWatch(std::move(changed));
    const int code = zoo_wexists(handle_, path.c_str(), OnWatch, watch.get(), nullptr);
    if (code != ZOK && code != ZNONODE) return StatusOf(code, absl::StrCat("watch ", path));
    (void)watch.release();
    return absl::OkStatus();
  }

 private:
  static absl::Status Closed() { return absl::UnavailableError("no connection to ZooKeeper"); }

  absl::Status Reach() const {
    absl::Status last = absl::InvalidArgumentError("no address of ZooKeeper is given");
    for (const auto server : absl::StrSplit(servers_, ',')) {
      last = TryConnect(std::string(server), kReachTimeout);
      if (last.ok()) break;
    }
    return last;
  }

  std::unique_ptr<Watch> NewWatch(std::function<void()> changed) {
    return std::make_unique<Watch>(Watch{executor_, alive_, std::move(changed)});
  }

  absl::Status CreateOne(const std::string& path, const std::string& value, NodeMode mode) {
    if (!Connected()) return Closed();
    const int flags = mode == NodeMode::kPersistent  ? 0
                      : mode == NodeMode::kEphemeral ? ZOO_EPHEMERAL
                                                     : ZOO_EPHEMERAL | ZOO_SEQUENCE;
    char created[1024];
    const int code =
        zoo_create(handle_, path.c_str(), value.data(), static_cast<int>(value.size()),
                   credential_.secret.empty() ? &ZOO_OPEN_ACL_UNSAFE : &ZOO_CREATOR_ALL_ACL, flags,
                   created, sizeof(created));
    if (code == ZOK) created_ = created;
    return StatusOf(code, absl::StrCat("create ", path));
  }

  Executor& executor_;
  const std::string servers_;
  const absl::Duration timeout_;
  const ZooKeeperCredential credential_;
  std::function<void()> lost_;
  std::shared_ptr<std::atomic<bool>> alive_;  // of the present session
  std::unique_ptr<Session> session_;
  zhandle_t* handle_ = nullptr;
  std::string created_;
};

}  // namespace

std::unique_ptr<Coordination> NewZooKeeperCoordination(Executor& executor,
                                                       const std::string& servers,
                                                       absl::Duration session_timeout,
                                                       const ZooKeeperCredential& credential) {
  return std::make_unique<ZooKeeperCoordination>(executor, servers, session_timeout, credential);
}

}  // namespace omdb::simulator
