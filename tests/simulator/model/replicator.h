#ifndef OMDB_TESTS_SIMULATOR_MODEL_REPLICATOR_H_
#define OMDB_TESTS_SIMULATOR_MODEL_REPLICATOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tablet.pb.h"
#include "tests/simulator/model/binlog.h"
#include "tests/simulator/model/executor.h"
#include "tests/simulator/model/options.h"
#include "tests/simulator/model/rpc.h"
#include "tests/simulator/model/task.h"

namespace omdb::simulator {

// A leader's side of replication: one sender for each follower, asynchronous to the puts (F5.2.1
// a). A sender asks its follower for its offset once, when it is added, and from then on believes
// what it sent itself (F5.2.1 d); it keeps the address it was given (F1.3). Senders with nothing to
// send cost nothing.
class Replicator {
 public:
  struct Follower {
    std::string name;
    uint64_t offset;  // what this leader believes (M7)
  };

  // `binlog` and `term` belong to the replica and outlive this; `term` is read at each sending.
  Replicator(uint32_t tid, uint32_t pid, const Options& options, Executor& executor,
             Network& network, const Binlog& binlog, const uint64_t& term)
      : tid_(tid),
        pid_(pid),
        options_(options),
        executor_(executor),
        network_(network),
        binlog_(binlog),
        term_(term) {}

  // False when there is one of that name.
  bool Add(const std::string& name, const std::string& address);
  bool Remove(const std::string& name) { return senders_.erase(name) > 0; }
  // What was not sent yet stays unsent. Returns how many of the senders have a request under way;
  // `joined` is called for each of them when that has ended, which a hung follower delays by the
  // whole request timeout.
  int RemoveAll(const std::function<void()>& joined = nullptr);
  // Entries were appended.
  void Notify();

  bool empty() const { return senders_.empty(); }
  std::vector<Follower> followers() const;

 private:
  // A sender's requests; outlives it while one is under way.
  struct Requests {
    bool under_way = false;
    std::function<void()> joined;
  };
  struct Sender {
    Sender(std::string sender_name, std::string sender_address, Executor& executor)
        : name(std::move(sender_name)), address(std::move(sender_address)), scope(executor) {}

    std::string name;
    std::string address;
    uint64_t synced = 0;
    bool idle = false;
    bool wake_pending = false;
    std::shared_ptr<Requests> requests = std::make_shared<Requests>();
    Promise<Unit> wake;
    Scope scope;  // last: its coroutine uses the rest
  };

  Task<void> Run(Sender* sender);
  Task<void> ShakeHands(Sender* sender);
  Task<absl::StatusOr<uint64_t>> Send(Sender* sender, openmldb::api::AppendEntriesRequest request);
  openmldb::api::AppendEntriesRequest NewRequest(uint64_t pre_log_index) const;
  // Whether a look at the log now meets a record that is being written.
  bool MeetsHalfARecord() const;
  static void Wake(Sender& sender);

  uint32_t tid_;
  uint32_t pid_;
  const Options& options_;
  Executor& executor_;
  Network& network_;
  const Binlog& binlog_;
  const uint64_t& term_;
  absl::Time last_append_ = absl::InfinitePast();
  absl::Duration append_gap_ = absl::InfiniteDuration();  // between the last two
  std::map<std::string, std::unique_ptr<Sender>> senders_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_REPLICATOR_H_
