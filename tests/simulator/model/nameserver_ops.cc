// Requests about ops: what is queued, under way and done, and the ways to stop and forget them.
#include "tablet.pb.h"
#include "tests/simulator/model/nameserver_impl.h"

namespace omdb::simulator {

void NameServer::Impl::RegisterOpMethods() {
  On("ShowOPStatus", &Impl::ShowOpStatus);
  On("CancelOP", &Impl::CancelOp);
  On("DeleteOP", &Impl::DeleteOp);
}

nameserver::ShowOPStatusResponse NameServer::Impl::ShowOpStatus(
    const nameserver::ShowOPStatusRequest& request) {
  nameserver::ShowOPStatusResponse response;
  for (const std::shared_ptr<const Op>& op : engine_.List()) {
    const api::OPInfo& info = op->info;
    if (request.has_op_id() && request.op_id() != info.op_id()) continue;
    if (request.has_db() && request.db() != info.db()) continue;
    if (request.has_name() && request.name() != info.name()) continue;
    if (request.has_pid() && request.pid() != info.pid()) continue;
    nameserver::OPStatus* status = response.add_op_status();
    status->set_op_id(info.op_id());
    status->set_op_type(api::OPType_Name(info.op_type()));
    status->set_status(api::TaskStatus_Name(info.task_status()));
    status->set_start_time(info.start_time());
    status->set_end_time(info.end_time());
    const bool begun = info.task_status() != api::kInited && !op->steps.empty();
    status->set_task_type(begun ? api::TaskType_Name(op->steps.front()->info.task_type())
                                : std::string("-"));
    status->set_name(info.name());
    status->set_pid(info.pid());
    status->set_db(info.db());
  }
  response.set_code(code::kOk);
  response.set_msg("ok");
  return response;
}

// Side effects of what was done so far stay (F5.1).
Task<NameServer::Impl::General> NameServer::Impl::CancelOp(nameserver::CancelOPRequest request) {
  if (context_.auto_failover) {
    co_return Say(code::kAutoFailoverEnabled, "auto_failover is enabled");
  }
  std::shared_ptr<Op> op = engine_.FindUnfinished(request.op_id());
  if (op == nullptr ||
      (op->info.task_status() != api::kInited && op->info.task_status() != api::kDoing)) {
    co_return Say(code::kOpNotDoingOrInited, "op status is not doing or inited");
  }
  engine_.Cancel(*op);
  for (const std::string& name : registry_.HealthyNames()) {
    api::CancelOPRequest cancel;
    cancel.set_op_id(request.op_id());
    (void)co_await context_.CallTablet<api::GeneralResponse>(registry_.Address(name), "CancelOP",
                                                             cancel);
  }
  co_return Say(code::kOk, "ok");
}

NameServer::Impl::General NameServer::Impl::DeleteOp(const nameserver::DeleteOPRequest& request) {
  if (request.has_op_id()) {
    const int forgotten = engine_.Forget(
        [&](const Op& op) { return op.info.op_id() == request.op_id(); }, /*unfinished_too=*/true);
    if (forgotten == 0) return Say(code::kDeleteFailed, "op does not exist");
    return Say(code::kOk, "ok");
  }
  if (!request.has_status()) return Say(code::kInvalidParameter, "invalid parameter");
  engine_.Forget(
      [&](const Op& op) {
        return op.info.task_status() == request.status() &&
               (!request.has_db() || op.info.db() == request.db());
      },
      /*unfinished_too=*/false);
  return Say(code::kOk, "ok");
}

}  // namespace omdb::simulator
