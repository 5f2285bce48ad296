#include "operator/openmldb/zookeeper.h"

// The C client declares its blocking calls only for the library with threads.
#ifndef THREADED
#define THREADED
#endif
#include <zookeeper/zookeeper.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/base/call_once.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace omdb {
namespace {

// The answer of one read. Shared by the reader, who may stop waiting, and the client library.
template <typename Value>
struct Reply {
  absl::Mutex mutex;
  bool done ABSL_GUARDED_BY(mutex) = false;
  int code = ZSYSTEMERROR;
  Value value;

  // False when the answer did not come in time. After true `code` and `value` are final.
  bool Await(absl::Duration wait) {
    absl::MutexLock lock(&mutex);
    return mutex.AwaitWithTimeout(absl::Condition(&done), wait);
  }
};

// What the library hands back to a completion: one reference to the reply.
template <typename Value>
using ReplyReference = std::unique_ptr<std::shared_ptr<Reply<Value>>>;

template <typename Value>
ReplyReference<Value> TakeBack(const void* data) {
  return ReplyReference<Value>(
      static_cast<std::shared_ptr<Reply<Value>>*>(const_cast<void*>(data)));
}

template <typename Value>
void Complete(const void* data, int code, Value value) {
  ReplyReference<Value> reference = TakeBack<Value>(data);
  Reply<Value>& reply = **reference;
  absl::MutexLock lock(&reply.mutex);
  reply.code = code;
  reply.value = std::move(value);
  reply.done = true;
}

void OnChildren(int code, const String_vector* strings, const void* data) {
  std::vector<std::string> names;
  if (code == ZOK && strings != nullptr) {
    names.assign(strings->data, strings->data + strings->count);
  }
  Complete(data, code, std::move(names));
}

void OnValue(int code, const char* value, int size, const struct Stat*, const void* data) {
  // A node without a value has size -1.
  Complete(data, code, code == ZOK && size > 0 ? std::string(value, size) : std::string());
}

int Issue(zhandle_t* handle, const std::string& path,
          std::shared_ptr<Reply<std::vector<std::string>>>* reference) {
  return zoo_aget_children(handle, path.c_str(), 0, OnChildren, reference);
}

int Issue(zhandle_t* handle, const std::string& path,
          std::shared_ptr<Reply<std::string>>* reference) {
  return zoo_aget(handle, path.c_str(), 0, OnValue, reference);
}

// The library logs each attempt to connect; the errors of the reads say the same once.
void Silence(const char*) {}

// Servers' names may get other addresses. By itself the library looks them up for each answer.
constexpr absl::Duration kLookUpAgain = absl::Seconds(5);

void QuietLibrary() {
  static absl::once_flag once;
  absl::call_once(once, [] { zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR); });
}

}  // namespace

// One handle of the library, which is one session. Closes it at the end.
class ZooKeeper::Connection {
 public:
  static absl::StatusOr<std::shared_ptr<Connection>> Open(const std::string& servers,
                                                          absl::Duration session_timeout) {
    QuietLibrary();
    auto connection = std::make_shared<Connection>();
    connection->handle_ = zookeeper_init2(
        servers.c_str(), &OnSession, static_cast<int>(absl::ToInt64Milliseconds(session_timeout)),
        /*clientid=*/nullptr, connection.get(), /*flags=*/0, &Silence);
    if (connection->handle_ == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("the addresses cannot be used: ", std::strerror(errno)));
    }
    zoo_set_servers_resolution_delay(connection->handle_,
                                     static_cast<int>(absl::ToInt64Milliseconds(kLookUpAgain)));
    return connection;
  }

  // Joins the library's threads, so this must not run on one of them: completions hold no
  // reference to the connection.
  ~Connection() {
    if (handle_ != nullptr) zookeeper_close(handle_);
  }

  zhandle_t* handle() const { return handle_; }

  bool Over() {
    absl::MutexLock lock(&mutex_);
    return over_;
  }

  // Returns when connected, over, or out of time; true when connected.
  bool AwaitConnected(absl::Duration wait) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &Connection::ConnectedOrOver), wait);
    return connected_;
  }

 private:
  static void OnSession(zhandle_t*, int type, int state, const char*, void* context) {
    if (type != ZOO_SESSION_EVENT) return;
    auto* self = static_cast<Connection*>(context);
    absl::MutexLock lock(&self->mutex_);
    self->connected_ = state == ZOO_CONNECTED_STATE;
    self->over_ = state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE;
  }

  bool ConnectedOrOver() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return connected_ || over_; }

  zhandle_t* handle_ = nullptr;
  absl::Mutex mutex_;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

ZooKeeper::ZooKeeper(std::string servers, absl::Duration session_timeout)
    : servers_(std::move(servers)), session_timeout_(session_timeout) {}

ZooKeeper::~ZooKeeper() = default;

absl::StatusOr<std::shared_ptr<ZooKeeper::Connection>> ZooKeeper::Current() {
  // Destroyed after the lock is released: closing a session takes a round trip.
  std::shared_ptr<Connection> expired;
  absl::MutexLock lock(&mutex_);
  if (connection_ != nullptr && !connection_->Over()) return connection_;
  expired = std::move(connection_);
  absl::StatusOr<std::shared_ptr<Connection>> opened = Connection::Open(servers_, session_timeout_);
  if (opened.ok()) connection_ = *opened;
  return opened;
}

absl::Status ZooKeeper::Away(const std::string& path, absl::Duration wait,
                             const std::string& why) const {
  return absl::UnavailableError(
      absl::StrCat("ZooKeeper ", servers_, " did not answer a read of ", path, " within ",
                   absl::FormatDuration(wait), " (", why,
                   "); check the addresses and that the ensemble has a quorum"));
}

template <typename Value>
absl::StatusOr<Value> ZooKeeper::Read(const std::string& path, absl::Duration wait) {
  const absl::Time deadline = absl::Now() + wait;
  std::string why = "not connected";
  do {
    absl::StatusOr<std::shared_ptr<Connection>> connection = Current();
    if (!connection.ok()) return Away(path, wait, std::string(connection.status().message()));
    if (!(*connection)->AwaitConnected(deadline - absl::Now())) continue;

    auto reply = std::make_shared<Reply<Value>>();
    auto reference = std::make_unique<std::shared_ptr<Reply<Value>>>(reply);
    int code = Issue((*connection)->handle(), path, reference.get());
    if (code == ZOK) {
      (void)reference.release();  // the completion takes it back
      if (!reply->Await(deadline - absl::Now())) {
        why = "no answer";
        break;
      }
      code = reply->code;
    }
    switch (code) {
      case ZOK:
        return std::move(reply->value);
      case ZNONODE:
        return absl::NotFoundError(absl::StrCat("ZooKeeper ", servers_, " has no node ", path));
      case ZNOAUTH:
      case ZAUTHFAILED:
        return absl::PermissionDeniedError(
            absl::StrCat("ZooKeeper ", servers_, " refuses to show ", path,
                         ": it is protected by an ACL, and this program sends no credential"));
      default:
        // The connection or the session was lost: the read is repeated on the next one.
        why = zerror(code);
        absl::SleepFor(absl::Milliseconds(10));
    }
  } while (absl::Now() < deadline);
  return Away(path, wait, why);
}

absl::StatusOr<std::vector<std::string>> ZooKeeper::Children(const std::string& path,
                                                             absl::Duration wait) {
  return Read<std::vector<std::string>>(path, wait);
}

absl::StatusOr<std::string> ZooKeeper::Get(const std::string& path, absl::Duration wait) {
  return Read<std::string>(path, wait);
}

void ZooKeeper::Sync(const std::string& path) {
  absl::StatusOr<std::shared_ptr<Connection>> connection = Current();
  if (!connection.ok()) return;
  // Requests of a session are carried out in order, so nobody needs to wait for this one.
  zoo_async((*connection)->handle(), path.c_str(), [](int, const char*, const void*) {}, nullptr);
}

}  // namespace omdb
