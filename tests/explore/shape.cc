#include "tests/explore/shape.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace omdb::explore {
namespace {

// Rows a second over all partitions: enough to be under way at every moment of a hand-over.
constexpr int kRowsPerSecond = 60;

int Between(std::mt19937_64& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

// Small numbers more often.
int Mostly(std::mt19937_64& random, int usual, int most) {
  return Between(random, 0, 9) == 0 ? Between(random, 1, most) : Between(random, 1, usual);
}

}  // namespace

Shape RandomShape(std::mt19937_64& random) {
  Shape shape;
  shape.nameservers = Between(random, 1, 3);
  shape.tablets = Between(random, 0, 9) == 0 ? Between(random, 1, 7) : Between(random, 2, 4);
  shape.auto_failover = Between(random, 0, 3) > 0;
  int partitions = 0;
  for (int i = Between(random, 1, 3); i > 0; --i) {
    TableShape table;
    table.name = absl::StrCat("t", shape.tables.size());
    table.replicas = static_cast<uint32_t>(Between(random, 1, std::min(3, shape.tablets)));
    // Each partition of one replica costs the nameserver ten seconds twice (M5).
    const int most = table.replicas == 1 || partitions > 32 ? 8 : 32;
    table.partitions = static_cast<uint32_t>(Mostly(random, table.replicas == 1 ? 3 : 6, most));
    partitions += static_cast<int>(table.partitions);
    shape.tables.push_back(table);
  }
  if (Between(random, 0, 4) == 0) {
    TableShape aggregated = shape.tables.front();
    aggregated.name = "pre_agg";
    aggregated.base_table = shape.tables.front().name;
    partitions += static_cast<int>(aggregated.partitions);
    shape.tables.push_back(aggregated);
  }
  shape.write_interval = absl::Seconds(1) * partitions / kRowsPerSecond;
  return shape;
}

std::string ToString(const Shape& shape) {
  std::string text =
      absl::StrCat(shape.tablets, " tablets, ", shape.nameservers, " nameservers, auto_failover ",
                   shape.auto_failover ? "on" : "off", ", tables");
  for (const TableShape& table : shape.tables) {
    absl::StrAppend(&text, " ", table.name, "(", table.partitions, "x", table.replicas,
                    table.base_table.empty() ? "" : " of ", table.base_table, ")");
  }
  return text;
}

}  // namespace omdb::explore
