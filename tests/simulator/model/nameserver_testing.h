#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_TESTING_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_TESTING_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "name_server.pb.h"
#include "tablet.pb.h"
#include "tests/simulator/model/nameserver.h"
#include "tests/simulator/model/nameserver_codes.h"
#include "tests/simulator/model/tablet.h"
#include "tests/simulator/world/caller.h"
#include "tests/simulator/world/process.h"

namespace omdb::simulator {

namespace api = ::openmldb::api;
namespace nameserver = ::openmldb::nameserver;

inline constexpr char kDb[] = "db";
// Those of a cluster as it is unless told otherwise.
inline const std::vector<std::string> kTablets = {"t0", "t1", "t2"};

// A whole cluster in the world: nameservers ns0, ns1 … and tablets t0, t1 …, with use_name, and the
// requests that tests make. Requests to the nameserver go to the one that leads.
class Cluster {
 public:
  // Two nameservers and three tablets unless told otherwise; auto_failover is off unless the
  // options say so. Nothing runs yet.
  explicit Cluster(Options options = Quiet(), uint64_t seed = 1, int nameservers = 2,
                   int tablets = 3);

  // auto_failover off, and nothing that happens by chance.
  static Options Quiet();

  // Starts the tablets, then the nameservers, and waits for the first answer and the system tables.
  void Start();
  void StartTablets();
  // One of the nameservers leads within `limit`.
  bool AwaitLeader(absl::Duration limit = absl::Seconds(5));
  // The nameserver that answers 0, -1 when none does.
  int Leader();
  int CodeOf(int nameserver);  // its answer to ShowTablet; -1 for a transport error

  World& world() { return world_; }
  absl::Time Now() { return world_.executor.Now(); }
  void RunFor(absl::Duration duration) { world_.executor.RunFor(duration); }
  // Looks each `step`, less often when it takes long; the condition may make requests. False when
  // the limit comes first.
  bool RunUntil(const std::function<bool()>& condition, absl::Duration limit,
                absl::Duration step = absl::Milliseconds(1));
  Process<NameServer>& ns(int i) { return *nameservers_.at(i); }
  Process<TabletServer>& tablet(int i) { return *tablets_.at(i); }
  Process<TabletServer>& tablet(const std::string& name) { return tablet(name[1] - '0'); }
  const std::vector<std::string>& exits() const { return exits_; }
  // Stops a nameserver that exited and listens to the next one's exit.
  absl::Status StartNameServer(int i);

  template <typename Response, typename Request>
  absl::StatusOr<Response> CallNs(int i, const std::string& method, const Request& request) {
    return caller_.Call<Response>(ns(i).address(), "openmldb.nameserver.NameServer/" + method,
                                  request);
  }
  template <typename Response = nameserver::GeneralResponse, typename Request>
  Response Ask(const std::string& method, const Request& request) {
    auto response = CallNs<Response>(leader_, method, request);
    if (response.ok()) return *std::move(response);
    Report(method, response.status());
    return Response();
  }
  template <typename Response = api::GeneralResponse, typename Request>
  Response AskTablet(const std::string& name, const std::string& method, const Request& request) {
    auto response = caller_.Call<Response>(tablet(name).address(),
                                           "openmldb.api.TabletServer/" + method, request);
    if (response.ok()) return *std::move(response);
    Report(method, response.status());
    return Response();
  }

  // Requests to the nameserver; they return its code.
  int CreateTable(const std::string& name, int partitions, int replicas);
  int SetAutoFailover(bool on);
  int ChangeLeader(const std::string& table, uint32_t pid, const std::string& candidate);
  int RecoverTable(const std::string& table, uint32_t pid, const std::string& endpoint);
  int OfflineEndpoint(const std::string& endpoint, uint32_t concurrency = 2);
  int RecoverEndpoint(const std::string& endpoint, uint32_t concurrency = 2);
  int UpdateAlive(const std::string& table, uint32_t pid, const std::string& endpoint, bool alive);
  int AddReplica(const std::string& table, uint32_t pid, const std::string& endpoint);
  int DelReplica(const std::string& table, uint32_t pid, const std::string& endpoint);
  int CancelOp(uint64_t id);
  std::vector<nameserver::OPStatus> Ops();
  // The op with the highest id, or the highest of that type.
  nameserver::OPStatus LastOp(const std::string& type = "");
  std::vector<nameserver::OPStatus> UnfinishedOps();
  bool RunUntilOpsDone(absl::Duration limit);

  nameserver::TableInfo Table(const std::string& name, const std::string& db = kDb);
  nameserver::TablePartition Partition(const std::string& table, uint32_t pid);
  nameserver::PartitionMeta Meta(const std::string& table, uint32_t pid,
                                 const std::string& endpoint);
  std::string LeaderOf(const std::string& table, uint32_t pid);
  std::vector<std::string> FollowersOf(const std::string& table, uint32_t pid);
  std::string TabletState(const std::string& name);  // as ShowTablet says; empty when not listed

  // Rows, straight to a tablet.
  int Put(const std::string& tablet, const std::string& table, uint32_t pid,
          const std::string& key);
  // `count` rows, all acknowledged.
  void PutRows(const std::string& tablet, const std::string& table, uint32_t pid,
               const std::string& prefix, int count);
  // The leader's, waiting until all listed tablets have the same offset.
  bool RunUntilEqual(const std::string& table, uint32_t pid,
                     const std::vector<std::string>& tablets, absl::Duration limit);
  std::set<std::string> Keys(const std::string& tablet, const std::string& table, uint32_t pid);
  api::TableStatus Status(const std::string& tablet, const std::string& table, uint32_t pid);
  api::GetTermPairResponse TermPair(const std::string& tablet, const std::string& table,
                                    uint32_t pid);
  int SetMode(const std::string& tablet, bool follower);
  int ChangeRole(const std::string& tablet, const std::string& table, uint32_t pid,
                 api::TableMode mode, uint64_t term = 0,
                 const std::vector<std::string>& replicas = {});
  // The last life's node is gone first.
  void RestartTablet(const std::string& name);
  // The same, at another address.
  void RestartTabletElsewhere(const std::string& name);
  bool RunUntilState(const std::string& tablet, const std::string& state, absl::Duration limit);

 private:
  void Report(const std::string& method, const absl::Status& status);

  World world_;
  Caller caller_;
  std::vector<std::unique_ptr<Process<NameServer>>> nameservers_;
  std::vector<std::unique_ptr<Process<TabletServer>>> tablets_;
  std::vector<std::string> exits_;
  int leader_ = 0;
  int moves_ = 0;
};

// A client that puts one row after another on one partition, as fast as they are answered; each
// key once. It stays with one tablet, or follows the table in ZooKeeper as SDKs do.
class TableWriter {
 public:
  // `pinned` empty: routed. `pause` between an answer and the next row.
  TableWriter(Cluster& cluster, std::string table, uint32_t pid, std::string pinned = "",
              absl::Duration pause = absl::Milliseconds(1));
  ~TableWriter() { *alive_ = false; }

  void Stop() { stopped_ = true; }
  const std::set<std::string>& acknowledged() const { return acknowledged_; }
  int refused() const { return refused_; }
  // Acknowledged keys that are not among these.
  std::set<std::string> Lost(const std::set<std::string>& present) const;

 private:
  void Next();
  std::string Target() const;

  Cluster& cluster_;
  std::unique_ptr<Network> network_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string table_;
  uint32_t tid_;
  uint32_t pid_;
  std::string pinned_;
  absl::Duration pause_;
  bool stopped_ = false;
  int sent_ = 0;
  int refused_ = 0;
  std::set<std::string> acknowledged_;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_TESTING_H_
