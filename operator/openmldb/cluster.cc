#include "operator/openmldb/cluster.h"

#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "operator/openmldb/calls.h"
#include "operator/openmldb/channels.h"
#include "operator/openmldb/discovery.h"
#include "operator/openmldb/http_client.h"
#include "operator/openmldb/leader.h"
#include "operator/openmldb/nameserver_client.h"
#include "operator/openmldb/table_list.h"
#include "operator/openmldb/tablet_client.h"
#include "operator/openmldb/zookeeper.h"

namespace omdb {
namespace {

class Cluster final : public OpenMldb {
 public:
  Cluster(const std::string& zookeeper, const std::string& root_path,
          const OpenMldbOptions& options)
      : options_(options),
        discovery_(std::make_unique<ZooKeeper>(zookeeper, options.zookeeper_session_timeout),
                   root_path, options),
        leader_(discovery_, channels_, options),
        nameserver_(leader_, options),
        table_list_(discovery_, leader_),
        tablets_(discovery_, channels_, options),
        http_(options.credential, options.http_timeout) {}

  absl::StatusOr<std::vector<std::string>> Nameservers() override {
    return discovery_.Nameservers();
  }
  absl::StatusOr<std::vector<std::string>> RegisteredTablets() override {
    return discovery_.RegisteredTablets();
  }
  absl::StatusOr<std::string> ActiveTaskManager() override {
    return discovery_.ActiveTaskManager();
  }
  absl::StatusOr<std::string> AddressOf(const std::string& endpoint) override {
    return discovery_.AddressOf(endpoint);
  }

  absl::StatusOr<std::vector<Tablet>> ShowTablet() override { return nameserver_.ShowTablet(); }
  absl::StatusOr<std::vector<Table>> ShowTable() override { return table_list_.Read(); }
  absl::StatusOr<Table> ShowTable(const std::string& db, const std::string& name) override {
    return table_list_.Read(db, name);
  }
  absl::StatusOr<Partition> GetPartition(const PartitionId& partition) override {
    return nameserver_.GetPartition(partition);
  }
  absl::StatusOr<std::vector<Op>> ShowOpStatus() override { return nameserver_.ShowOpStatus(); }
  absl::StatusOr<std::vector<Op>> ShowOpStatus(const PartitionId& partition) override {
    return nameserver_.ShowOpStatus(partition);
  }
  absl::StatusOr<bool> GetAutoFailover() override { return nameserver_.GetAutoFailover(); }
  absl::Status SetAutoFailover(bool on) override { return nameserver_.SetAutoFailover(on); }
  absl::Status ChangeLeader(const PartitionId& partition, const std::string& candidate,
                            absl::Duration limit) override {
    return nameserver_.ChangeLeader(partition, candidate, limit);
  }
  absl::Status RecoverTable(const PartitionId& partition, const std::string& endpoint) override {
    return nameserver_.RecoverTable(partition, endpoint);
  }
  absl::Status AddReplicaNs(const PartitionId& partition, const std::string& endpoint) override {
    return nameserver_.AddReplica(partition, endpoint);
  }
  absl::Status DelReplicaNs(const PartitionId& partition, const std::string& endpoint) override {
    return nameserver_.DelReplica(partition, endpoint);
  }
  absl::Status UpdateTableAliveStatus(const PartitionId& partition, const std::string& endpoint,
                                      bool alive) override {
    return nameserver_.UpdateTableAliveStatus(partition, endpoint, alive);
  }
  absl::Status UpdateTableAliveStatus(const std::string& db, const std::string& table,
                                      const std::string& endpoint, bool alive) override {
    return nameserver_.UpdateTableAliveStatus(db, table, endpoint, alive);
  }
  absl::Status SetReplicaMeta(const PartitionId& partition, const std::string& endpoint,
                              bool is_leader, bool is_alive) override {
    return nameserver_.SetReplicaMeta(partition, endpoint, is_leader, is_alive);
  }
  absl::Status OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) override {
    return nameserver_.OfflineEndpoint(endpoint, concurrency);
  }
  absl::Status CancelOp(uint64_t op_id) override { return nameserver_.CancelOp(op_id); }
  absl::Status DeleteOp(uint64_t op_id) override { return nameserver_.DeleteOp(op_id); }

  std::vector<absl::StatusOr<std::vector<ReplicaStatus>>> GetTableStatus(
      const std::vector<std::string>& tablets) override {
    return tablets_.GetTableStatus(tablets);
  }
  std::vector<absl::StatusOr<ReplicaStatus>> GetReplicaStatus(
      const std::vector<ReplicaId>& replicas, absl::Duration limit) override {
    return tablets_.GetReplicaStatus(replicas, limit);
  }
  std::vector<absl::StatusOr<TermPair>> GetTermPair(const PartitionId& partition,
                                                    StorageMode storage,
                                                    const std::vector<std::string>& tablets,
                                                    absl::Duration limit) override {
    return tablets_.GetTermPair(partition, storage, tablets, limit);
  }
  absl::StatusOr<std::vector<FollowerInfo>> GetTableFollower(const PartitionId& partition,
                                                             const std::string& leader) override {
    return tablets_.GetTableFollower(partition, leader);
  }
  absl::Status SetMode(const std::string& tablet, bool follower, absl::Duration limit) override {
    return tablets_.SetMode(tablet, follower, limit);
  }
  std::vector<absl::Status> Demote(const std::vector<PartitionId>& partitions,
                                   const std::string& tablet, absl::Duration limit) override {
    return tablets_.Demote(partitions, tablet, limit);
  }
  absl::Status Lead(const PartitionId& partition, const std::string& tablet, uint64_t term,
                    const std::vector<std::string>& replicas, absl::Duration limit) override {
    return tablets_.Lead(partition, tablet, term, replicas, limit);
  }
  std::vector<absl::Status> LoadTable(const std::string& tablet,
                                      const std::vector<LoadRequest>& requests) override {
    return tablets_.LoadTable(tablet, requests);
  }
  std::vector<absl::Status> AddReplica(const std::vector<PartitionId>& partitions,
                                       const std::vector<std::string>& leaders,
                                       const std::string& follower) override {
    return tablets_.AddReplica(partitions, leaders, follower);
  }
  std::vector<absl::Status> DelReplica(const std::vector<PartitionId>& partitions,
                                       const std::vector<std::string>& leaders,
                                       const std::string& follower) override {
    return tablets_.DelReplica(partitions, leaders, follower);
  }
  absl::Status DropTable(const PartitionId& partition, const std::string& tablet) override {
    return tablets_.DropTable(partition, tablet);
  }
  absl::Status RecoverSnapshot(const PartitionId& partition, const std::string& tablet) override {
    return tablets_.RecoverSnapshot(partition, tablet);
  }

  absl::Status DisconnectZk(const std::string& address, bool nameserver) override {
    if (nameserver) {
      return Direct<openmldb::nameserver::GeneralResponse>(
          &openmldb::nameserver::NameServer::Stub::PrepareAsyncDisConnectZK, address,
          openmldb::nameserver::DisConnectZKRequest(), "DisConnectZK");
    }
    return Direct<openmldb::api::GeneralResponse>(
        &openmldb::api::TabletServer::Stub::PrepareAsyncDisConnectZK, address,
        openmldb::api::DisConnectZKRequest(), "DisConnectZK");
  }
  absl::Status ConnectZk(const std::string& address, bool nameserver) override {
    if (nameserver) {
      return Direct<openmldb::nameserver::GeneralResponse>(
          &openmldb::nameserver::NameServer::Stub::PrepareAsyncConnectZK, address,
          openmldb::nameserver::ConnectZKRequest(), "ConnectZK");
    }
    return Direct<openmldb::api::GeneralResponse>(
        &openmldb::api::TabletServer::Stub::PrepareAsyncConnectZK, address,
        openmldb::api::ConnectZKRequest(), "ConnectZK");
  }

  absl::StatusOr<std::string> Version(const std::string& address) override {
    return http_.Version(address);
  }
  absl::StatusOr<std::string> TaskManagerVersion(const std::string& address) override {
    return http_.TaskManagerVersion(address);
  }
  absl::StatusOr<std::vector<Job>> UnfinishedJobs(const std::string& address) override {
    return http_.UnfinishedJobs(address);
  }
  absl::Status ApiServerServes(const std::string& address) override {
    return http_.ApiServerServes(address);
  }

 private:
  // Calls one server whatever its role is just now.
  template <typename Response, typename Stub, typename Request>
  absl::Status Direct(Method<Stub, Request, Response> method, const std::string& address,
                      Request request, const std::string& call) {
    const std::string what = absl::StrCat(call, " at ", address);
    CallOptions options{options_.credential, options_.tablet_timeout, Effect::kRepeatable};
    options.permission = options_.may_change;
    const absl::StatusOr<Response> response = CallOne<Stub, Request, Response>(
        channels_, method, {channels_.Get(address), std::move(request), what}, options);
    if (!response.ok()) return response.status();
    return CheckCode(*response, what);
  }

  const OpenMldbOptions options_;
  Channels channels_;
  Discovery discovery_;
  Leader leader_;
  NameserverClient nameserver_;
  TableList table_list_;
  TabletClient tablets_;
  const HttpClient http_;
};

class Factory final : public OpenMldbFactory {
 public:
  explicit Factory(const OpenMldbOptions& options) : options_(options) {}

  std::shared_ptr<OpenMldb> Connect(const std::string& zookeeper,
                                    const std::string& root_path) override {
    absl::MutexLock lock(&mutex_);
    std::weak_ptr<OpenMldb>& known = clusters_[{zookeeper, root_path}];
    std::shared_ptr<OpenMldb> cluster = known.lock();
    if (cluster == nullptr) {
      cluster = std::make_shared<Cluster>(zookeeper, root_path, options_);
      known = cluster;
    }
    return cluster;
  }

 private:
  const OpenMldbOptions options_;
  absl::Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<OpenMldb>> clusters_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<OpenMldbFactory> MakeOpenMldbFactory(const OpenMldbOptions& options) {
  return std::make_unique<Factory>(options);
}

}  // namespace omdb
