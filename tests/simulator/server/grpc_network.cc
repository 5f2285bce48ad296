#include "tests/simulator/server/grpc_network.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/simulator/server/byte_buffer.h"

namespace omdb::simulator {
namespace {

using google::protobuf::Message;

// From a call to the refusal that it cannot be connected: some attempts long.
constexpr absl::Duration kConnectTimeout = absl::Seconds(1);

// What gRPC needs until a call has ended.
struct Flight {
  std::shared_ptr<grpc::Channel> channel;
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  std::unique_ptr<Message> message;
  bool unreachable = false;  // on the executor's thread
};

class GrpcNetwork : public Network {
 public:
  explicit GrpcNetwork(Executor& executor) : executor_(executor) {}

  void Call(const std::string& address, std::string method, std::unique_ptr<Message> request,
            std::unique_ptr<Message> response, absl::Duration timeout,
            std::function<void(absl::StatusOr<std::unique_ptr<Message>>)> done) override {
    auto flight = std::make_shared<Flight>();
    flight->channel = ChannelTo(address);
    flight->context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    flight->context.set_wait_for_ready(true);
    flight->context.AddMetadata("authorization", "sdefault");
    flight->request = ToByteBuffer(*request);
    flight->message = std::move(response);
    if (flight->channel->GetState(/*try_to_connect=*/true) != GRPC_CHANNEL_READY) {
      GiveUpUnlessConnected(address, flight);
    }
    // The last that holds a channel must not be a thread of gRPC's own: destroying it there, gRPC
    // waits for that very thread in vain and frees under its feet what it goes on with.
    auto answer = [&executor = executor_, address, flight,
                   done = std::move(done)](const grpc::Status& status) mutable {
      executor.Schedule(absl::ZeroDuration(), [address, flight = std::move(flight), status, done] {
        if (flight->unreachable && !status.ok()) {
          return done(absl::UnavailableError(absl::StrCat(address, ": no connection")));
        }
        if (!status.ok()) {
          return done(absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                                   absl::StrCat(address, ": ", status.error_message())));
        }
        if (!FromByteBuffer(flight->response, *flight->message)) {
          return done(absl::InternalError(absl::StrCat(address, ": the reply cannot be parsed")));
        }
        done(std::move(flight->message));
      });
    };
    grpc::GenericStub(flight->channel)
        .UnaryCall(&flight->context, absl::StrCat("/", method), grpc::StubOptions(),
                   &flight->request, &flight->response, std::move(answer));
  }

 private:
  // A server that was just restarted gets the call, one that is away refuses it soon. (A call that
  // fails fast would be refused by the former too, until the channel's next attempt.)
  void GiveUpUnlessConnected(const std::string& address, const std::shared_ptr<Flight>& flight) {
    executor_.Schedule(kConnectTimeout, [address, weak = std::weak_ptr<Flight>(flight)] {
      auto late = weak.lock();
      if (late == nullptr || late->channel->GetState(false) == GRPC_CHANNEL_READY) return;
      late->unreachable = true;
      late->context.TryCancel();
    });
  }

  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
    std::shared_ptr<grpc::Channel>& channel = channels_[address];
    if (!channel) {
      grpc::ChannelArguments arguments;
      arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
      arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 500);
      arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 300);
      arguments.SetMaxReceiveMessageSize(-1);
      arguments.SetMaxSendMessageSize(-1);
      channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
    }
    return channel;
  }

  Executor& executor_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace

std::unique_ptr<Network> NewGrpcNetwork(Executor& executor) {
  return std::make_unique<GrpcNetwork>(executor);
}

}  // namespace omdb::simulator
