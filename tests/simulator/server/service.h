#ifndef OMDB_TESTS_SIMULATOR_SERVER_SERVICE_H_
#define OMDB_TESTS_SIMULATOR_SERVER_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/simulator/model/rpc.h"
#include "tests/simulator/server/event_loop.h"

namespace omdb::simulator {

// A model server's methods as the three protocols call them: from any thread, by name and bytes.
class Service {
 public:
  // The reply, on the loop's thread; InvalidArgument when a required field is missing,
  // Unimplemented for an unknown method.
  using Done = std::function<void(absl::StatusOr<Reply>)>;
  // Reads the request into a message of the right type; false when it cannot.
  using Parse = std::function<bool(google::protobuf::Message&)>;

  Service(EventLoop& loop, Dispatcher& dispatcher) : loop_(loop), dispatcher_(dispatcher) {}

  void Call(const std::string& method, const Parse& parse, Done done) {
    std::unique_ptr<google::protobuf::Message> request = dispatcher_.NewRequest(method);
    if (!request) return done(absl::UnimplementedError("unknown method " + method));
    if (!parse(*request))
      return done(absl::InvalidArgumentError("the request of " + method + " cannot be parsed"));
    loop_.Schedule(absl::ZeroDuration(),
                   [this, method, request = std::move(request), done = std::move(done)]() mutable {
                     dispatcher_.Handle(method, std::move(request), std::move(done));
                   });
  }

 private:
  EventLoop& loop_;
  Dispatcher& dispatcher_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_SERVICE_H_
