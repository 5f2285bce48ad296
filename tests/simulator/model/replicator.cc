#include "tests/simulator/model/replicator.h"

#include <algorithm>
#include <random>
#include <utility>

namespace omdb::simulator {

namespace api = openmldb::api;

namespace {

constexpr char kAppendEntries[] = "openmldb.api.TabletServer/AppendEntries";
// Faster than once in so many looks was not measured (M2: 636 rows a second, once in 80).
constexpr double kMostPauses = 1.0 / 64;

}  // namespace

bool Replicator::Add(const std::string& name, const std::string& address) {
  if (senders_.contains(name)) return false;
  auto sender = std::make_unique<Sender>(name, address, executor_);
  sender->scope.Spawn(Run(sender.get()));
  senders_.emplace(name, std::move(sender));
  return true;
}

int Replicator::RemoveAll(const std::function<void()>& joined) {
  int under_way = 0;
  for (auto& [name, sender] : senders_) {
    if (!sender->requests->under_way) continue;
    sender->requests->joined = joined;
    ++under_way;
  }
  senders_.clear();
  return under_way;
}

void Replicator::Notify() {
  const absl::Time now = executor_.Now();
  append_gap_ = now - last_append_;
  last_append_ = now;
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
    if (MeetsHalfARecord()) co_await Delay(executor_, options_.binlog_coffee_time);
    api::AppendEntriesRequest request = NewRequest(sender->synced);
    // Nothing is sent from beyond an entry that this log lacks: asked for it again and again.
    uint64_t next = sender->synced + 1;
    absl::Status read = binlog_.ReadAfter(sender->synced, options_.binlog_sync_batch_size,
                                          [&](const api::LogEntry& entry) {
                                            if (entry.log_index() != next) return;
                                            ++next;
                                            *request.add_entries() = entry;
                                          });
    if (!read.ok() || request.entries().empty()) {
      co_await Delay(executor_, options_.binlog_coffee_time);
      continue;
    }
    uint64_t last = request.entries().rbegin()->log_index();
    if ((co_await Send(sender, std::move(request))).ok()) {
      sender->synced = last;  // whatever offset the follower reports
    } else {
      co_await Delay(executor_, options_.binlog_coffee_time);
    }
  }
}

Task<void> Replicator::ShakeHands(Sender* sender) {
  for (;;) {
    auto offset = co_await Send(sender, NewRequest(0));
    if (offset.ok()) {
      sender->synced = *offset;
      co_return;
    }
    co_await Delay(executor_, options_.binlog_match_logoffset_interval);
  }
}

// The offset that the follower reports.
Task<absl::StatusOr<uint64_t>> Replicator::Send(Sender* sender, api::AppendEntriesRequest request) {
  using Answer = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;
  Promise<Answer> promise;
  sender->requests->under_way = true;
  network_.Call(sender->address, kAppendEntries,
                std::make_unique<api::AppendEntriesRequest>(std::move(request)),
                std::make_unique<api::AppendEntriesResponse>(), options_.request_timeout,
                [promise, requests = sender->requests](Answer answer) {
                  requests->under_way = false;
                  if (requests->joined) std::exchange(requests->joined, nullptr)();
                  promise.Set(std::move(answer));
                });
  Answer answer = co_await promise;
  if (!answer.ok()) co_return answer.status();
  const auto& response = static_cast<const api::AppendEntriesResponse&>(**answer);
  if (response.code() != 0) co_return absl::FailedPreconditionError(response.msg());
  co_return response.log_offset();
}

api::AppendEntriesRequest Replicator::NewRequest(uint64_t pre_log_index) const {
  api::AppendEntriesRequest request;
  request.set_tid(tid_);
  request.set_pid(pid_);
  request.set_term(term_);
  request.set_pre_log_index(pre_log_index);
  return request;
}

// The more often there is one, the more looks: pauses rise with the square of the rate of rows.
bool Replicator::MeetsHalfARecord() const {
  if (options_.binlog_write_time == absl::ZeroDuration()) return false;
  if (executor_.Now() - last_append_ > append_gap_) return false;
  const double chance =
      std::min(kMostPauses, absl::FDivDuration(options_.binlog_write_time, append_gap_));
  return std::bernoulli_distribution(chance)(executor_.random());
}

void Replicator::Wake(Sender& sender) {
  sender.wake_pending = false;
  if (std::exchange(sender.idle, false)) sender.wake.Set(Unit{});
}

}  // namespace omdb::simulator
