#include "tests/contract/raw.h"

#include <grpcpp/client_context.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace omdb::contract {
namespace {

namespace ns = openmldb::nameserver;
namespace api = openmldb::api;
using NameserverStub = ns::NameServer::Stub;
using TabletStub = api::TabletServer::Stub;

constexpr char kIndex[] = "idx0";

template <typename Number>
void Append(std::string* bytes, Number number) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  bytes->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// A row of (k string, v bigint) as the servers store it (F3.5): two version bytes, the size, a
// bitmap of nulls, the fixed-size column, where the string starts, the string.
std::string EncodeRow(const std::string& key, int64_t value) {
  constexpr uint8_t kStringStart = 1 + 1 + 4 + 1 + 8 + 1;
  std::string row = {1, 1};
  Append(&row, static_cast<uint32_t>(kStringStart + key.size()));
  row += '\0';
  Append(&row, value);
  Append(&row, kStringStart);
  return row + key;
}

template <typename Request>
Request ForPartition(const PartitionId& partition) {
  Request request;
  request.set_tid(partition.tid);
  request.set_pid(partition.pid);
  return request;
}

// Adds the keys of Traverse's records: {u32 8+key+value, u32 key, u64 time, key, value} (F3.4).
bool AddKeys(const std::string& pairs, std::set<std::string>* keys) {
  size_t at = 0;
  while (at + 16 <= pairs.size()) {
    uint32_t size = 0;
    uint32_t key_size = 0;
    std::memcpy(&size, pairs.data() + at, 4);
    std::memcpy(&key_size, pairs.data() + at + 4, 4);
    if (size < 8 + key_size || at + 8 + size > pairs.size()) return false;
    keys->insert(pairs.substr(at + 16, key_size));
    at += 8 + size;
  }
  return at == pairs.size();
}

}  // namespace

void Raw::Prepare(grpc::ClientContext* context) const {
  context->set_wait_for_ready(true);
  context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
  context->AddMetadata("authorization", credential_);
}

template <typename Stub, typename Method, typename Request, typename Response>
int Raw::Call(Stub* stub, Method method, const Request& request, Response* response) const {
  if (stub == nullptr) return kNoAnswer;
  grpc::ClientContext context;
  Prepare(&context);
  const grpc::Status status = (stub->*method)(&context, request, response);
  return status.ok() ? response->code() : kNoAnswer;
}

std::shared_ptr<Peer> Raw::Tablet(const std::string& name) {
  const auto address = openmldb_.AddressOf(name);
  return address.ok() ? channels_.Get(*address) : std::make_shared<Peer>();
}

std::shared_ptr<Peer> Raw::Nameserver() {
  const auto nameservers = openmldb_.Nameservers();
  if (!nameservers.ok() || nameservers->empty()) return std::make_shared<Peer>();
  return Tablet(nameservers->front());
}

int Raw::CreateDatabase(const std::string& db) {
  ns::CreateDatabaseRequest request;
  request.set_db(db);
  ns::GeneralResponse response;
  return Call(Nameserver()->nameserver.get(), &NameserverStub::CreateDatabase, request, &response);
}

int Raw::DropDatabase(const std::string& db) {
  ns::DropDatabaseRequest request;
  request.set_db(db);
  ns::GeneralResponse response;
  return Call(Nameserver()->nameserver.get(), &NameserverStub::DropDatabase, request, &response);
}

std::set<std::string> Raw::ShowDatabase() {
  ns::ShowDatabaseResponse response;
  Call(Nameserver()->nameserver.get(), &NameserverStub::ShowDatabase, ns::GeneralRequest(),
       &response);
  return {response.db().begin(), response.db().end()};
}

int Raw::CreateTable(const std::string& db, const std::string& name, uint32_t partitions,
                     uint32_t replicas) {
  ns::CreateTableRequest request;
  ns::TableInfo& table = *request.mutable_table_info();
  table.set_db(db);
  table.set_name(name);
  table.set_partition_num(partitions);
  table.set_replica_num(replicas);
  table.set_format_version(1);
  auto* key = table.add_column_desc();
  key->set_name("k");
  key->set_data_type(openmldb::type::kString);
  auto* value = table.add_column_desc();
  value->set_name("v");
  value->set_data_type(openmldb::type::kBigInt);
  auto* index = table.add_column_key();
  index->set_index_name(kIndex);
  index->add_col_name("k");
  index->mutable_ttl()->set_ttl_type(openmldb::type::kAbsoluteTime);
  index->mutable_ttl()->set_abs_ttl(0);
  ns::GeneralResponse response;
  return Call(Nameserver()->nameserver.get(), &NameserverStub::CreateTable, request, &response);
}

int Raw::DropTable(const std::string& db, const std::string& name) {
  ns::DropTableRequest request;
  request.set_db(db);
  request.set_name(name);
  ns::GeneralResponse response;
  return Call(Nameserver()->nameserver.get(), &NameserverStub::DropTable, request, &response);
}

int Raw::ChangeLeader(const PartitionId& partition, const std::string& candidate) {
  ns::ChangeLeaderRequest request;
  request.set_db(partition.db);
  request.set_name(partition.table);
  request.set_pid(partition.pid);
  if (!candidate.empty()) request.set_candidate_leader(candidate);
  ns::GeneralResponse response;
  return Call(Nameserver()->nameserver.get(), &NameserverStub::ChangeLeader, request, &response);
}

int Raw::OfflineEndpoint(const std::string& endpoint, uint32_t concurrency) {
  ns::OfflineEndpointRequest request;
  request.set_endpoint(endpoint);
  request.set_concurrency(concurrency);
  ns::GeneralResponse response;
  return Call(Nameserver()->nameserver.get(), &NameserverStub::OfflineEndpoint, request, &response);
}

int Raw::AskWhoLeads(const std::string& address) {
  ns::ShowTabletResponse response;
  return Call(channels_.Get(address)->nameserver.get(), &NameserverStub::ShowTablet,
              ns::ShowTabletRequest(), &response);
}

int Raw::Put(const std::string& tablet, const PartitionId& partition, const std::string& key) {
  auto request = ForPartition<api::PutRequest>(partition);
  request.set_time(absl::ToUnixMillis(absl::Now()));
  request.set_value(EncodeRow(key, 1));
  auto* dimension = request.add_dimensions();
  dimension->set_key(key);
  dimension->set_idx(0);
  request.set_format_version(1);
  api::PutResponse response;
  return Call(Tablet(tablet)->tablet.get(), &TabletStub::Put, request, &response);
}

int Raw::AddReplica(const std::string& leader, const PartitionId& partition,
                    const std::string& follower) {
  auto request = ForPartition<api::ReplicaRequest>(partition);
  request.set_endpoint(follower);
  api::AddReplicaResponse response;
  return Call(Tablet(leader)->tablet.get(), &TabletStub::AddReplica, request, &response);
}

int Raw::DelReplica(const std::string& leader, const PartitionId& partition,
                    const std::string& follower) {
  auto request = ForPartition<api::ReplicaRequest>(partition);
  request.set_endpoint(follower);
  api::GeneralResponse response;
  return Call(Tablet(leader)->tablet.get(), &TabletStub::DelReplica, request, &response);
}

int Raw::GetTableFollower(const std::string& tablet, const PartitionId& partition) {
  api::GetTableFollowerResponse response;
  return Call(Tablet(tablet)->tablet.get(), &TabletStub::GetTableFollower,
              ForPartition<api::GetTableFollowerRequest>(partition), &response);
}

int Raw::Fence(const std::string& follower, const PartitionId& partition, uint64_t term) {
  auto request = ForPartition<api::AppendEntriesRequest>(partition);
  request.set_term(term);
  api::AppendEntriesResponse response;
  return Call(Tablet(follower)->tablet.get(), &TabletStub::AppendEntries, request, &response);
}

int Raw::Get(const std::string& tablet, const PartitionId& partition, const std::string& key) {
  auto request = ForPartition<api::GetRequest>(partition);
  request.set_key(key);
  request.set_idx_name(kIndex);
  api::GetResponse response;
  return Call(Tablet(tablet)->tablet.get(), &TabletStub::Get, request, &response);
}

absl::StatusOr<uint32_t> Raw::Count(const std::string& tablet, const PartitionId& partition,
                                    const std::string& key) {
  auto request = ForPartition<api::CountRequest>(partition);
  request.set_key(key);
  request.set_idx_name(kIndex);
  api::CountResponse response;
  const int code = Call(Tablet(tablet)->tablet.get(), &TabletStub::Count, request, &response);
  if (code != 0) return OpenMldbError(code, "Count at " + tablet, response.msg());
  return response.count();
}

absl::StatusOr<std::set<std::string>> Raw::Keys(const std::string& tablet,
                                                const PartitionId& partition) {
  const std::string what = absl::StrCat("Traverse of ", ToString(partition), " at ", tablet);
  std::set<std::string> keys;
  auto request = ForPartition<api::TraverseRequest>(partition);
  request.set_idx_name(kIndex);
  request.set_limit(1000);
  for (;;) {
    api::TraverseResponse response;
    const int code = Call(Tablet(tablet)->tablet.get(), &TabletStub::Traverse, request, &response);
    if (code != 0) return OpenMldbError(code, what, response.msg());
    if (!AddKeys(response.pairs(), &keys)) {
      return absl::InternalError(what + ": the records are not of the known format");
    }
    if (response.is_finish() || response.count() == 0) return keys;
    request.set_pk(response.pk());
    request.set_ts(response.ts());
  }
}

}  // namespace omdb::contract
