#ifndef OMDB_TESTS_SIMULATOR_MODEL_RPC_H_
#define OMDB_TESTS_SIMULATOR_MODEL_RPC_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "tests/simulator/model/task.h"

// How the model's servers call each other and are called: by full method name and protobuf message,
// whatever carries them (gRPC, baidu_std or HTTP between processes; a function call with a delay in
// the exploration).
namespace omdb::simulator {

struct Reply {
  std::unique_ptr<google::protobuf::Message> message;
  std::string attachment;  // brpc attachment, e.g. the rows of a Scan with use_attachment
};

// The other servers. Calls never block; a call to a dead or hung server ends with Unavailable or
// DeadlineExceeded.
class Network {
 public:
  virtual ~Network() = default;

  // `method` is "openmldb.api.TabletServer/Put". `done` runs on the caller's executor, exactly
  // once, never from within Call; `response` is the prototype of the expected message.
  virtual void Call(
      const std::string& address, std::string method,
      std::unique_ptr<google::protobuf::Message> request,
      std::unique_ptr<google::protobuf::Message> response, absl::Duration timeout,
      std::function<void(absl::StatusOr<std::unique_ptr<google::protobuf::Message>>)> done) = 0;
};

// co_await CallPeer<api::ChangeRoleResponse>(network, address,
// "openmldb.api.TabletServer/ChangeRole", request, timeout)
template <typename Response, typename Request>
Task<absl::StatusOr<Response>> CallPeer(Network& network, std::string address, std::string method,
                                        Request request, absl::Duration timeout) {
  using Message = google::protobuf::Message;
  Promise<absl::StatusOr<std::unique_ptr<Message>>> promise;
  network.Call(address, std::move(method), std::make_unique<Request>(std::move(request)),
               std::make_unique<Response>(), timeout,
               [promise](absl::StatusOr<std::unique_ptr<Message>> answer) {
                 promise.Set(std::move(answer));
               });
  absl::StatusOr<std::unique_ptr<Message>> answer = co_await promise;
  if (!answer.ok()) co_return answer.status();
  co_return std::move(static_cast<Response&>(**answer));
}

// A server's methods.
class Dispatcher {
 public:
  using Done = std::function<void(absl::StatusOr<Reply>)>;

  explicit Dispatcher(Executor& executor) : scope_(executor) {}

  // `handler` is Task<Response>(Request), a coroutine that takes its request by value.
  template <typename Request, typename Response>
  void Register(const std::string& method, std::function<Task<Response>(Request)> handler) {
    methods_[method] =
        Method{[] { return std::make_unique<Request>(); },
               [this, handler = std::move(handler)](
                   std::unique_ptr<google::protobuf::Message> request, Done done) {
                 scope_.Spawn(Run<Request, Response>(
                     handler(std::move(static_cast<Request&>(*request))), std::move(done)));
               }};
  }
  // For methods that answer with an attachment as well.
  template <typename Request>
  void RegisterRaw(const std::string& method, std::function<Reply(Request)> handler) {
    methods_[method] =
        Method{[] { return std::make_unique<Request>(); },
               [handler = std::move(handler)](std::unique_ptr<google::protobuf::Message> request,
                                              const Done& done) {
                 done(handler(std::move(static_cast<Request&>(*request))));
               }};
  }
  // For methods that answer when it suits them, at most once.
  template <typename Request>
  void RegisterDeferred(
      const std::string& method,
      std::function<void(std::unique_ptr<google::protobuf::Message>, Done)> handler) {
    methods_[method] = Method{[] { return std::make_unique<Request>(); }, std::move(handler)};
  }

  // An empty request of `method`, to be parsed into; null for an unknown method.
  std::unique_ptr<google::protobuf::Message> NewRequest(const std::string& method) const {
    auto found = methods_.find(method);
    return found == methods_.end() ? nullptr : found->second.new_request();
  }
  // On the server's executor. `done` runs there too, at most once: never when the server dies
  // first.
  void Handle(const std::string& method, std::unique_ptr<google::protobuf::Message> request,
              Done done) const {
    auto found = methods_.find(method);
    if (found == methods_.end()) return done(absl::UnimplementedError("no method " + method));
    found->second.handle(std::move(request), std::move(done));
  }

 private:
  struct Method {
    std::function<std::unique_ptr<google::protobuf::Message>()> new_request;
    std::function<void(std::unique_ptr<google::protobuf::Message>, Done)> handle;
  };

  template <typename Request, typename Response>
  static Task<void> Run(Task<Response> handler, Done done) {
    Response response = co_await std::move(handler);
    Reply reply;
    reply.message = std::make_unique<Response>(std::move(response));
    done(std::move(reply));
  }

  Scope scope_;
  absl::flat_hash_map<std::string, Method> methods_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_RPC_H_
