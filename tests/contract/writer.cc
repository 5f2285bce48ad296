#include "tests/contract/writer.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace omdb::contract {

void Writer::Stop() {
  End();
  if (thread_.joinable()) thread_.join();
}

void Writer::Write() {
  std::string leader;
  absl::Time last_success = absl::Now();
  std::optional<absl::Time> refused_since;
  for (int i = 0; !stop_; ++i) {
    if (leader.empty()) {
      const auto partition = openmldb_.GetPartition(partition_);
      if (partition.ok() && partition->Leader() != nullptr) leader = partition->Leader()->endpoint;
    }
    const std::string key = absl::StrCat("w", i);
    const absl::Time began = absl::Now();
    if (leader.empty() || raw_.Put(leader, partition_, key) != 0) {
      leader.clear();
      ++refused_;
      if (!refused_since) refused_since = began;
      absl::SleepFor(absl::Milliseconds(2));
      continue;
    }
    const absl::Time now = absl::Now();
    {
      absl::MutexLock lock(&mutex_);
      acknowledged_.insert(key);
      longest_pause_ = std::max(longest_pause_, now - last_success);
      if (refused_since) refusals_.push_back(now - *refused_since);
    }
    refused_since.reset();
    last_success = now;
    absl::SleepFor(interval_);
  }
}

}  // namespace omdb::contract
