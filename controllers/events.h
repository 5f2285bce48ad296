#ifndef OMDB_CONTROLLERS_EVENTS_H_
#define OMDB_CONTROLLERS_EVENTS_H_

#include "controllers/cluster.h"
#include "controllers/decision.h"

namespace omdb {

// Where events about a cluster go. Never blocks and never fails; repeated notes are counted, not
// repeated. Thread-safe.
class EventSink {
 public:
  virtual ~EventSink() = default;

  virtual void Emit(const Cluster& cluster, const Note& note) = 0;
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_EVENTS_H_
