#include "tests/contract/writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace omdb::contract {

void Writer::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Writer::Write() {
  std::string leader;
  absl::Time last_success = absl::Now();
  for (int i = 0; !stop_; ++i) {
    if (leader.empty()) {
      const auto partition = openmldb_.GetPartition(partition_);
      if (partition.ok() && partition->Leader() != nullptr) leader = partition->Leader()->endpoint;
    }
    const std::string key = absl::StrCat("w", i);
    if (leader.empty() || raw_.Put(leader, partition_, key) != 0) {
      leader.clear();
      absl::SleepFor(absl::Milliseconds(2));
      continue;
    }
    const absl::Time now = absl::Now();
    {
      absl::MutexLock lock(&mutex_);
      acknowledged_.insert(key);
      longest_pause_ = std::max(longest_pause_, now - last_success);
    }
    last_success = now;
    absl::SleepFor(absl::Milliseconds(1));
  }
}

}  // namespace omdb::contract
