#ifndef OMDB_TESTS_EXPLORE_EXCUSES_H_
#define OMDB_TESTS_EXPLORE_EXCUSES_H_

#include "absl/time/time.h"

namespace omdb::explore {

// What a story may leave behind since OpenMLDB's nameserver, or a person, did it and not the
// operator. None without faults.
struct Excuses {
  // Acknowledged and not replicated when a tablet broke that was failed over (M4), or when somebody
  // changed its leader without a fence (M1).
  bool rows_lost = false;
  // Replicas with as many rows, of which some are others that nobody sees: likewise (M1).
  bool hidden_rows = false;
  // Replicas that lack rows: the nameserver's recovery attaches and loads at the same time (M1 H1),
  // and so may two changes by hand, or one that nobody looks at any more (H5).
  bool holes = false;
  // Leaders elsewhere: who moves them has to put them back himself.
  bool leaders_elsewhere = false;
  // Ops of the nameserver's own recovery, which goes on when the rollout is over.
  bool ops_under_way = false;
  // Somebody may have changed what it is to be in the end.
  bool auto_failover = false;
  // Two tablets that take rows of a partition, from then on: who changes a leader without a
  // demotion makes a second one, and so does a nameserver that goes on with an op that was being
  // cancelled while it hung.
  absl::Time two_leaders_from = absl::InfiniteFuture();
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_EXCUSES_H_
