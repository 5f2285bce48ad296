#include "tests/simulator/world/fake_network.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace omdb::simulator {

class FakeNetwork::Client : public Network {
 public:
  Client(FakeNetwork& network, std::string address, Executor& executor)
      : network_(network),
        network_alive_(network.alive_),
        address_(std::move(address)),
        executor_(executor),
        alive_(std::make_shared<bool>(true)) {}
  ~Client() override { *alive_ = false; }

  void Call(const std::string& address, const std::string& method,
            std::unique_ptr<google::protobuf::Message> request,
            std::unique_ptr<google::protobuf::Message> /*response*/, absl::Duration timeout,
            std::function<void(Answer)> done) override {
    if (!*network_alive_) return;
    FakeNetwork::Call call{address_,       address, method,
                           &executor_,     alive_,  network_.executor_.Now() + timeout,
                           std::move(done)};
    network_.Start(std::move(call), std::move(request));
  }

 private:
  FakeNetwork& network_;
  std::shared_ptr<bool> network_alive_;
  std::string address_;
  Executor& executor_;
  std::shared_ptr<bool> alive_;
};

FakeNetwork::~FakeNetwork() { *alive_ = false; }

std::unique_ptr<Network> FakeNetwork::ClientOf(std::string address, Executor& executor) {
  return std::make_unique<Client>(*this, std::move(address), executor);
}

void FakeNetwork::Listen(const std::string& address, Dispatcher& dispatcher, Executor& executor) {
  Close(address);
  listeners_[address] = Listener{&dispatcher, &executor, std::make_shared<bool>(true)};
}

void FakeNetwork::Close(const std::string& address) {
  auto found = listeners_.find(address);
  if (found == listeners_.end()) return;
  *found->second.alive = false;
  listeners_.erase(found);
  std::vector<uint64_t> cut_off;
  for (const auto& [id, call] : calls_under_way_) {
    if (call.to == address) cut_off.push_back(id);
  }
  for (uint64_t id : cut_off) {
    End(id, absl::UnavailableError(absl::StrCat(address, " closed the connection")));
  }
}

void FakeNetwork::Start(Call call, std::unique_ptr<google::protobuf::Message> request) {
  uint64_t id = ++calls_;
  Fate fate = Judge(call, /*is_reply=*/false);
  absl::Duration delay = DelayOf(call, /*is_reply=*/false);
  deadlines_.insert({call.deadline, id});
  calls_under_way_.emplace(id, std::move(call));
  WatchDeadlines();
  if (fate == Fate::kLose) return;
  // std::function wants copyable captures.
  auto held = std::make_shared<std::unique_ptr<google::protobuf::Message>>(std::move(request));
  executor_.Schedule(delay, [this, alive = alive_, id, fate, held] {
    if (!*alive) return;
    if (fate == Fate::kRefuse) return End(id, absl::UnavailableError("connection refused"));
    Deliver(id, std::move(*held));
  });
}

void FakeNetwork::Deliver(uint64_t id, std::unique_ptr<google::protobuf::Message> request) {
  auto found = calls_under_way_.find(id);
  if (found == calls_under_way_.end()) return;
  auto listener = listeners_.find(found->second.to);
  if (listener == listeners_.end()) {
    return End(id, absl::UnavailableError(absl::StrCat(found->second.to, ": connection refused")));
  }
  Dispatcher* dispatcher = listener->second.dispatcher;
  auto held = std::make_shared<std::unique_ptr<google::protobuf::Message>>(std::move(request));
  // Through the server's executor: a hung server gets it when it wakes up (M6).
  listener->second.executor->Schedule(
      absl::ZeroDuration(), [this, alive = alive_, server_alive = listener->second.alive,
                             dispatcher, id, method = found->second.method, held] {
        if (!*alive || !*server_alive) return;
        dispatcher->Handle(method, std::move(*held),
                           [this, alive, id](absl::StatusOr<Reply> reply) {
                             if (*alive) Answered(id, std::move(reply));
                           });
      });
}

void FakeNetwork::Answered(uint64_t id, absl::StatusOr<Reply> reply) {
  auto found = calls_under_way_.find(id);
  if (found == calls_under_way_.end()) return;
  Fate fate = Judge(found->second, /*is_reply=*/true);
  if (fate == Fate::kLose) return;
  absl::Duration delay = DelayOf(found->second, /*is_reply=*/true);
  auto held = std::make_shared<absl::StatusOr<Reply>>(std::move(reply));
  executor_.Schedule(delay, [this, alive = alive_, id, fate, held] {
    if (!*alive) return;
    if (fate == Fate::kRefuse) return End(id, absl::UnavailableError("connection reset"));
    if (!held->ok()) return End(id, held->status());
    End(id, std::move((*held)->message));
  });
}

void FakeNetwork::End(uint64_t id, Answer answer) {
  auto found = calls_under_way_.find(id);
  if (found == calls_under_way_.end()) return;
  Call call = std::move(found->second);
  calls_under_way_.erase(found);
  deadlines_.erase({call.deadline, id});
  if (!*call.caller_alive) return;
  auto held = std::make_shared<Answer>(std::move(answer));
  call.caller->Schedule(absl::ZeroDuration(),
                        [done = std::move(call.done), alive = call.caller_alive, held] {
                          if (*alive) done(std::move(*held));
                        });
}

void FakeNetwork::WatchDeadlines() {
  if (deadlines_.empty() || deadlines_.begin()->first >= watched_) return;
  watched_ = deadlines_.begin()->first;
  executor_.Schedule(watched_ - executor_.Now(), [this, alive = alive_] {
    if (!*alive) return;
    while (!deadlines_.empty() && deadlines_.begin()->first <= executor_.Now()) {
      End(deadlines_.begin()->second, absl::DeadlineExceededError("no answer in time"));
    }
    watched_ = absl::InfiniteFuture();
    WatchDeadlines();
  });
}

FakeNetwork::Fate FakeNetwork::Judge(const Call& call, bool is_reply) {
  if (!cut_.empty() && (cut_.contains({call.from, call.to}))) return Fate::kLose;
  if (!filter_) return Fate::kDeliver;
  return filter_(Message{call.from, call.to, call.method, is_reply});
}

absl::Duration FakeNetwork::DelayOf(const Call& call, bool is_reply) {
  if (delay_) return delay_(Message{call.from, call.to, call.method, is_reply});
  return absl::Microseconds(30 + static_cast<int64_t>(executor_.random()() % 120));
}

}  // namespace omdb::simulator
