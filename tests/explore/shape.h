#ifndef OMDB_TESTS_EXPLORE_SHAPE_H_
#define OMDB_TESTS_EXPLORE_SHAPE_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace omdb::explore {

struct TableShape {
  std::string name;
  uint32_t partitions = 4;
  uint32_t replicas = 3;
  std::string base_table;  // set: a pre-aggregation table of that one (F5.12)
};

// The cluster that a story is about.
struct Shape {
  int nameservers = 2;
  int tablets = 3;
  std::vector<TableShape> tables;
  bool auto_failover = true;
  absl::Duration write_interval = absl::Milliseconds(20);  // for each partition
  // Not zero: the first partition gets one so often, and its followers are behind it for a second
  // now and then (M7).
  absl::Duration busy_interval;
  // So long after it was told a client goes on with what it knew of the leaders (M11).
  absl::Duration client_hears_after;
  // After a refused row; zero: as after any other.
  absl::Duration retry_interval;
  // Of ops that remove a detached replica once more, so many fail for no reason (M4 H4).
  double failing_removals = 1.0 / 500;
};

// 1 to 3 nameservers, 1 to 7 tablets, some tables of 1 to 3 replicas with up to 64 partitions in
// all; most of them small.
Shape RandomShape(std::mt19937_64& random);
// "3 tablets, 2 nameservers, auto_failover on, tables a(8x3) b(2x1)"
std::string ToString(const Shape& shape);

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_SHAPE_H_
