#include "tests/simulator/model/replicator.h"

#include <algorithm>
#include <random>
#include <utility>

namespace omdb::simulator {

namespace api = openmldb::api;

namespace {

constexpr char kAppendEntries[] = "openmldb.api.TabletServer/AppendEntries";
// Only a record that is being written can be met half written.
constexpr absl::Duration kWriting = absl::Milliseconds(5);

}  // namespace

bool Replicator::Add(const std::string& name, const std::string& address) {
  if (senders_.contains(name)) return false;
  auto sender = std::make_unique<Sender>(name, address, executor_);
  sender->scope.Spawn(Run(sender.get()));
  senders_.emplace(name, std::move(sender));
  return true;
}

void Replicator::Notify() {
  last_append_ = executor_.Now();
  for (auto& [name, sender] : senders_) {
    if (!sender->idle || sender->wake_pending || sender->synced >= binlog_.last_offset()) continue;
    absl::Duration delay = absl::ZeroDuration();
    if (!options_.binlog_notify_on_put) {  // the sender looks by itself, now and then
      delay = options_.binlog_sync_wait_time *
              std::uniform_real_distribution<double>(0, 1)(executor_.random());
    }
    sender->wake_pending = true;
    sender->scope.Post(delay, [each = sender.get()] { Wake(*each); });
  }
}

std::vector<Replicator::Follower> Replicator::followers() const {
  std::vector<Follower> all;
  for (const auto& [name, sender] : senders_) all.push_back({name, sender->synced});
  return all;
}

Task<void> Replicator::Run(Sender* sender) {
  co_await ShakeHands(sender);
  for (;;) {
    if (sender->synced >= binlog_.last_offset()) {
      sender->wake = Promise<Unit>();
      sender->idle = true;
      co_await sender->wake;
    }
    std::uniform_real_distribution<double> chance(0, 1);
    if (executor_.Now() - last_append_ <= kWriting &&
        chance(executor_.random()) < options_.binlog_coffee_probability) {
      co_await Delay(executor_, options_.binlog_coffee_time);
    }
    api::AppendEntriesRequest request = NewRequest(sender->synced);
    absl::Status read =
        binlog_.ReadAfter(sender->synced, options_.binlog_sync_batch_size,
                          [&](const api::LogEntry& entry) { *request.add_entries() = entry; });
    if (!read.ok() || request.entries().empty()) {
      co_await Delay(executor_, options_.binlog_coffee_time);
      continue;
    }
    uint64_t last = request.entries().rbegin()->log_index();
    auto response = co_await CallPeer<api::AppendEntriesResponse>(
        network_, sender->address, kAppendEntries, std::move(request), options_.request_timeout);
    if (response.ok() && response->code() == 0) {
      sender->synced = last;  // whatever offset the follower reports
    } else {
      co_await Delay(executor_, options_.binlog_coffee_time);
    }
  }
}

Task<void> Replicator::ShakeHands(Sender* sender) {
  for (;;) {
    auto response = co_await CallPeer<api::AppendEntriesResponse>(
        network_, sender->address, kAppendEntries, NewRequest(0), options_.request_timeout);
    if (response.ok() && response->code() == 0) {
      sender->synced = response->log_offset();
      co_return;
    }
    co_await Delay(executor_, options_.binlog_match_logoffset_interval);
  }
}

api::AppendEntriesRequest Replicator::NewRequest(uint64_t pre_log_index) const {
  api::AppendEntriesRequest request;
  request.set_tid(tid_);
  request.set_pid(pid_);
  request.set_term(term_);
  request.set_pre_log_index(pre_log_index);
  return request;
}

void Replicator::Wake(Sender& sender) {
  sender.wake_pending = false;
  if (std::exchange(sender.idle, false)) sender.wake.Set(Unit{});
}

}  // namespace omdb::simulator
