#ifndef OMDB_TESTS_BENCH_MEASURED_H_
#define OMDB_TESTS_BENCH_MEASURED_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "tests/explore/story.h"

// What an upgrade of a whole cluster costs, by one way or another, in the stand-in's virtual time.
namespace omdb::bench {

inline constexpr char kFrom[] = "0.9.1";
inline constexpr char kTo[] = "0.9.2";

struct Measured {
  std::string way;
  int partitions = 0;
  std::string failure;  // empty when the upgrade came to its end
  absl::Duration total;
  // Where the time went, in the order in which the parts began.
  std::vector<std::pair<std::string, absl::Duration>> parts;
  int leaders_moved = 0;               // there and back are two
  std::vector<absl::Duration> fences;  // how long a tablet refused all writes, each time
  std::vector<absl::Duration> pauses;  // from a refused row to the next one taken, by partition
  uint64_t rows_acknowledged = 0;
  uint64_t rows_refused = 0;
  uint64_t rows_lost = 0;
  uint64_t calls = 0;  // to OpenMLDB and to Kubernetes

  // Adds to the part of that name.
  void Add(const std::string& part, absl::Duration spent);
  // Of the parts in which servers restart and load their data, which takes its time whoever does
  // it.
  absl::Duration pods() const;
  // What the writer has to say, after it was stopped.
  void Conclude(explore::Story& story);
};

// Three tablets, two nameservers, that many partitions of three replicas in tables of eight, and
// 500 rows a second over all of them.
explore::Shape ShapeOf(int partitions);

// The value that so much of all are not above; `part` is 0 to 1. Zero of nothing.
absl::Duration Quantile(std::vector<absl::Duration> values, double part);

// Upgrades that differ in `seed` only begin at other moments, and differ by chance.
Measured ByOperator(int partitions, uint64_t seed);
// As OpenMLDB's upgrade guide has it, with the algorithm of its openmldb_ops.py (F6). Each of its
// commands is a process that takes `command_start` to be there.
Measured ByGuide(int partitions, absl::Duration command_start);
// Drain and return by the nameserver's own OfflineEndpoint and RecoverEndpoint with 8 lanes.
Measured ByNameserver(int partitions);

}  // namespace omdb::bench

#endif  // OMDB_TESTS_BENCH_MEASURED_H_
