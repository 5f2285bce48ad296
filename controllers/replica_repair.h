#ifndef OMDB_CONTROLLERS_REPLICA_REPAIR_H_
#define OMDB_CONTROLLERS_REPLICA_REPAIR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controllers/clock.h"
#include "controllers/openmldb.h"

// A replica that is not what the nameserver's metadata says is made so again, in place, and only
// where it has to be copied by an op of the nameserver's (M12, M13). All of it is safe to repeat
// from its beginning after a crash at any point.
namespace omdb {

// Makes `tablet`, which the metadata has as leader and which has every row, lead on its tablet too:
// with a term that no follower refuses, so that one fenced by a ChangeLeader that came to nothing
// follows again (M2). No call is waited for longer than `limit`. FailedPrecondition when another
// replica leads on its tablet.
absl::Status LeadAgain(OpenMldb& openmldb, const Partition& partition, StorageMode storage,
                       const std::string& tablet, absl::Duration limit = absl::InfiniteDuration());

// What only one replica has, from a term that ended without it: exactly what was lost when its
// leadership was taken away (M1).
struct LostRows {
  uint64_t count = 0;
  uint64_t term = 0;  // the one that began without them

  bool operator==(const LostRows&) const = default;
};

// The terms of a partition as the nameserver has them, oldest first, hold for a replica whose last
// entry is `own.offset` of `own.term`: its entries that lie beyond the end of its term.
LostRows BeyondItsTerm(const std::vector<TermOffset>& terms, const TermPair& own);

// Nothing of it does. One whose term nobody knows has written nothing in the last one.
bool FitsTheTerms(const Partition& partition, const TermPair& own);

// Before RecoverFromLeader: the leader forgets the replica, and what only the replica has is
// counted, which nobody can afterwards. `followed_in_term` is the last term in which it is known to
// have followed or led, 0 when none is.
absl::StatusOr<LostRows> PrepareRecovery(OpenMldb& openmldb, const PartitionId& id,
                                         StorageMode storage, const std::string& tablet,
                                         uint64_t followed_in_term);

// By the nameserver's RecoverTable, which copies everything that does not match; what only the
// replica has goes into the recycle directory. A replica that is alive already is ok.
absl::Status RecoverFromLeader(OpenMldb& openmldb, const PartitionId& id,
                               const std::string& tablet);

// Asks `leaders[i]` to replicate `partitions[i]` to `follower` from that one's own offset on,
// whatever the leader knew of it before. The answers are in that order.
std::vector<absl::Status> Follow(OpenMldb& openmldb, const std::vector<PartitionId>& partitions,
                                 const std::vector<std::string>& leaders,
                                 const std::string& follower);

// Cancels an op and takes it out of its lane and out of ZooKeeper, where the nameserver's next
// leader would find it as if nobody had cancelled it (F5.1). Clients are told of the leader that a
// change which failed may have made all the same.
absl::Status EndOp(OpenMldb& openmldb, const Op& op);

enum class Rejoined {
  kYes,
  kLoads,         // look again
  kMustBeCopied,  // by RecoverFromLeader
};

// Brings back a replica that is not alive for the nameserver: loads what its tablet has on disk and
// lets its leader go on from there, unless it does not fit the terms, or has fewer records than its
// leader after a restart. `followed_in_term`, as above, becomes the present one when the leader
// goes on from there. Waits for at most a few seconds.
absl::StatusOr<Rejoined> Rejoin(OpenMldb& openmldb, Clock& clock, const Table& table,
                                const Partition& partition, const std::string& tablet,
                                uint64_t& followed_in_term);
// It failed since nothing of what the leader sends has arrived.
bool NothingArrives(const absl::Status& status);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_REPLICA_REPAIR_H_
