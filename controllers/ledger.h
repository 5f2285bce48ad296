#ifndef OMDB_CONTROLLERS_LEDGER_H_
#define OMDB_CONTROLLERS_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controllers/cluster.h"
#include "controllers/openmldb.h"

// What the operator must remember across its own death because the cluster does not show it.
// Written before the action that makes it necessary; everything else is derived from the cluster
// anew. Kept in a ConfigMap.
namespace omdb {

// The steps of a tablet in the order in which they happen. Each is safe to repeat from its
// beginning.
enum class TabletStep {
  kTurnFailoverOff,
  kAddExtraReplicas,
  kHandOverLeaders,
  kDetach,
  kRestart,
  kLoad,
  kAttach,
  kMarkAlive,
  kReturnLeaders,
  kReattachFormerLeaders,
  kRemoveExtraReplicas,
  kVerify,
  kTurnFailoverBack,
};
const std::string& ToString(TabletStep step);  // "HandOverLeaders"

// A partition of the tablet in hand.
struct HeldPartition {
  PartitionId id;
  bool was_leader = false;
  // Where its leader is meanwhile; empty for a partition that the tablet follows.
  std::string moved_to;
  // An extra replica made for the time of the restart; empty when there was another replica
  // already.
  std::string extra_replica;
  // The tablet's own last offset when it stopped; compared after loading (M12 step 3).
  uint64_t offset = 0;
  // Records that it had then: at the same offset it has no fewer afterwards. 0 when not known.
  uint64_t record_count = 0;
  // The leader's offset just before the follower was attached again: reached means caught up.
  uint64_t attach_offset = 0;
  // The leader that replicates to the tablet, or may, and since when; empty when none does.
  std::string attached_to;
  absl::Time attached_at;
  // Left to the nameserver's RecoverTable because what was loaded is not what was remembered.
  bool recover = false;

  // A partition without another replica, whose downtime was accepted: the tablet stays its leader.
  bool StaysLeader() const { return was_leader && moved_to.empty(); }

  bool operator==(const HeldPartition&) const = default;
};

struct TabletInHand {
  std::string name;
  std::string pod_uid;  // of the pod to be replaced
  TabletStep step = TabletStep::kTurnFailoverOff;
  std::vector<HeldPartition> partitions;
  uint64_t last_op_id = 0;  // ops beyond this were made since
  TabletReport report;

  // Null when it does not hold it.
  const HeldPartition* Find(const PartitionId& partition) const;
  HeldPartition* Find(const PartitionId& partition) {
    return const_cast<HeldPartition*>(std::as_const(*this).Find(partition));
  }

  bool operator==(const TabletInHand&) const = default;
};

// One rollout: from the first pod that is replaced to the last.
struct Rollout {
  std::string from_version;
  std::string to_version;
  absl::Time started;
  // Each partition's leader offset when it began, by ToString(PartitionId).
  std::map<std::string, uint64_t> offsets;
  std::vector<TabletReport> tablets;
  std::optional<absl::Time> jobs_awaited_since;
  // Partitions are not well since then, though auto_failover is on and no tablet is in hand.
  std::optional<absl::Time> unwell_since;
  // Tablets that had an extra replica made, by ToString(PartitionId): the nameserver may make one
  // once more from an op that it had forgotten.
  std::map<std::string, std::string> extra_replicas;
  // By partition and the term that began without them: "db.table/3 (tid 12) before term 7".
  std::map<std::string, uint64_t> rows_lost;

  bool operator==(const Rollout&) const = default;
};

struct Ledger {
  std::optional<Rollout> rollout;
  std::optional<TabletInHand> tablet;
  // auto_failover as it is to be again; set while the operator has it off.
  std::optional<bool> wanted_auto_failover;
  // Replicas that were marked not alive while they followed their leader in its present term, which
  // a tablet forgets when it restarts; the term by FollowerKey. As long as it is the last one, what
  // they have on disk is what their leader has, or less.
  std::map<std::string, uint64_t> followed_in_term;
  // Version and image that were tried before the first pod was replaced, until the rollout is over:
  // once is enough.
  std::string preflighted;

  // 0 when it is not known.
  uint64_t FollowedInTerm(const PartitionId& partition, const std::string& tablet) const;

  bool operator==(const Ledger&) const = default;
};

// "db.table/3 (tid 12) on t-1"
std::string FollowerKey(const PartitionId& partition, const std::string& tablet);

// Adds `report` to `reports`, in which each tablet stands once: a tablet replaced twice in one
// rollout is one report.
void AddReport(std::vector<TabletReport>& reports, const TabletReport& report);

Json ToJson(const Ledger& ledger);
// DataLoss when `document` is not a ledger.
absl::StatusOr<Ledger> LedgerFromJson(const Json& document);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_LEDGER_H_
