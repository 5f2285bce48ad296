#include "tests/explore/story.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "controllers/cluster.h"
#include "controllers/objects/objects.h"
#include "name_server.pb.h"
#include "tablet.pb.h"
#include "tests/simulator/world/caller.h"

namespace omdb::explore {
namespace {

constexpr char kNamespace[] = "db";
constexpr char kName[] = "c";

// The next operator's pod takes that long to start.
constexpr absl::Duration kNextOperator = absl::Seconds(2);
constexpr absl::Duration kLeaseDuration = absl::Seconds(15);

simulator::Options ServerOptions(const Shape& shape) {
  simulator::Options options;
  options.auto_failover = shape.auto_failover;
  options.lost_del_replica_probability = shape.failing_removals;
  options.system_table_replica_num = std::min(2, std::max(1, shape.tablets - 1));
  return options;
}

}  // namespace

Story::Story(uint64_t seed, const Shape& shape)
    : shape_(shape),
      world_(seed),
      began_(world_.executor.Now()),
      operator_calls_(world_),
      kubernetes_(world_, operator_calls_),
      openmldb_(std::make_shared<WorldOpenMldb>(world_, &operator_calls_)),
      user_(world_),
      clock_(world_),
      node_(world_, kubernetes_, *openmldb_, ServerOptions(shape)),
      writer_(world_) {
  spec_ = {{"image", "4pdosc/openmldb"},
           {"imagePullPolicy", "IfNotPresent"},
           {"zookeeper", {{"servers", "zk:2181"}, {"rootPath", kRoot}}},
           {"nameserver", {{"replicas", shape.nameservers}}},
           {"tablet", {{"replicas", shape.tablets}, {"storage", {{"size", "1Gi"}}}}},
           {"taskManager", {{"replicas", 1}}},
           {"apiServer", {{"replicas", 1}}},
           {"upgrade", Json::object()}};
  KillOperator();
}

Story::~Story() { writer_.Stop(); }

bool Story::Begin(const std::string& version) {
  Apply(version);
  if (!RunUntilReady(version, absl::Minutes(5))) return false;
  CreateTables(shape_.tables);
  writer_.HearAfter(shape_.client_hears_after);
  if (shape_.busy_interval > absl::ZeroDuration()) StartWritingToTheFirst(shape_.busy_interval);
  StartWriting(shape_.write_interval, shape_.retry_interval);
  world_.executor.RunFor(absl::Seconds(2));
  return true;
}

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
  Tell(absl::StrCat("the user applies version ", version));
  kubernetes_.Put(types::OpenMLDBCluster(), std::move(object));
}

void Story::SwitchOff(Safeguard safeguard) {
  if (safeguard == Safeguard::kLease) operator_calls_.without_lease = true;
  if (safeguard == Safeguard::kLedgerFirst) kubernetes_.WriteLedgersLate();
  openmldb_->without.insert(safeguard);
}

void Story::KillOperator() {
  kubernetes_.ForgetLateLedgers();
  kubernetes_.Thaw();  // its cache begins with what is stored
  operator_ = std::make_shared<Reconciler>(kubernetes_, *this, clock_, *this, leadership_);
  operator_calls_.acting = operator_calls_.leading = ++operators_;
}

void Story::PauseOperator(absl::Duration duration) {
  Tell(absl::StrCat("the operator is paused, another one acts for ",
                    absl::FormatDuration(duration)));
  const int paused = operator_calls_.acting;
  world_.executor.RunFor(kLeaseDuration);
  KillOperator();
  const absl::Time end = world_.executor.Now() + duration;
  while (world_.executor.Now() < end) Step();
  Tell("the paused operator goes on");
  operator_calls_.acting = paused;
}

void Story::Step() {
  const std::shared_ptr<Reconciler> acting = operator_;
  const int number = operators_;
  absl::Duration again = absl::Milliseconds(500);
  try {
    const auto reconciled = acting->Reconcile({kNamespace, kName});
    if (reconciled.ok()) again = std::min(*reconciled, absl::Seconds(10));
  } catch (const OperatorKilled&) {
    if (number == operators_) {
      Tell("the operator is killed");
      KillOperator();
      again = kNextOperator;
    }
  }
  operator_calls_.acting = operator_calls_.leading;
  reconciled_ = world_.executor.Now();
  world_.executor.RunFor(again);
}

bool Story::RunUntilTrue(const std::function<bool()>& condition, absl::Duration limit) {
  const absl::Time end = world_.executor.Now() + limit;
  while (world_.executor.Now() < end) {
    if (condition()) return true;
    Step();
  }
  return condition();
}

bool Story::IsReady(const std::string& version) {
  const Json* object = kubernetes_.Find(types::OpenMLDBCluster(), {kNamespace, kName});
  const Json* status = object->contains("status") ? &object->at("status") : nullptr;
  return status != nullptr &&
         status->value("observedGeneration", -1) == object->at("metadata").at("generation") &&
         status->value("version", "") == version && status->value("phase", "") == "Ready";
}

bool Story::RunUntilReady(const std::string& version, absl::Duration limit) {
  return RunUntilTrue([this, &version] { return IsReady(version); }, limit);
}

ObjectKey Story::key() const { return {kNamespace, kName}; }

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

Ledger Story::ledger() {
  Cluster cluster;
  cluster.key = key();
  const Json* object = kubernetes_.Find(types::ConfigMap(), {kNamespace, LedgerName(cluster)});
  if (object == nullptr) return {};
  return LedgerFromJson(Json::parse(LedgerContent(*object))).value_or(Ledger());
}

Database Story::database() { return ReadDatabase(user_, false).value_or(Database()); }

std::string Story::tablet_name(int index) const { return absl::StrCat(kName, "-tablet-", index); }

std::string Story::nameserver_name(int index) const {
  return absl::StrCat(kName, "-nameserver-", index);
}

simulator::Process<simulator::TabletServer>* Story::tablet(int index) {
  return node_.tablet(tablet_name(index));
}

void Story::CreateTables(const std::vector<TableShape>& shapes) {
  for (const TableShape& shape : shapes) {
    const absl::Status created = CreateTable(shape);
    if (!created.ok())
      throw std::runtime_error(
          absl::StrCat("CREATE TABLE ", shape.name, " failed: ", created.message()));
  }
}

absl::Status Story::CreateTable(const TableShape& shape) {
  const auto nameservers = user_.Nameservers();
  if (!nameservers.ok()) return nameservers.status();
  if (nameservers->empty()) return absl::UnavailableError("there is no nameserver");
  const auto address = user_.AddressOf(nameservers->front());
  if (!address.ok()) return address.status();
  simulator::Caller caller(world_, "user");
  ::openmldb::nameserver::CreateDatabaseRequest database;
  database.set_db("user");
  database.set_if_not_exists(true);
  (void)caller.Call<::openmldb::nameserver::GeneralResponse>(
      *address, "openmldb.nameserver.NameServer/CreateDatabase", database);
  ::openmldb::nameserver::CreateTableRequest request;
  auto* info = request.mutable_table_info();
  info->set_db("user");
  info->set_name(shape.name);
  info->set_partition_num(shape.partitions);
  info->set_replica_num(shape.replicas);
  for (const Table& table : user_.ShowTable().value_or(std::vector<Table>())) {
    if (table.name == shape.base_table) info->set_base_table_tid(table.tid);
  }
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
  const auto response = caller.Call<::openmldb::nameserver::GeneralResponse>(
      *address, "openmldb.nameserver.NameServer/CreateTable", request);
  if (!response.ok()) return response.status();
  return response->code() == 0 ? absl::OkStatus() : absl::FailedPreconditionError(response->msg());
}

std::vector<Table> Story::UserTables() {
  std::vector<Table> tables = database().tables;
  std::erase_if(tables, [](const Table& table) { return table.db != "user"; });
  return tables;
}

void Story::StartWriting(absl::Duration interval, absl::Duration retry) {
  writer_.Start(UserTables(), interval, retry > absl::ZeroDuration() ? retry : interval);
}

void Story::StartWritingToTheFirst(absl::Duration interval) {
  std::vector<Table> tables = UserTables();
  tables.resize(1);
  tables[0].partitions.resize(1);
  writer_.Start(tables, interval, interval);
}

std::vector<std::string> Story::StopWritingAndFindLost() {
  writer_.Stop();
  world_.executor.RunFor(absl::Seconds(5));
  const Database now = database();
  std::vector<std::string> lost;
  for (const auto& [id, rows] : writer_.rows()) {
    const Partition* partition = now.FindPartition(id);
    const ReplicaMeta* leader = partition == nullptr ? nullptr : partition->Leader();
    Rows found;
    if (leader != nullptr) found = RowsOf(id, leader->endpoint);
    for (uint64_t sequence : rows.acknowledged) {
      if (found.count(sequence) == 0)
        lost.push_back(absl::StrCat(ToString(id), " ", WorldWriter::Key(sequence)));
    }
  }
  return lost;
}

Story::Rows Story::RowsOf(const PartitionId& id, const std::string& tablet) {
  simulator::Caller caller(world_, "reader");
  ::openmldb::api::TraverseRequest request;
  request.set_tid(id.tid);
  request.set_pid(id.pid);
  request.set_limit(std::numeric_limits<int32_t>::max());
  Rows rows;
  const auto address = user_.AddressOf(tablet);
  if (!address.ok()) return rows;
  const auto response = caller.Call<::openmldb::api::TraverseResponse>(
      *address, "openmldb.api.TabletServer/Traverse", request);
  if (!response.ok() || response->code() != 0) return rows;
  // Each record is {u32 size of the rest after it, u32 key size, u64 time, key, value} (F3.4).
  const std::string& pairs = response->pairs();
  for (size_t at = 0; at + 16 <= pairs.size();) {
    uint32_t size = 0;
    uint32_t key_size = 0;
    std::memcpy(&size, pairs.data() + at, sizeof size);
    std::memcpy(&key_size, pairs.data() + at + 4, sizeof key_size);
    rows.insert(WorldWriter::Sequence(absl::string_view(pairs).substr(at + 16, key_size)));
    at += 8 + size;
  }
  return rows;
}

void Story::Tell(const std::string& line) {
  told_.push_back(absl::StrCat(
      absl::FormatDuration(absl::Trunc(world_.executor.Now() - began_, absl::Milliseconds(1))), " ",
      line));
}

void Story::Emit(const Cluster&, const Note& note) {
  events_.push_back(note);
  if (note.reason == "UpgradeComplete") completed_ = world_.executor.Now();
  Tell(absl::StrCat("event ", note.reason, ": ", note.message));
}

std::shared_ptr<OpenMldb> Story::Connect(const std::string&, const std::string&) {
  return openmldb_;
}

}  // namespace omdb::explore
