// Explores upgrades: explore_seeds --seeds=5000 --faults=all, explore_seeds --systematic
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/explore/exploration.h"
#include "tests/explore/scenarios.h"

ABSL_FLAG(uint64_t, seeds, 1000, "how many stories");
ABSL_FLAG(uint64_t, first, 1, "the first seed");
ABSL_FLAG(std::vector<std::string>, play, {}, "these seeds instead, such as 79,1042");
ABSL_FLAG(std::string, play_file, "",
          "the seeds of this file instead, one a line; a line `faults: ...` says which kinds those "
          "after it have");
ABSL_FLAG(std::vector<std::string>, faults, {"all"}, "kinds of faults, or all, or none");
ABSL_FLAG(std::vector<std::string>, without, {}, "safeguards that are switched off, or all");
ABSL_FLAG(bool, systematic, false,
          "instead of seeds: each scenario, with the operator killed before and after each of its "
          "calls and each answer of a change lost");
ABSL_FLAG(std::string, scenario, "", "with --systematic: only this one");
ABSL_FLAG(uint64_t, call, 0, "with --scenario: only this call");
ABSL_FLAG(bool, twice, false, "play each story twice: it fails if it goes another way then");
ABSL_FLAG(int, jobs, 2, "stories at the same time");
ABSL_FLAG(bool, tell, false, "print each story, not only those that failed");
ABSL_FLAG(bool, trace, false, "stories tell every change that the operator makes");
ABSL_FLAG(int, most_failures, 5, "stop after so many");

namespace {

using omdb::explore::AllFaults;
using omdb::explore::AllSafeguards;
using omdb::explore::Fault;
using omdb::explore::Outcome;
using omdb::explore::Scenario;
using omdb::explore::Strike;
using omdb::explore::Telling;

// Exits when a name is unknown.
template <typename Value>
std::set<Value> Parse(const std::string& flag, const std::vector<std::string>& names,
                      const std::vector<std::pair<Value, std::string>>& known) {
  std::set<Value> values;
  for (const std::string& name : names) {
    const size_t before = values.size();
    for (const auto& [value, own] : known) {
      if (name == "all" || name == own) values.insert(value);
    }
    if (values.size() > before || name == "none" || name.empty()) continue;
    std::cerr << flag << ": " << name << " is none of all, none, "
              << absl::StrJoin(
                     known, ", ",
                     [](std::string* out, const auto& each) { absl::StrAppend(out, each.second); })
              << "\n";
    std::exit(2);
  }
  return values;
}

void Print(const Outcome& outcome) {
  for (const std::string& line : outcome.story) std::cout << "  " << line << "\n";
  std::cout << (outcome.failure.empty() ? "ok " : "FAILED ") << outcome.name << " digest "
            << outcome.digest << (outcome.failure.empty() ? "" : ": ") << outcome.failure << "\n"
            << std::flush;
}

using Plays = std::vector<std::function<Outcome()>>;

// What a failing seed prints is worth something only if it always does the same.
Outcome PlayTwice(const std::function<Outcome()>& play) {
  Outcome outcome = play();
  const uint64_t again = play().digest;
  if (outcome.failure.empty() && again != outcome.digest)
    outcome.failure = absl::StrCat("played again it went another way, with digest ", again);
  return outcome;
}

std::set<Fault> ParseFaults(const std::string& flag, const std::vector<std::string>& names) {
  return Parse(flag, names, AllFaults());
}

uint64_t ParseSeed(const std::string& flag, const std::string& text) {
  uint64_t seed = 0;
  if (absl::SimpleAtoi(text, &seed)) return seed;
  std::cerr << flag << ": " << text << " is no seed\n";
  std::exit(2);
}

std::function<Outcome()> Seed(uint64_t seed, const std::set<Fault>& kinds, const Telling& telling) {
  return [=] { return omdb::explore::Explore(seed, kinds, telling); };
}

Plays SeedsOfFile(const std::string& path, std::set<Fault> kinds, const Telling& telling) {
  std::ifstream file(path);
  if (!file) {
    std::cerr << "--play_file: " << path << " cannot be read\n";
    std::exit(2);
  }
  Plays plays;
  for (std::string line; std::getline(file, line);) {
    absl::string_view rest = line;
    if (absl::ConsumePrefix(&rest, "faults: ")) {
      kinds = ParseFaults(path, absl::StrSplit(rest, ','));
    } else if (!line.empty() && line.front() != '#') {
      plays.push_back(Seed(ParseSeed(path, line), kinds, telling));
    }
  }
  return plays;
}

Plays Seeds(const Telling& telling) {
  const auto kinds = ParseFaults("--faults", absl::GetFlag(FLAGS_faults));
  const std::string file = absl::GetFlag(FLAGS_play_file);
  if (!file.empty()) return SeedsOfFile(file, kinds, telling);
  Plays plays;
  for (const std::string& text : absl::GetFlag(FLAGS_play))
    plays.push_back(Seed(ParseSeed("--play", text), kinds, telling));
  if (!plays.empty()) return plays;
  for (uint64_t i = 0; i < absl::GetFlag(FLAGS_seeds); ++i)
    plays.push_back(Seed(absl::GetFlag(FLAGS_first) + i, kinds, telling));
  return plays;
}

Plays EachCall(const Telling& telling) {
  Plays plays;
  for (const Scenario& scenario : omdb::explore::Scenarios()) {
    const std::string& only = absl::GetFlag(FLAGS_scenario);
    if (!only.empty() && only != scenario.name) continue;
    std::vector<Strike> strikes = omdb::explore::StrikesOf(scenario);
    const uint64_t call = absl::GetFlag(FLAGS_call);
    if (call > 0)
      std::erase_if(strikes, [call](const Strike& strike) { return strike.call != call; });
    std::cout << scenario.name << ": " << strikes.size() << " plays\n" << std::flush;
    for (const Strike& strike : strikes)
      plays.emplace_back([=] { return omdb::explore::Play(scenario, strike, telling); });
  }
  return plays;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Plays whole upgrades in virtual time, each from a seed: a random cluster, random faults. "
      "A failing one prints its story; --play=SEED plays it again.");
  absl::ParseCommandLine(argc, argv);
  const Telling telling{absl::GetFlag(FLAGS_trace),
                        Parse("--without", absl::GetFlag(FLAGS_without), AllSafeguards())};
  const Plays plays = absl::GetFlag(FLAGS_systematic) ? EachCall(telling) : Seeds(telling);
  std::atomic<size_t> next = 0;
  std::atomic<int> failed = 0;
  std::mutex mutex;
  size_t played = 0;
  uint64_t rows = 0;
  std::vector<std::string> failing;
  const auto began = std::chrono::steady_clock::now();
  const auto play = [&] {
    while (failed < absl::GetFlag(FLAGS_most_failures)) {
      const size_t index = next++;
      if (index >= plays.size()) return;
      const Outcome outcome = absl::GetFlag(FLAGS_twice) ? PlayTwice(plays[index]) : plays[index]();
      std::lock_guard<std::mutex> lock(mutex);
      ++played;
      rows += outcome.rows;
      if (played % 1000 == 0 && played < plays.size())
        std::cout << played << " of " << plays.size() << " stories\n" << std::flush;
      if (!outcome.failure.empty()) {
        ++failed;
        failing.push_back(outcome.name);
      }
      if (!outcome.failure.empty() || absl::GetFlag(FLAGS_tell)) Print(outcome);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < absl::GetFlag(FLAGS_jobs); ++i) threads.emplace_back(play);
  for (std::thread& thread : threads) thread.join();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::sort(failing.begin(), failing.end());
  std::cout << absl::StrCat(played, " stories, ", rows, " rows acknowledged, ",
                            static_cast<int>(static_cast<double>(played) / seconds * 60),
                            " stories a minute\n");
  if (!failing.empty()) std::cout << "failing: " << absl::StrJoin(failing, ", ") << "\n";
  std::cout << played - failing.size() << " passed, " << failing.size() << " failed\n";
  return failing.empty() ? 0 : 1;
}
