// Upgrades clusters of several sizes by several ways, and prints what it cost as tables of
// Markdown.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tests/bench/measured.h"

ABSL_FLAG(std::vector<std::string>, partitions, (std::vector<std::string>{"24", "240", "800"}),
          "leader partitions of the cluster, of three replicas each");
ABSL_FLAG(std::vector<std::string>, ways,
          (std::vector<std::string>{"operator", "guide", "nameserver"}), "ways to upgrade it");
ABSL_FLAG(int, upgrades, 5,
          "so many by the operator, which differ by chance; the one that takes the middle time is "
          "shown, and each is held to the aims");
ABSL_FLAG(absl::Duration, command_start, absl::Milliseconds(150),
          "what a command of the guide takes before it asks anything");

namespace {

using omdb::bench::Measured;
using omdb::bench::Quantile;

// The operator's aims: beyond the pods' own time, for each leader moved and in factors of that
// time.
constexpr double kTimesThePods = 1.3;
constexpr absl::Duration kPerLeader = absl::Milliseconds(50);
// With fewer it is the waits between steps that count.
constexpr int kManyPartitions = 240;
// What is promised.
constexpr absl::Duration kMedianFence = absl::Milliseconds(30);
constexpr absl::Duration kLongestFence = absl::Milliseconds(100);
constexpr absl::Duration kUsualPause = absl::Milliseconds(200);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(duration));
}

std::string Millis(absl::Duration duration) {
  return absl::StrFormat("%.0f ms", absl::ToDoubleMilliseconds(duration));
}

absl::Duration Longest(const std::vector<absl::Duration>& values) { return Quantile(values, 1); }

absl::Duration Aim(const Measured& measured) {
  return kTimesThePods * measured.pods() + measured.leaders_moved * kPerLeader;
}

void PrintHeader() {
  absl::PrintF(
      "| partitions | way | whole upgrade | pods' own | leaders moved | rows acknowledged | "
      "refused "
      "| pause, p99 | longest | rows lost |\n"
      "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
}

void PrintRow(const Measured& measured) {
  absl::PrintF("| %d | %s | %s | %s | %d | %d | %d | %s | %s | %d |\n", measured.partitions,
               measured.way, Seconds(measured.total), Seconds(measured.pods()),
               measured.leaders_moved, measured.rows_acknowledged, measured.rows_refused,
               Millis(Quantile(measured.pauses, 0.99)), Millis(Longest(measured.pauses)),
               measured.rows_lost);
  std::fflush(stdout);
}

// Of the same upgrade several times, by their time.
using Measures = std::vector<Measured>;

const Measured& Middle(const Measures& measures) { return measures[measures.size() / 2]; }

void PrintParts(const Measures& measures) {
  const Measured& measured = Middle(measures);
  std::vector<std::string> parts;
  for (const auto& [part, spent] : measured.parts)
    parts.push_back(absl::StrCat(part, " ", Seconds(spent)));
  absl::PrintF("\n%d partitions, %s: %s", measured.partitions, measured.way,
               absl::StrJoin(parts, ", "));
  if (measured.calls > 0) absl::PrintF("; %d calls", measured.calls);
  if (!measured.fences.empty()) {
    absl::PrintF("; tablets fenced %d times, median %s, longest %s; aim of the whole: %s",
                 measured.fences.size(), Millis(Quantile(measured.fences, 0.5)),
                 Millis(Longest(measured.fences)), Seconds(Aim(measured)));
  }
  if (measures.size() > 1) {
    absl::PrintF("; of %d such upgrades the quickest took %s, the slowest %s", measures.size(),
                 Seconds(measures.front().total), Seconds(measures.back().total));
  }
  absl::PrintF("\n");
}

// What the operator promises, and does not keep here.
std::vector<std::string> Missed(const Measured& measured) {
  std::vector<std::string> missed;
  const auto promise = [&missed](bool kept, const char* what) {
    if (!kept) missed.emplace_back(what);
  };
  promise(measured.rows_lost == 0, "no row is lost");
  promise(Quantile(measured.fences, 0.5) <= kMedianFence, "a fence of 30 ms in the median");
  promise(Longest(measured.fences) <= kLongestFence, "no fence longer than 100 ms");
  promise(Quantile(measured.pauses, 0.99) <= kUsualPause, "99 of 100 pauses are below 200 ms");
  promise(Longest(measured.pauses) <= kLongestPause, "no pause longer than 1 s");
  promise(measured.total <= Aim(measured) || measured.partitions < kManyPartitions,
          "1.3 times what the pods take, and 50 ms for each leader");
  return missed;
}

Measures Measure(const std::string& way, int partitions) {
  if (way == "operator") {
    Measures measures;
    for (int seed = 1; seed <= std::max(absl::GetFlag(FLAGS_upgrades), 1); ++seed)
      measures.push_back(omdb::bench::ByOperator(partitions, static_cast<uint64_t>(seed)));
    std::sort(measures.begin(), measures.end(),
              [](const Measured& a, const Measured& b) { return a.total < b.total; });
    return measures;
  }
  if (way == "guide") return {omdb::bench::ByGuide(partitions, absl::GetFlag(FLAGS_command_start))};
  if (way == "nameserver") return {omdb::bench::ByNameserver(partitions)};
  std::cerr << "--ways: " << way << " is none of operator, guide, nameserver\n";
  std::exit(2);
}

// Says what is missed, if anything is.
bool Passes(const Measured& measured) {
  std::vector<std::string> missed;
  if (!measured.failure.empty()) missed.push_back("it came to no end: " + measured.failure);
  if (missed.empty() && measured.way == "the operator") missed = Missed(measured);
  for (const std::string& what : missed)
    absl::PrintF("MISSED with %d partitions by %s: %s\n", measured.partitions, measured.way, what);
  return missed.empty();
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Upgrades a cluster of three tablets under a writer of 500 rows a second, in the stand-in's "
      "virtual time at OpenMLDB's release configuration.");
  absl::ParseCommandLine(argc, argv);
  std::vector<Measures> all;
  int passed = 0;
  int failed = 0;
  PrintHeader();
  for (const std::string& text : absl::GetFlag(FLAGS_partitions)) {
    int partitions = 0;
    if (!absl::SimpleAtoi(text, &partitions) || partitions < 1) {
      std::cerr << "--partitions: " << text << " is no number above 0\n";
      return 2;
    }
    for (const std::string& way : absl::GetFlag(FLAGS_ways)) {
      all.push_back(Measure(way, partitions));
      PrintRow(Middle(all.back()));
    }
  }
  for (const Measures& measures : all) PrintParts(measures);
  for (const Measures& measures : all) {
    for (const Measured& measured : measures) ++(Passes(measured) ? passed : failed);
  }
  absl::PrintF("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
