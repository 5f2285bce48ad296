// The databases and tables that a cluster gets when it has its first leader (F1.4, F5.12).
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tablet.pb.h"
#include "tests/simulator/model/nameserver_codes.h"
#include "tests/simulator/model/nameserver_tables.h"

namespace omdb::simulator {
namespace {

namespace type = ::openmldb::type;

struct Column {
  const char* name;
  type::DataType data_type;
};

nameserver::TableInfo Describe(const char* db, const char* name, uint32_t replicas,
                               std::initializer_list<Column> columns,
                               std::initializer_list<const char*> key, const char* ts = nullptr) {
  nameserver::TableInfo table;
  table.set_db(db);
  table.set_name(name);
  table.set_partition_num(1);
  table.set_replica_num(replicas);
  for (const Column& column : columns) {
    auto* description = table.add_column_desc();
    description->set_name(column.name);
    description->set_data_type(column.data_type);
  }
  auto* index = table.add_column_key();
  index->set_index_name("index");
  for (const char* column : key) index->add_col_name(column);
  if (ts != nullptr) index->set_ts_name(ts);
  index->mutable_ttl()->set_ttl_type(ts == nullptr ? type::kLatestTime : type::kAbsoluteTime);
  index->mutable_ttl()->set_lat_ttl(ts == nullptr ? 1 : 0);
  return table;
}

nameserver::TableInfo UserTable(uint32_t replicas) {
  return Describe(kInternalDb, kUserTable, replicas,
                  {{"Host", type::kString},
                   {"User", type::kString},
                   {"authentication_string", type::kString},
                   {"password_last_changed", type::kTimestamp},
                   {"password_expired_time", type::kBigInt},
                   {"privileges", type::kString}},
                  {"Host", "User"});
}

// A row of string columns beside null ones, in the codec of F3.5.
std::string EncodeUser(const std::string& host, const std::string& user,
                       const std::string& password) {
  const std::string texts[] = {host, user, password, ""};
  constexpr size_t kFixedColumns = 16;  // a timestamp and a bigint, both null
  constexpr size_t kNullBitmap = 1;
  std::string offsets;
  std::string body;
  const size_t start = 6 + kNullBitmap + kFixedColumns + std::size(texts);
  for (const std::string& text : texts) {
    offsets.push_back(static_cast<char>(start + body.size()));
    body += text;
  }
  const uint32_t size = start + body.size();
  std::string row = {1, 1};
  for (int shift = 0; shift < 32; shift += 8) row.push_back(static_cast<char>(size >> shift));
  row.push_back(0b0011'1000);  // columns 3, 4 and 5 are null
  row.append(kFixedColumns, '\0');
  return row + offsets + body;
}

}  // namespace

Task<absl::Status> TableMaker::InsertRoot() {
  const nameserver::TableInfo* table = catalog_.Find(kInternalDb, kUserTable);
  api::PutRequest request;
  request.set_tid(table->tid());
  request.set_pid(0);
  request.set_time(absl::ToUnixMillis(context_.executor.Now()));
  // "1" and the SHA-256 of an empty password (F4).
  request.set_value(
      EncodeUser("%", "root", "1e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  api::Dimension* dimension = request.add_dimensions();
  dimension->set_key("%|root");
  dimension->set_idx(0);
  const std::string leader = TableCatalog::AliveLeader(table->table_partition(0));
  absl::StatusOr<api::PutResponse> answer = co_await context_.CallTablet<api::PutResponse>(
      registry_.Address(leader), "Put", std::move(request));
  if (!answer.ok()) co_return answer.status();
  if (answer->code() != 0) co_return absl::InternalError("cannot insert the user root");
  co_return absl::OkStatus();
}

Task<absl::Status> TableMaker::CreateSystemTable(nameserver::TableInfo table) {
  if (catalog_.Find(table.db(), table.name()) != nullptr) co_return absl::OkStatus();
  const std::string name = table.name();
  nameserver::GeneralResponse made = co_await Create(std::move(table));
  if (made.code() != code::kOk && made.code() != code::kTableExists) {
    co_return absl::InternalError(
        absl::StrCat("create system table ", name, " failed: ", made.msg()));
  }
  if (name == kUserTable) co_return co_await InsertRoot();
  co_return absl::OkStatus();
}

Task<absl::Status> TableMaker::CreateSystemTables(uint64_t reign) {
  const uint32_t replicas = context_.options.system_table_replica_num;
  // Every tablet ever seen counts, healthy or not (F1.4).
  if (registry_.tablets().size() < replicas) {
    co_return absl::FailedPreconditionError(absl::StrCat("tablet num ", registry_.tablets().size(),
                                                         " is less than system table replica num ",
                                                         replicas));
  }
  for (const char* db : {kInternalDb, kPreAggDb, kInformationSchemaDb}) {
    if (catalog_.databases().contains(db)) continue;
    absl::Status made = catalog_.CreateDatabase(db);
    if (!made.ok()) co_return made;
  }
  std::vector<nameserver::TableInfo> tables;
  tables.push_back(UserTable(replicas));
  tables.push_back(Describe(kInternalDb, "JOB_INFO", replicas,
                            {{"id", type::kInt},
                             {"job_type", type::kString},
                             {"state", type::kString},
                             {"start_time", type::kTimestamp},
                             {"end_time", type::kTimestamp},
                             {"parameter", type::kString},
                             {"cluster", type::kString},
                             {"application_id", type::kString},
                             {"error", type::kString}},
                            {"id"}));
  tables.push_back(Describe(kInternalDb, "PRE_AGG_META_INFO", replicas,
                            {{"aggr_table", type::kString},
                             {"aggr_db", type::kString},
                             {"base_db", type::kString},
                             {"base_table", type::kString},
                             {"aggr_func", type::kString},
                             {"aggr_col", type::kString},
                             {"partition_cols", type::kString},
                             {"order_by_col", type::kString},
                             {"bucket_size", type::kString},
                             {"filter_col", type::kString}},
                            {"aggr_table"}));
  tables.push_back(Describe(kInformationSchemaDb, "GLOBAL_VARIABLES", replicas,
                            {{"Variable_name", type::kString}, {"Variable_value", type::kString}},
                            {"Variable_name"}));
  tables.push_back(Describe(kInformationSchemaDb, "DEPLOY_RESPONSE_TIME", replicas,
                            {{"DEPLOY_NAME", type::kString},
                             {"TIME", type::kString},
                             {"COUNT", type::kBigInt},
                             {"TOTAL", type::kString}},
                            {"DEPLOY_NAME", "TIME"}));
  for (nameserver::TableInfo& table : tables) {
    absl::Status made = co_await CreateSystemTable(std::move(table));
    if (!made.ok()) co_return made;
    if (context_.reign != reign) co_return absl::OkStatus();
  }
  co_return absl::OkStatus();
}

}  // namespace omdb::simulator
