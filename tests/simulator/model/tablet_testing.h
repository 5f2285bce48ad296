#ifndef OMDB_TESTS_SIMULATOR_MODEL_TABLET_TESTING_H_
#define OMDB_TESTS_SIMULATOR_MODEL_TABLET_TESTING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tablet.pb.h"
#include "tests/simulator/model/tablet.h"
#include "tests/simulator/world/caller.h"
#include "tests/simulator/world/process.h"

namespace omdb::simulator {

namespace api = openmldb::api;

// A few tablets named A, B, C … with one table, and the calls that tests make.
class TabletCluster {
 public:
  static constexpr uint32_t kTid = 7;

  explicit TabletCluster(const std::string& names, uint64_t seed = 1, Options options = {});

  World& world() { return world_; }
  void RunFor(absl::Duration duration) { world_.executor.RunFor(duration); }
  Process<TabletServer>& process(char name) { return *tablets_.at(name); }
  static std::string NameOf(char name) { return std::string("tablet-") + name; }
  // Where it listens; changes when RestartElsewhere gives it another address.
  std::string AddressOf(char name) { return process(name).address(); }
  // A new process with the old volume and a new address, as a pod that comes back.
  absl::Status RestartElsewhere(char name);
  // What the nameserver does at each change below /nodes.
  void PushAddresses();

  // Any method of a tablet, "Put"; a transport error is reported and gives an empty reply.
  template <typename Response, typename Request>
  Response Call(char name, const std::string& method, const Request& request) {
    auto response =
        caller_.Call<Response>(AddressOf(name), "openmldb.api.TabletServer/" + method, request);
    if (response.ok()) return *std::move(response);
    Report(name, method, response.status());
    return Response();
  }

  // The table's schema: column k, index "idx0" on it.
  api::TableMeta Meta(uint32_t pid) const;
  // Creates the partition on those tablets, the first one leading, with this term.
  void CreatePartition(const std::string& names, uint32_t pid = 0, uint64_t term = 1);
  // A replica of partition 0 that has nothing, and that no leader replicates to yet.
  int CreateEmptyFollower(char name);
  int Put(char name, const std::string& key, uint32_t pid = 0);
  // `count` rows with keys prefix0, prefix1, …, all acknowledged.
  void PutRows(char name, const std::string& prefix, int count, uint32_t pid = 0);
  int SetMode(char name, bool follower);
  int ChangeRole(char name, api::TableMode mode, uint64_t term = 0,
                 const std::string& replicas = "", uint32_t pid = 0);
  int AddReplica(char leader, char follower, uint32_t pid = 0);
  int DelReplica(char leader, char follower, uint32_t pid = 0);
  int LoadTable(char name, api::TableMode mode, uint64_t term, const std::string& replicas = "",
                uint32_t pid = 0);
  int DropTable(char name, uint32_t pid = 0);
  // An AppendEntries with no entries: what SelectLeader sends (F5.2).
  api::AppendEntriesResponse Fence(char name, uint64_t term, uint32_t pid = 0);
  // The tablets' part of the nameserver's ChangeLeader: the candidate's followers are contacted
  // with term + 1, then it leads with term + 2.
  void ChangeLeader(const std::string& followers, char candidate, uint64_t term, uint32_t pid = 0);

  // Empty when it is not loaded.
  api::TableStatus Status(char name, uint32_t pid = 0);
  uint64_t Offset(char name, uint32_t pid = 0) { return Status(name, pid).offset(); }
  api::GetTermPairResponse TermPair(char name, uint32_t pid = 0);
  std::set<std::string> Keys(char name, uint32_t pid = 0);
  // Runs until all of them have the same offset; false when the limit comes first.
  bool RunUntilEqual(const std::string& names, absl::Duration limit, uint32_t pid = 0);
  bool RunUntilLoaded(char name, absl::Duration limit, uint32_t pid = 0);

 private:
  static void Report(char name, const std::string& method, const absl::Status& status);

  World world_;
  Caller caller_;
  std::map<char, std::unique_ptr<Process<TabletServer>>> tablets_;
  int restarts_ = 0;
};

// Puts one row after another on one partition, each key once, without waiting for answers; counts
// what was acknowledged.
class Writer {
 public:
  Writer(TabletCluster& cluster, char tablet, absl::Duration interval, std::string prefix,
         uint32_t pid = 0);
  ~Writer() { *alive_ = false; }

  void Stop() { stopped_ = true; }
  const std::set<std::string>& acknowledged() const { return acknowledged_; }
  const std::map<int, int>& refused() const { return refused_; }  // by code

 private:
  void Next();

  TabletCluster& cluster_;
  std::unique_ptr<Network> network_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  char tablet_;
  absl::Duration interval_;
  std::string prefix_;
  uint32_t pid_;
  bool stopped_ = false;
  int sent_ = 0;
  std::set<std::string> acknowledged_;
  std::map<int, int> refused_;
};

// Members of `a` that are not in `b`.
std::vector<std::string> Missing(const std::set<std::string>& a, const std::set<std::string>& b);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_TABLET_TESTING_H_
