#include "tests/bench/measured.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace omdb::bench {
namespace {

constexpr int kPartitionsOfATable = 8;
constexpr int kRowsPerSecond = 500;
// A refused row is written again that soon, to see for how long it is refused.
constexpr absl::Duration kRetry = absl::Milliseconds(5);

}  // namespace

void Measured::Add(const std::string& part, absl::Duration spent) {
  auto known = std::find_if(parts.begin(), parts.end(),
                            [&part](const auto& each) { return each.first == part; });
  if (known == parts.end()) known = parts.insert(parts.end(), {part, absl::ZeroDuration()});
  known->second += spent;
}

absl::Duration Measured::pods() const {
  static const std::set<std::string> kOfPods = {"nameservers", "Restart", "Load", "task managers",
                                                "API servers"};
  absl::Duration sum;
  for (const auto& [part, spent] : parts) {
    if (kOfPods.count(part) > 0) sum += spent;
  }
  return sum;
}

void Measured::Conclude(explore::Story& story) {
  rows_lost = story.StopWritingAndFindLost().size();
  rows_acknowledged = story.writer().acknowledged();
  rows_refused = story.writer().refused();
  for (const auto& [id, rows] : story.writer().rows())
    pauses.insert(pauses.end(), rows.pauses.begin(), rows.pauses.end());
}

explore::Shape ShapeOf(int partitions) {
  explore::Shape shape;
  for (int made = 0; made < partitions; made += kPartitionsOfATable) {
    shape.tables.push_back({absl::StrCat("t", shape.tables.size()),
                            static_cast<uint32_t>(std::min(kPartitionsOfATable, partitions - made)),
                            3, ""});
  }
  shape.write_interval = absl::Seconds(1) * partitions / kRowsPerSecond;
  shape.retry_interval = kRetry;
  return shape;
}

absl::Duration Quantile(std::vector<absl::Duration> values, double part) {
  if (values.empty()) return absl::ZeroDuration();
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

}  // namespace omdb::bench
