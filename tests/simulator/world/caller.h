#ifndef OMDB_TESTS_SIMULATOR_WORLD_CALLER_H_
#define OMDB_TESTS_SIMULATOR_WORLD_CALLER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/simulator/world/process.h"

namespace omdb::simulator {

// A client outside the servers, such as a test or the operator: its calls are synchronous, the
// world runs on while it waits.
class Caller {
 public:
  explicit Caller(World& world, std::string address = "caller")
      : world_(world), network_(world.network.ClientOf(std::move(address), world.executor)) {}

  // Call<api::PutResponse>("10.0.0.1:10921", "openmldb.api.TabletServer/Put", request)
  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const std::string& address, const std::string& method,
                                Request request, absl::Duration timeout = absl::Seconds(20)) {
    using Message = google::protobuf::Message;
    auto answer = std::make_shared<std::optional<absl::StatusOr<Response>>>();
    network_->Call(address, method, std::make_unique<Request>(std::move(request)),
                   std::make_unique<Response>(), timeout,
                   [answer](absl::StatusOr<std::unique_ptr<Message>> message) {
                     if (message.ok()) {
                       answer->emplace(std::move(static_cast<Response&>(**message)));
                     } else {
                       answer->emplace(message.status());
                     }
                   });
    world_.executor.RunUntilTrue([&] { return answer->has_value(); }, timeout + absl::Seconds(1));
    if (!answer->has_value()) return absl::InternalError("the world lost a call");
    return *std::move(*answer);
  }

 private:
  World& world_;
  std::unique_ptr<Network> network_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_WORLD_CALLER_H_
