#include "controllers/openmldb.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace omdb {
namespace {

constexpr char kCodePayload[] = "openmldb.ai/code";

// What a person or the caller can do about a code, with a leading separator; empty when the
// message of the server says it all.
std::string WayOut(int code) {
  switch (static_cast<OpenMldbCode>(code)) {
    case OpenMldbCode::kNotLeaderNameserver:
      return "; the leading nameserver must be found again";
    case OpenMldbCode::kAutoFailoverEnabled:
      return "; turn auto_failover off first";
    case OpenMldbCode::kEndpointNotExist:
      return "; the nameserver has not seen this tablet since it started";
    case OpenMldbCode::kTabletNotHealthy:
      return "; the tablet must be kHealthy in ShowTablet first";
    default:
      return "";
  }
}

}  // namespace

std::string ToString(const PartitionId& id) {
  return absl::StrCat(id.db, ".", id.table, "/", id.pid, " (tid ", id.tid, ")");
}

std::string ToString(const Op& op) {
  return absl::StrCat("op ", op.id, " (", op.type, " of ", op.db, ".", op.table, "/", op.pid, ")");
}

const ReplicaMeta* Partition::Leader() const {
  for (const ReplicaMeta& replica : replicas) {
    if (replica.is_leader && replica.is_alive) return &replica;
  }
  return nullptr;
}

bool Partition::LedBy(const std::string& endpoint) const {
  const ReplicaMeta* leader = Leader();
  return leader != nullptr && leader->endpoint == endpoint;
}

const ReplicaMeta* Partition::Find(const std::string& endpoint) const {
  for (const ReplicaMeta& replica : replicas) {
    if (replica.endpoint == endpoint) return &replica;
  }
  return nullptr;
}

LoadRequest LoadRequestFor(const Table& table, const Partition& partition, TableMode mode) {
  LoadRequest request;
  request.partition = partition.id;
  request.mode = mode;
  request.term = partition.Term().term;
  request.seg_cnt = table.seg_cnt;
  request.storage_mode = table.storage_mode;
  return request;
}

absl::Status OpenMldbError(int code, const std::string& what, const std::string& message) {
  absl::Status status = absl::FailedPreconditionError(
      absl::StrCat(what, ": OpenMLDB answered code ", code, " (",
                   message.empty() ? "no message" : message, ")", WayOut(code)));
  status.SetPayload(kCodePayload, absl::Cord(absl::StrCat(code)));
  return status;
}

int CodeOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kCodePayload);
  int code = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &code)) return 0;
  return code;
}

bool HasCode(const absl::Status& status, OpenMldbCode code) {
  return CodeOf(status) == static_cast<int>(code);
}

absl::Status OkIf(OpenMldbCode code, const absl::Status& status) {
  return HasCode(status, code) ? absl::OkStatus() : status;
}

}  // namespace omdb
