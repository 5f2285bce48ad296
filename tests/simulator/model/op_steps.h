#ifndef OMDB_TESTS_SIMULATOR_MODEL_OP_STEPS_H_
#define OMDB_TESTS_SIMULATOR_MODEL_OP_STEPS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "name_server.pb.h"
#include "tests/simulator/model/nameserver_catalog.h"
#include "tests/simulator/model/nameserver_context.h"
#include "tests/simulator/model/nameserver_registry.h"
#include "tests/simulator/model/op_engine.h"
#include "tests/simulator/model/op_factory.h"

namespace omdb::simulator {

// The steps of every op and what each does (F5.2 to F5.8).
class OpSteps : public OpLibrary {
 public:
  OpSteps(NameServerContext& context, TableCatalog& catalog, TabletRegistry& registry)
      : context_(context), catalog_(catalog), registry_(registry) {}

  // For the children of RecoverTable; set once, before any op runs.
  void SetFactory(OpFactory* factory) { factory_ = factory; }

  absl::StatusOr<std::vector<OpStep>> Plan(const api::OPInfo& info) override;
  Task<api::TaskStatus> Run(std::shared_ptr<Op> op, std::shared_ptr<OpStep> step) override;

 private:
  using OpRef = std::shared_ptr<Op>;
  using StepRef = std::shared_ptr<OpStep>;

  // A step of a tablet: the request, then kDoing.
  Task<api::TaskStatus> AskTablet(OpRef op, StepRef step);
  template <typename Response, typename Request>
  Task<api::TaskStatus> Send(StepRef step, std::string method, Request request);
  Task<api::TaskStatus> DelReplica(OpRef op, StepRef step);

  // op_change_leader.cc
  Task<api::TaskStatus> SelectLeader(OpRef op);
  Task<api::TaskStatus> ChangeLeader(OpRef op);
  api::TaskStatus UpdateLeaderInfo(const Op& op);

  // op_recover_table.cc
  Task<api::TaskStatus> RecoverTable(OpRef op);
  Task<api::TaskStatus> RecoverSingleReplica(OpRef op, std::string endpoint);
  // True when what the replica has is a beginning of the leader's log (F5.5).
  static bool MatchTermOffset(const nameserver::TablePartition& partition, bool loaded,
                              uint64_t term, uint64_t offset);
  // The meta to recover: null when there is nothing to do (any more) or no such partition.
  nameserver::PartitionMeta* MetaToRecover(const Op& op, const std::string& endpoint);

  // op_metadata.cc
  api::TaskStatus UpdatePartitionStatus(const Op& op, const OpStep& step);
  api::TaskStatus AddTableInfo(const Op& op, const OpStep& step);
  api::TaskStatus DelTableInfo(const Op& op, const OpStep& step);
  api::TaskStatus UpdateTableInfo(const Op& op);
  Task<api::TaskStatus> CheckBinlogSyncProgress(OpRef op, StepRef step);

  nameserver::TableInfo* TableOf(const Op& op) {
    return catalog_.Find(op.info.db(), op.info.name());
  }
  nameserver::TablePartition* PartitionOf(const Op& op) {
    return catalog_.FindPartition(op.info.db(), op.info.name(), op.info.pid());
  }
  // Writes the table and tells everyone; kFailed when ZooKeeper is not reached.
  api::TaskStatus SaveAndNotify(const nameserver::TableInfo& table);

  NameServerContext& context_;
  TableCatalog& catalog_;
  TabletRegistry& registry_;
  OpFactory* factory_ = nullptr;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_OP_STEPS_H_
