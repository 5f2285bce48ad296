#ifndef OMDB_TESTS_UNIT_OPENMLDB_FAKE_SERVER_H_
#define OMDB_TESTS_UNIT_OPENMLDB_FAKE_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "name_server.grpc.pb.h"
#include "tablet.grpc.pb.h"

namespace omdb {

// Calls a server received: "ShowTablet sdefault".
class CallLog {
 public:
  void Add(const std::string& call, const grpc::ServerContext& context) {
    const auto& metadata = context.client_metadata();
    const auto found = metadata.find("authorization");
    const std::string credential =
        found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
    absl::MutexLock lock(&mutex_);
    calls_.push_back(absl::StrCat(call, " ", credential));
  }
  std::vector<std::string> calls() const {
    absl::MutexLock lock(&mutex_);
    return calls_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::string> calls_;
};

// What a method answers: an empty reply, until the test says otherwise while the server's threads
// run.
template <typename Request, typename Response>
class Answer {
 public:
  using Function = std::function<grpc::Status(const Request&, Response*)>;

  Answer& operator=(Function function) {
    absl::MutexLock lock(&mutex_);
    function_ = std::move(function);
    return *this;
  }
  grpc::Status operator()(const Request& request, Response* reply) const {
    const Function function = Get();
    return function ? function(request, reply) : grpc::Status::OK;
  }

 private:
  Function Get() const {
    absl::MutexLock lock(&mutex_);
    return function_;
  }

  mutable absl::Mutex mutex_;
  Function function_;
};

// One method of a fake service.
// NOLINTBEGIN(bugprone-macro-parentheses): types and names take none.
#define OMDB_FAKE_METHOD(Method, Request, Response)                                          \
  Answer<Request, Response> on_##Method;                                                     \
  grpc::Status Method(grpc::ServerContext* context, const Request* request, Response* reply) \
      override {                                                                             \
    log.Add(#Method, *context);                                                              \
    return on_##Method(*request, reply);                                                     \
  }
// NOLINTEND(bugprone-macro-parentheses)

struct FakeNameserver final : openmldb::nameserver::NameServer::Service {
  CallLog log;
  OMDB_FAKE_METHOD(ShowTablet, openmldb::nameserver::ShowTabletRequest,
                   openmldb::nameserver::ShowTabletResponse)
  OMDB_FAKE_METHOD(ShowTable, openmldb::nameserver::ShowTableRequest,
                   openmldb::nameserver::ShowTableResponse)
  OMDB_FAKE_METHOD(ShowDatabase, openmldb::nameserver::GeneralRequest,
                   openmldb::nameserver::ShowDatabaseResponse)
  OMDB_FAKE_METHOD(ShowOPStatus, openmldb::nameserver::ShowOPStatusRequest,
                   openmldb::nameserver::ShowOPStatusResponse)
  OMDB_FAKE_METHOD(ConfGet, openmldb::nameserver::ConfGetRequest,
                   openmldb::nameserver::ConfGetResponse)
  OMDB_FAKE_METHOD(ChangeLeader, openmldb::nameserver::ChangeLeaderRequest,
                   openmldb::nameserver::GeneralResponse)
  OMDB_FAKE_METHOD(UpdateTableAliveStatus, openmldb::nameserver::UpdateTableAliveRequest,
                   openmldb::nameserver::GeneralResponse)
  OMDB_FAKE_METHOD(GetTablePartition, openmldb::nameserver::GetTablePartitionRequest,
                   openmldb::nameserver::GetTablePartitionResponse)
  OMDB_FAKE_METHOD(SetTablePartition, openmldb::nameserver::SetTablePartitionRequest,
                   openmldb::nameserver::GeneralResponse)
};

struct FakeTablet final : openmldb::api::TabletServer::Service {
  CallLog log;
  OMDB_FAKE_METHOD(GetTableStatus, openmldb::api::GetTableStatusRequest,
                   openmldb::api::GetTableStatusResponse)
  OMDB_FAKE_METHOD(GetTableFollower, openmldb::api::GetTableFollowerRequest,
                   openmldb::api::GetTableFollowerResponse)
  OMDB_FAKE_METHOD(SetMode, openmldb::api::SetModeRequest, openmldb::api::GeneralResponse)
  OMDB_FAKE_METHOD(ChangeRole, openmldb::api::ChangeRoleRequest, openmldb::api::ChangeRoleResponse)
  OMDB_FAKE_METHOD(LoadTable, openmldb::api::LoadTableRequest, openmldb::api::GeneralResponse)
  OMDB_FAKE_METHOD(AddReplica, openmldb::api::ReplicaRequest, openmldb::api::AddReplicaResponse)
};

#undef OMDB_FAKE_METHOD

// A gRPC server for one service on a loopback port of its own choice, or of the caller's.
class LoopbackServer {
 public:
  explicit LoopbackServer(grpc::Service& service, int port = 0) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                             &port_);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.RegisterService(&service);
    server_ = builder.BuildAndStart();
  }
  ~LoopbackServer() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  bool started() const { return server_ != nullptr && port_ != 0; }
  int port() const { return port_; }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_OPENMLDB_FAKE_SERVER_H_
