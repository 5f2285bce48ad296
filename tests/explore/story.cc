#include "tests/explore/story.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "controllers/cluster.h"
#include "name_server.pb.h"
#include "tablet.pb.h"
#include "tests/simulator/world/caller.h"

namespace omdb::explore {
namespace {

constexpr char kNamespace[] = "db";
constexpr char kName[] = "c";

simulator::Options ServerOptions() {
  simulator::Options options;
  options.auto_failover = true;
  return options;
}

}  // namespace

Story::Story(uint64_t seed)
    : world_(seed),
      kubernetes_(world_),
      openmldb_(std::make_shared<WorldOpenMldb>(world_)),
      clock_(world_),
      node_(world_, kubernetes_, *openmldb_, ServerOptions()),
      writer_(world_) {
  spec_ = {{"image", "4pdosc/openmldb"},
           {"imagePullPolicy", "IfNotPresent"},
           {"zookeeper", {{"servers", "zk:2181"}, {"rootPath", "/openmldb"}}},
           {"nameserver", {{"replicas", 2}}},
           {"tablet", {{"replicas", 3}, {"storage", {{"size", "1Gi"}}}}},
           {"taskManager", {{"replicas", 1}}},
           {"apiServer", {{"replicas", 1}}},
           {"upgrade", Json::object()}};
  KillOperator();
}

Story::~Story() { writer_.Stop(); }

void Story::Apply(const std::string& version) {
  spec_["version"] = version;
  Json object = {{"apiVersion", types::OpenMLDBCluster().ApiVersion()},
                 {"kind", "OpenMLDBCluster"},
                 {"metadata", {{"name", kName}, {"namespace", kNamespace}}},
                 {"spec", spec_}};
  if (const Json* stored = kubernetes_.Find(types::OpenMLDBCluster(), {kNamespace, kName})) {
    object["metadata"] = stored->at("metadata");
    object["metadata"]["generation"] = stored->at("metadata").at("generation").get<int>() + 1;
    object["status"] = stored->at("status");
  } else {
    object["status"] = {{"observedGeneration", -1}};
  }
  kubernetes_.Put(types::OpenMLDBCluster(), std::move(object));
}

void Story::KillOperator() {
  operator_ = std::make_unique<Reconciler>(kubernetes_, *this, clock_, *this);
}

void Story::Step() {
  const auto again = operator_->Reconcile({kNamespace, kName});
  world_.executor.RunFor(again.ok() ? std::min(*again, absl::Seconds(10))
                                    : absl::Milliseconds(500));
}

bool Story::RunUntilTrue(const std::function<bool()>& condition, absl::Duration limit) {
  const absl::Time end = world_.executor.Now() + limit;
  while (world_.executor.Now() < end) {
    if (condition()) return true;
    Step();
  }
  return condition();
}

bool Story::RunUntilReady(const std::string& version, absl::Duration limit) {
  return RunUntilTrue(
      [this, &version] {
        const Json* object = kubernetes_.Find(types::OpenMLDBCluster(), {kNamespace, kName});
        const ClusterStatus now = status();
        return now.observed_generation == object->at("metadata").at("generation") &&
               now.version == version && now.phase == "Ready";
      },
      limit);
}

ClusterStatus Story::status() {
  const auto cluster =
      ParseCluster(*kubernetes_.Find(types::OpenMLDBCluster(), {kNamespace, kName}));
  return cluster.ok() ? cluster->status : ClusterStatus();
}

Condition Story::condition(const std::string& type) {
  for (const Condition& condition : status().conditions) {
    if (condition.type == type) return condition;
  }
  return {};
}

bool Story::HasEvent(const std::string& reason) const {
  return std::any_of(events_.begin(), events_.end(),
                     [&](const Note& note) { return note.reason == reason; });
}

Database Story::database() { return ReadDatabase(*openmldb_, false).value_or(Database()); }

void Story::CreateTables(const std::vector<TableShape>& shapes) {
  simulator::Caller caller(world_, "user");
  const std::string nameserver = *openmldb_->AddressOf(openmldb_->Nameservers()->front());
  ::openmldb::nameserver::CreateDatabaseRequest database;
  database.set_db("user");
  database.set_if_not_exists(true);
  (void)caller.Call<::openmldb::nameserver::GeneralResponse>(
      nameserver, "openmldb.nameserver.NameServer/CreateDatabase", database);
  for (const TableShape& shape : shapes) {
    ::openmldb::nameserver::CreateTableRequest request;
    auto* info = request.mutable_table_info();
    info->set_db("user");
    info->set_name(shape.name);
    info->set_partition_num(shape.partitions);
    info->set_replica_num(shape.replicas);
    auto* key = info->add_column_desc();
    key->set_name("k");
    key->set_data_type(::openmldb::type::kString);
    auto* value = info->add_column_desc();
    value->set_name("v");
    value->set_data_type(::openmldb::type::kBigInt);
    auto* index = info->add_column_key();
    index->set_index_name("idx0");
    index->add_col_name("k");
    index->mutable_ttl()->set_ttl_type(::openmldb::type::kAbsoluteTime);
    auto response = caller.Call<::openmldb::nameserver::GeneralResponse>(
        nameserver, "openmldb.nameserver.NameServer/CreateTable", request);
    if (!response.ok() || response->code() != 0) {
      throw std::runtime_error(absl::StrCat(
          "CREATE TABLE ", shape.name,
          " failed: ", response.ok() ? response->msg() : response.status().ToString()));
    }
  }
}

void Story::StartWriting(absl::Duration interval) {
  std::vector<Table> tables = database().tables;
  std::erase_if(tables, [](const Table& table) { return table.db != "user"; });
  writer_.Start(tables, interval);
}

std::vector<std::string> Story::StopWritingAndFindLost() {
  writer_.Stop();
  world_.executor.RunFor(absl::Seconds(5));
  simulator::Caller caller(world_, "reader");
  const Database now = database();
  std::vector<std::string> lost;
  for (const auto& [id, rows] : writer_.rows()) {
    const Partition* partition = now.FindPartition(id);
    const ReplicaMeta* leader = partition == nullptr ? nullptr : partition->Leader();
    for (const std::string& key : rows.acknowledged) {
      ::openmldb::api::GetRequest request;
      request.set_tid(id.tid);
      request.set_pid(id.pid);
      request.set_key(key);
      auto response =
          leader == nullptr
              ? absl::StatusOr<::openmldb::api::GetResponse>(absl::NotFoundError("no leader"))
              : caller.Call<::openmldb::api::GetResponse>(*openmldb_->AddressOf(leader->endpoint),
                                                          "openmldb.api.TabletServer/Get", request);
      if (!response.ok() || response->code() != 0) lost.push_back(key);
    }
  }
  return lost;
}

void Story::Emit(const Cluster&, const Note& note) { events_.push_back(note); }

std::shared_ptr<OpenMldb> Story::Connect(const std::string&, const std::string&) {
  return openmldb_;
}

}  // namespace omdb::explore
