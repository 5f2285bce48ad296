#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controllers/observe.h"
#include "tests/bench/by_hand.h"

namespace omdb::bench {
namespace {

// Between two looks at an op, in the tool and by the person who runs it.
constexpr absl::Duration kPoll = absl::Seconds(2);
// Before a person takes what does not happen for what will not.
constexpr absl::Duration kPatience = absl::Seconds(30);

class ByTheGuide : public ByHand {
 public:
  ByTheGuide(int partitions, absl::Duration command_start)
      : ByHand("the guide", partitions), command_start_(command_start) {}

 protected:
  // openmldb_ops.py --cmd=pre-upgrade (F6.2).
  void Drain(const std::string& tablet) override {
    Managed([&] {
      Connect();
      for (const PartitionId& id : LedBy(tablet)) {
        moved_.push_back(id);
        MoveLeader(id, "auto", tablet);
      }
    });
  }

  // With auto_failover on the nameserver recovers the tablet by itself (F5.10). Then
  // openmldb_ops.py --cmd=post-upgrade (F6.3).
  void Return(const std::string& tablet) override {
    MakeWell(tablet);
    Managed([&] {
      Connect();
      for (const PartitionId& id : moved_) {
        Command();  // gettablestatus
        Command();  // showtable
        const std::string leader = LeaderOf(id);
        if (leader != tablet) MoveLeader(id, tablet, leader);
      }
    });
    moved_.clear();
    MakeWell(tablet);
  }

  void BeforeStop(const std::string&) override {}

 private:
  // A process of OpenMLDB's command line client.
  void Command() {
    Sleep(command_start_);
    ++measured().calls;
  }

  // Every command of the tool that changes something (F6.1).
  template <typename Act>
  void Managed(const Act& act) {
    SetAutoFailover(false);
    act();
    SetAutoFailover(true);
  }
  void SetAutoFailover(bool on) {
    Command();
    Command();
    (void)openmldb().SetAutoFailover(on);
  }
  // showns, showtablet, gettablestatus, showdb, and showtable for each database.
  void Connect() {
    for (int i = 0; i < 8; ++i) Command();
  }

  std::string LeaderOf(const PartitionId& id) {
    const auto partition = openmldb().GetPartition(id);
    const ReplicaMeta* leader = partition.ok() ? partition->Leader() : nullptr;
    if (leader == nullptr) throw std::runtime_error(ToString(id) + " has no leader");
    return leader->endpoint;
  }

  void MoveLeader(const PartitionId& id, const std::string& to, const std::string& from) {
    Command();
    Check(openmldb().ChangeLeader(id, to));
    ++measured().leaders_moved;
    WaitForOp(id);
    Command();
    Check(openmldb().RecoverTable(id, from));
    WaitForOp(id);
  }

  // Of the partition's last op; two seconds whenever it is not done (F6.6, TOOL:450).
  void WaitForOp(const PartitionId& id) {
    WaitUntil("an op of " + ToString(id), kPoll, [&] {
      Command();
      const auto ops = openmldb().ShowOpStatus(id);
      if (!ops.ok()) return false;
      uint64_t last = 0;
      bool done = false;
      for (const Op& op : *ops) {
        if (!op.Of(id) || op.id < last) continue;
        last = op.id;
        done = !op.UnderWay();
      }
      return done;
    });
  }

  // Waits until nothing happens any more (showopstatus) and every table is well (showtablestatus).
  // What then is not, since an op failed (M4 H4), needs openmldb_ops.py --cmd=recoverdata (F6.4).
  void MakeWell(const std::string& tablet) {
    absl::Time quiet_since = story().world().executor.Now();
    WaitUntil("all tables well after the replacement of " + tablet, kPoll, [&] {
      Command();
      Command();
      const Database now = story().database();
      if (std::any_of(now.ops.begin(), now.ops.end(), [](const Op& op) { return op.UnderWay(); }))
        quiet_since = story().world().executor.Now();
      const auto unwell = Unwell(now);
      if (!unwell.empty() && story().world().executor.Now() - quiet_since > kPatience) {
        Managed([&] { RecoverData(now, unwell); });
        quiet_since = story().world().executor.Now();
      }
      return unwell.empty();
    });
  }

  // Tables with a replica that is not alive or not loaded.
  static std::set<uint32_t> Unwell(const Database& now) {
    std::set<uint32_t> tables;
    for (const Table& table : now.tables) {
      for (const Partition& partition : table.partitions) {
        for (const ReplicaMeta& meta : partition.replicas) {
          if (!meta.is_alive || now.Status(meta.endpoint, partition.id) == nullptr)
            tables.insert(table.tid);
        }
      }
    }
    return tables;
  }

  // Every follower of such a table, well or not, is marked dead and recovered.
  void RecoverData(const Database& now, const std::set<uint32_t>& tables) {
    for (const Table& table : now.tables) {
      if (tables.count(table.tid) == 0) continue;
      for (const Partition& partition : table.partitions) RecoverFollowers(partition);
      WaitForOps();
    }
  }
  void RecoverFollowers(const Partition& partition) {
    const ReplicaMeta* leader = partition.Leader();
    for (const ReplicaMeta& meta : partition.replicas) {
      if (leader == nullptr || meta.endpoint == leader->endpoint) continue;
      Command();
      if (meta.is_alive)
        (void)openmldb().UpdateTableAliveStatus(partition.id, meta.endpoint, false);
      Command();
      (void)openmldb().RecoverTable(partition.id, meta.endpoint);
    }
  }
  void WaitForOps() {
    WaitUntil("the end of all ops", kPoll, [&] {
      Command();
      return NoOpUnderWay();
    });
  }

  static void Check(const absl::Status& status) {
    if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  }

  const absl::Duration command_start_;
  std::vector<PartitionId> moved_;
};

}  // namespace

Measured ByGuide(int partitions, absl::Duration command_start) {
  return ByTheGuide(partitions, command_start).Upgrade();
}

}  // namespace omdb::bench
