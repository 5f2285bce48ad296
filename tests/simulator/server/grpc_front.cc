#include "tests/simulator/server/grpc_front.h"

#include <fcntl.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <utility>

#include "tests/simulator/server/byte_buffer.h"

namespace omdb::simulator {
namespace {

// brpc does not wait for window updates: a reply beyond this ends the stream (facts of gRPC clients
// and brpc servers).
constexpr size_t kLargestReply = 4 << 20;

class Reactor : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(Service& service, grpc::GenericCallbackServerContext* context)
      : service_(service), context_(context) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request"));
    if (context_->client_metadata().count("authorization") == 0) {
      return Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed"));
    }
    service_.Call(
        context_->method().substr(1),
        [this](google::protobuf::Message& message) { return FromByteBuffer(request_, message); },
        [this](absl::StatusOr<Reply> reply) { Answer(std::move(reply)); });
  }
  void OnWriteDone(bool) override { Finish(grpc::Status::OK); }
  void OnDone() override { delete this; }

 private:
  void Answer(absl::StatusOr<Reply> reply) {
    if (!reply.ok()) {
      return Finish(grpc::Status(static_cast<grpc::StatusCode>(reply.status().code()),
                                 std::string(reply.status().message())));
    }
    response_ = ToByteBuffer(*reply->message);
    if (response_.Length() > kLargestReply) {
      return Finish(
          grpc::Status(grpc::StatusCode::INTERNAL, "Received RST_STREAM with error code 3"));
    }
    StartWrite(&response_);
  }

  Service& service_;
  grpc::GenericCallbackServerContext* const context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

class GenericService : public grpc::CallbackGenericService {
 public:
  explicit GenericService(Service& service) : service_(service) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Reactor(service_, context);  // deletes itself in OnDone, as gRPC has it
  }

 private:
  Service& service_;
};

class GrpcFrontImpl : public GrpcFront {
 public:
  explicit GrpcFrontImpl(Service& service) : generic_(service) {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(&generic_);
    builder.SetMaxReceiveMessageSize(-1);
    // brpc answers as many pings as there come.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
    server_ = builder.BuildAndStart();
  }

  void Serve(int fd) override {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    grpc::AddInsecureChannelFromFd(server_.get(), fd);
  }

 private:
  GenericService generic_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<GrpcFront> NewGrpcFront(Service& service) {
  return std::make_unique<GrpcFrontImpl>(service);
}

}  // namespace omdb::simulator
