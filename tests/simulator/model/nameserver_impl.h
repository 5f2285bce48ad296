#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_IMPL_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_IMPL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "name_server.pb.h"
#include "sql_procedure.pb.h"
#include "tests/simulator/model/nameserver.h"
#include "tests/simulator/model/nameserver_catalog.h"
#include "tests/simulator/model/nameserver_codes.h"
#include "tests/simulator/model/nameserver_context.h"
#include "tests/simulator/model/nameserver_election.h"
#include "tests/simulator/model/nameserver_failover.h"
#include "tests/simulator/model/nameserver_registry.h"
#include "tests/simulator/model/nameserver_tables.h"
#include "tests/simulator/model/op_engine.h"
#include "tests/simulator/model/op_factory.h"
#include "tests/simulator/model/op_steps.h"

namespace omdb::simulator {

class NameServer::Impl {
 public:
  Impl(Options options, Executor& executor, Network& network, Coordination& zk);
  ~Impl();

  absl::Status Start();

  bool listening = false;
  std::function<void(std::string)> on_exit;
  std::optional<Dispatcher> dispatcher;

 private:
  using General = nameserver::GeneralResponse;

  // nameserver.cc: life of the process and its leadership.
  absl::Status Connect();
  Task<void> OpenPort();
  absl::Status RegisterName();
  Task<void> KeepAlive();
  void Won();
  void Lost();
  Task<void> Lead(uint64_t reign);
  void RecoverAutoFailover();
  void Exit(std::string reason);

  // nameserver_status.cc
  void RegisterStatusMethods();
  Task<void> TableStatusLoop(uint64_t reign);
  Task<void> UpdateTableStatus();
  nameserver::ConfGetResponse ConfGet(const nameserver::ConfGetRequest& request);
  General ConfSet(const nameserver::ConfSetRequest& request);
  Task<General> ConnectZk(nameserver::ConnectZKRequest request);
  Task<General> DisConnectZk(nameserver::DisConnectZKRequest request);
  General SwitchMode(const nameserver::SwitchModeRequest& request);
  nameserver::ShowTabletResponse ShowTablet(const nameserver::ShowTabletRequest& request);
  nameserver::ShowSdkEndpointResponse ShowSdkEndpoint(
      const nameserver::ShowSdkEndpointRequest& request);
  General SetSdkEndpoint(const nameserver::SetSdkEndpointRequest& request);
  Task<nameserver::ShowCatalogResponse> ShowCatalog(nameserver::ShowCatalogRequest request);
  nameserver::ShowFunctionResponse ShowFunction(const nameserver::ShowFunctionRequest& request);
  api::ShowProcedureResponse ShowProcedure(const api::ShowProcedureRequest& request);

  // nameserver_schema.cc
  void RegisterSchemaMethods();
  General CreateDatabase(const nameserver::CreateDatabaseRequest& request);
  General UseDatabase(const nameserver::UseDatabaseRequest& request);
  General DropDatabase(const nameserver::DropDatabaseRequest& request);
  nameserver::ShowDatabaseResponse ShowDatabase(const nameserver::GeneralRequest& request);
  Task<General> CreateTable(nameserver::CreateTableRequest request);
  Task<General> DropTable(nameserver::DropTableRequest request);
  nameserver::ShowTableResponse ShowTable(const nameserver::ShowTableRequest& request);
  nameserver::GetTablePartitionResponse GetTablePartition(
      const nameserver::GetTablePartitionRequest& request);
  General SetTablePartition(const nameserver::SetTablePartitionRequest& request);
  General UpdateTableAliveStatus(const nameserver::UpdateTableAliveRequest& request);

  // nameserver_replicas.cc: requests that queue ops.
  void RegisterReplicaMethods();
  General ChangeLeader(const nameserver::ChangeLeaderRequest& request);
  Task<General> OfflineEndpoint(nameserver::OfflineEndpointRequest request);
  Task<General> RecoverEndpoint(nameserver::RecoverEndpointRequest request);
  Promise<Unit> CreateManyOps(int count);
  General RecoverTable(const nameserver::RecoverTableRequest& request);
  General AddReplica(const nameserver::AddReplicaNSRequest& request);
  General DelReplica(const nameserver::DelReplicaNSRequest& request);
  General Migrate(const nameserver::MigrateRequest& request);
  Task<General> MakeSnapshot(nameserver::MakeSnapshotNSRequest request);

  // nameserver_ops.cc: requests about ops.
  void RegisterOpMethods();
  nameserver::ShowOPStatusResponse ShowOpStatus(const nameserver::ShowOPStatusRequest& request);
  Task<General> CancelOp(nameserver::CancelOPRequest request);
  General DeleteOp(const nameserver::DeleteOPRequest& request);

  static General Say(int code, std::string message) {
    General response;
    response.set_code(code);
    response.set_msg(std::move(message));
    return response;
  }
  // OK, or what the absence of a partition is answered with.
  General CheckPartition(const std::string& db, const std::string& name, uint32_t pid);

  // Registers a method that answers 300 while another leads. `takes` passes before it looks.
  template <typename Request, typename Response>
  void On(const std::string& method, Task<Response> (Impl::*handler)(Request),
          absl::Duration takes = absl::ZeroDuration()) {
    dispatcher->Register<Request, Response>(
        "openmldb.nameserver.NameServer/" + method, [this, handler, takes](Request request) {
          return Answer<Request, Response>(handler, takes, std::move(request));
        });
  }
  template <typename Request, typename Response>
  void On(const std::string& method, Response (Impl::*handler)(const Request&),
          absl::Duration takes = absl::ZeroDuration()) {
    dispatcher->Register<Request, Response>(
        "openmldb.nameserver.NameServer/" + method, [this, handler, takes](Request request) {
          return AnswerAtOnce<Request, Response>(handler, takes, std::move(request));
        });
  }
  template <typename Request, typename Response>
  Task<Response> Answer(Task<Response> (Impl::*handler)(Request), absl::Duration takes,
                        Request request) {
    if (context_.leading) co_await Delay(context_.executor, takes);
    if (!context_.leading) co_return NotLeader<Response>();
    co_return co_await (this->*handler)(std::move(request));
  }
  template <typename Request, typename Response>
  Task<Response> AnswerAtOnce(Response (Impl::*handler)(const Request&), absl::Duration takes,
                              Request request) {
    if (context_.leading) co_await Delay(context_.executor, takes);
    if (!context_.leading) co_return NotLeader<Response>();
    co_return (this->*handler)(request);
  }
  template <typename Response>
  static Response NotLeader() {
    Response response;
    response.set_code(code::kNotLeader);
    response.set_msg("nameserver is not leader");
    return response;
  }

  NameServerContext context_;
  SerialQueue queue_;
  TableCatalog catalog_;
  TabletRegistry registry_;
  OpSteps steps_;
  OpEngine engine_;
  OpFactory ops_;
  Failover failover_;
  TableMaker table_maker_;
  Election election_;
  bool led_before_ = false;
  bool exited_ = false;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_IMPL_H_
