#include "tests/simulator/world/fake_network.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace omdb::simulator {
namespace {

absl::Status ConnectionLost(const std::string& how) {
  absl::Status status = absl::UnavailableError(how);
  status.SetPayload(FakeNetwork::kMayHaveHappened, absl::Cord());
  return status;
}

}  // namespace

class FakeNetwork::Client : public Network {
 public:
  Client(FakeNetwork& network, std::string address, Executor& executor)
      : network_(network),
        network_alive_(network.alive_),
        address_(std::move(address)),
        executor_(executor),
        alive_(std::make_shared<bool>(true)) {}
  ~Client() override { *alive_ = false; }

  void Call(const std::string& address, std::string method,
            std::unique_ptr<google::protobuf::Message> request,
            std::unique_ptr<google::protobuf::Message> /*response*/, absl::Duration timeout,
            std::function<void(Answer)> done) override {
    if (!*network_alive_) return;
    FakeNetwork::Call call{++network_.calls_,
                           address_,
                           address,
                           std::move(method),
                           &executor_,
                           alive_,
                           network_.executor_.Now() + timeout,
                           std::move(done)};
    network_.Start(std::make_shared<FakeNetwork::Call>(std::move(call)), std::move(request));
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
  std::map<uint64_t, CallPtr> cut_off;
  for (const auto& [deadline, call] : under_way_) {
    if (call->to == address) cut_off.emplace(call->id, call);
  }
  for (const auto& [id, call] : cut_off)
    End(*call, ConnectionLost(absl::StrCat(address, " closed the connection")));
}

void FakeNetwork::Start(const CallPtr& call, std::unique_ptr<google::protobuf::Message> request) {
  Fate fate = Judge(*call, /*is_reply=*/false);
  absl::Duration delay = DelayOf(*call, /*is_reply=*/false);
  under_way_.emplace(std::pair(call->deadline, call->id), call);
  WatchDeadlines();
  if (fate == Fate::kLose) return;
  executor_.Schedule(delay,
                     [this, alive = alive_, call, fate, request = std::move(request)]() mutable {
                       if (!*alive) return;
                       if (fate == Fate::kRefuse)
                         return End(*call, absl::UnavailableError("connection refused"));
                       Deliver(call, std::move(request));
                     });
}

void FakeNetwork::Deliver(const CallPtr& call, std::unique_ptr<google::protobuf::Message> request) {
  if (call->ended) return;
  auto listener = listeners_.find(call->to);
  if (listener == listeners_.end())
    return End(*call, absl::UnavailableError(absl::StrCat(call->to, ": connection refused")));
  Dispatcher* dispatcher = listener->second.dispatcher;
  // Through the server's executor: a hung server gets it when it wakes up (M6).
  listener->second.executor->Schedule(
      absl::ZeroDuration(), [this, alive = alive_, server_alive = listener->second.alive,
                             dispatcher, call, request = std::move(request)]() mutable {
        if (!*alive || !*server_alive) return;
        dispatcher->Handle(call->method, std::move(request),
                           [this, alive, call](absl::StatusOr<Reply> reply) {
                             if (*alive) Answered(call, std::move(reply));
                           });
      });
}

void FakeNetwork::Answered(const CallPtr& call, absl::StatusOr<Reply> reply) {
  if (call->ended) return;
  Fate fate = Judge(*call, /*is_reply=*/true);
  if (fate == Fate::kLose) return;
  absl::Duration delay = DelayOf(*call, /*is_reply=*/true);
  executor_.Schedule(delay, [this, alive = alive_, call, fate, reply = std::move(reply)]() mutable {
    if (!*alive) return;
    if (fate == Fate::kRefuse) return End(*call, ConnectionLost("connection reset"));
    if (!reply.ok()) return End(*call, reply.status());
    End(*call, std::move(reply->message));
  });
}

void FakeNetwork::End(Call& call, Answer answer) {
  if (std::exchange(call.ended, true)) return;
  under_way_.erase({call.deadline, call.id});
  if (!*call.caller_alive) return;
  call.caller->Schedule(absl::ZeroDuration(),
                        [done = std::move(call.done), alive = call.caller_alive,
                         answer = std::move(answer)]() mutable {
                          if (*alive) done(std::move(answer));
                        });
}

void FakeNetwork::WatchDeadlines() {
  if (under_way_.empty() || Earliest() >= watched_) return;
  watched_ = Earliest();
  executor_.Schedule(watched_ - executor_.Now(), [this, alive = alive_] {
    if (!*alive) return;
    while (!under_way_.empty() && Earliest() <= executor_.Now()) {
      const CallPtr late = under_way_.begin()->second;
      End(*late, absl::DeadlineExceededError("no answer in time"));
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
