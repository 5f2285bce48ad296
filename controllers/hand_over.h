#ifndef OMDB_CONTROLLERS_HAND_OVER_H_
#define OMDB_CONTROLLERS_HAND_OVER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controllers/clock.h"
#include "controllers/openmldb.h"

// Moves partitions' leaders without losing an acknowledged row (M11): at a moment of no lag, or of
// next to none where rows come in all the time, the old leaders' tablet is fenced for some
// milliseconds, all replicas are seen equal, the partitions are demoted, the fence lifted, and only
// then the leaders changed.
namespace omdb {

struct HandOverLimits {
  // How long the whole tablet may refuse writes.
  absl::Duration fence = absl::Milliseconds(100);
  // Parts of it: until then the followers must be seen equal, and so long the answer to a demotion
  // is waited for; the rest is for lifting it.
  absl::Duration ToBeEqual() const { return fence / 2; }
  absl::Duration ToDemote() const { return fence / 5; }
  // How long the partition may be without a writable leader before the old one is made leader
  // again.
  absl::Duration pause = absl::Seconds(1);
  // How long a moment of no lag is looked for, over all attempts.
  absl::Duration patience = absl::Seconds(10);
};

struct HandOverResult {
  uint64_t offset = 0;  // the last of the old leader
  uint64_t term = 0;    // of the new leader
  // Exactly: the old leader's last offset minus what precedes the new term (M1). 0 unless something
  // outside interfered.
  uint64_t rows_lost = 0;
  absl::Duration fenced;  // the longest time that the tablet was fenced
  absl::Duration paused;  // from the fence to the new leader's term seen
  int attempts = 0;
  // Not ok: the nameserver has the new leader, but its tablet was not seen to lead in that term.
  absl::Status verified;
};

// The nameserver did not end the change, or did not even begin it, though no other op is under way:
// it or its lanes wait for a tablet that is not where it thinks (F5.1, F5.10 gap 4).
bool WasCancelled(const absl::Status& status);

struct LeaderToMove {
  PartitionId partition;
  StorageMode storage = StorageMode::kMemory;
  std::string to;
};

// Moves leaders of the tablet `from` that are equal at the same moment in one fence, as far as they
// are; the answers are in the order of `leaders`. Preconditions, checked by the caller on the whole
// cluster: auto_failover off, no op queued or running, no ex-leader that still accepts writes (H1,
// H2, H3); and no two leaders in one lane of the nameserver's, where one would wait for the other.
// Safe to repeat after a crash at any point: a partition found demoted already goes on from there.
// Errors: FailedPrecondition when a replica is missing or in the wrong role; Unavailable when no
// moment of equality was found (nothing has changed then); Aborted when the leader did not change
// and the old one was made leader again. Lost rows are no error but in the result.
std::vector<absl::StatusOr<HandOverResult>> HandOverLeaders(
    OpenMldb& openmldb, Clock& clock, const std::string& from,
    const std::vector<LeaderToMove>& leaders, const HandOverLimits& limits);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_HAND_OVER_H_
