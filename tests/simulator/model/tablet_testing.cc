#include "tests/simulator/model/tablet_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace omdb::simulator {

TabletCluster::TabletCluster(const std::string& names, uint64_t seed, Options options)
    : world_(seed), caller_(world_) {
  for (char name : names) {
    options.endpoint = NameOf(name);
    options.real_endpoint = absl::StrCat("10.0.0.", static_cast<int>(name - 'A' + 1), ":10921");
    tablets_[name] = std::make_unique<Process<TabletServer>>(world_, options);
    EXPECT_TRUE(tablets_[name]->Start().ok());
  }
  PushAddresses();
}

absl::Status TabletCluster::RestartElsewhere(char name) {
  process(name).Kill();
  process(name).options().real_endpoint = absl::StrCat("10.0.1.", ++restarts_, ":10921");
  return process(name).Start();
}

void TabletCluster::PushAddresses() {
  api::UpdateRealEndpointMapRequest request;
  for (const auto& [name, tablet] : tablets_) {
    auto* pair = request.add_real_endpoint_map();
    pair->set_name(tablet->name());
    pair->set_real_endpoint(tablet->address());
  }
  for (const auto& [name, tablet] : tablets_) {
    if (tablet->running()) Call<api::GeneralResponse>(name, "UpdateRealEndpointMap", request);
  }
}

void TabletCluster::Report(char name, const std::string& method, const absl::Status& status) {
  ADD_FAILURE() << method << " at " << name << ": " << status.ToString();
}

api::TableMeta TabletCluster::Meta(uint32_t pid) const {
  api::TableMeta meta;
  meta.set_tid(kTid);
  meta.set_pid(static_cast<int32_t>(pid));
  meta.set_name("t");
  meta.set_db("db");
  meta.set_seg_cnt(8);
  auto* column = meta.add_column_desc();
  column->set_name("k");
  column->set_data_type(openmldb::type::kVarchar);
  auto* key = meta.add_column_key();
  key->set_index_name("idx0");
  key->add_col_name("k");
  return meta;
}

void TabletCluster::CreatePartition(const std::string& names, uint32_t pid, uint64_t term) {
  // Followers first, as the nameserver does.
  for (auto at = names.rbegin(); at != names.rend(); ++at) {
    api::CreateTableRequest request;
    *request.mutable_table_meta() = Meta(pid);
    request.mutable_table_meta()->set_term(term);
    bool leads = *at == names[0];
    request.mutable_table_meta()->set_mode(leads ? api::kTableLeader : api::kTableFollower);
    for (char follower : names.substr(leads ? 1 : names.size())) {
      request.mutable_table_meta()->add_replicas(NameOf(follower));
    }
    EXPECT_EQ(Call<api::CreateTableResponse>(*at, "CreateTable", request).code(), 0);
  }
}

int TabletCluster::CreateEmptyFollower(char name) {
  api::CreateTableRequest request;
  *request.mutable_table_meta() = Meta(0);
  request.mutable_table_meta()->set_mode(api::kTableFollower);
  return Call<api::CreateTableResponse>(name, "CreateTable", request).code();
}

int TabletCluster::Put(char name, const std::string& key, uint32_t pid) {
  api::PutRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  request.set_time(absl::ToUnixMillis(world_.executor.Now()));
  request.set_value("row of " + key);
  request.add_dimensions()->set_key(key);
  request.mutable_dimensions(0)->set_idx(0);
  return Call<api::PutResponse>(name, "Put", request).code();
}

void TabletCluster::PutRows(char name, const std::string& prefix, int count, uint32_t pid) {
  for (int i = 0; i < count; ++i) ASSERT_EQ(Put(name, absl::StrCat(prefix, i), pid), 0);
}

int TabletCluster::SetMode(char name, bool follower) {
  api::SetModeRequest request;
  request.set_follower(follower);
  return Call<api::GeneralResponse>(name, "SetMode", request).code();
}

int TabletCluster::ChangeRole(char name, api::TableMode mode, uint64_t term,
                              const std::string& replicas, uint32_t pid) {
  api::ChangeRoleRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  request.set_mode(mode);
  request.set_term(term);
  for (char replica : replicas) request.add_replicas(NameOf(replica));
  return Call<api::ChangeRoleResponse>(name, "ChangeRole", request).code();
}

int TabletCluster::AddReplica(char leader, char follower, uint32_t pid) {
  api::ReplicaRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  request.set_endpoint(NameOf(follower));
  return Call<api::AddReplicaResponse>(leader, "AddReplica", request).code();
}

int TabletCluster::DelReplica(char leader, char follower, uint32_t pid) {
  api::ReplicaRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  request.set_endpoint(NameOf(follower));
  return Call<api::GeneralResponse>(leader, "DelReplica", request).code();
}

int TabletCluster::LoadTable(char name, api::TableMode mode, uint64_t term,
                             const std::string& replicas, uint32_t pid) {
  api::LoadTableRequest request;
  auto* meta = request.mutable_table_meta();
  meta->set_tid(kTid);
  meta->set_pid(static_cast<int32_t>(pid));
  meta->set_name("t");
  meta->set_db("db");
  meta->set_seg_cnt(8);
  meta->set_mode(mode);
  meta->set_term(term);
  for (char replica : replicas) meta->add_replicas(NameOf(replica));
  return Call<api::GeneralResponse>(name, "LoadTable", request).code();
}

int TabletCluster::DropTable(char name, uint32_t pid) {
  api::DropTableRequest request;
  request.set_tid(kTid);
  request.set_pid(static_cast<int32_t>(pid));
  return Call<api::DropTableResponse>(name, "DropTable", request).code();
}

api::AppendEntriesResponse TabletCluster::Fence(char name, uint64_t term, uint32_t pid) {
  api::AppendEntriesRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  request.set_term(term);
  request.set_pre_log_index(0);
  return Call<api::AppendEntriesResponse>(name, "AppendEntries", request);
}

void TabletCluster::ChangeLeader(const std::string& followers, char candidate, uint64_t term,
                                 uint32_t pid) {
  std::string others;
  for (char follower : followers) {
    EXPECT_EQ(Fence(follower, term + 1, pid).code(), 0);
    if (follower != candidate) others += follower;
  }
  EXPECT_EQ(ChangeRole(candidate, api::kTableLeader, term + 2, others, pid), 0);
}

api::TableStatus TabletCluster::Status(char name, uint32_t pid) {
  api::GetTableStatusRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  auto response = Call<api::GetTableStatusResponse>(name, "GetTableStatus", request);
  return response.all_table_status().empty() ? api::TableStatus() : response.all_table_status(0);
}

api::GetTermPairResponse TabletCluster::TermPair(char name, uint32_t pid) {
  api::GetTermPairRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  return Call<api::GetTermPairResponse>(name, "GetTermPair", request);
}

std::set<std::string> TabletCluster::Keys(char name, uint32_t pid) {
  std::set<std::string> keys;
  api::TraverseRequest request;
  request.set_tid(kTid);
  request.set_pid(pid);
  request.set_limit(100);
  for (;;) {
    auto response = Call<api::TraverseResponse>(name, "Traverse", request);
    EXPECT_EQ(response.code(), 0) << response.msg();
    const std::string& pairs = response.pairs();
    for (size_t at = 0; at + 16 <= pairs.size();) {
      uint32_t total, key_size;
      std::memcpy(&total, pairs.data() + at, 4);
      std::memcpy(&key_size, pairs.data() + at + 4, 4);
      keys.insert(pairs.substr(at + 16, key_size));
      at += 8 + total;
    }
    if (response.is_finish() || response.code() != 0) return keys;
    request.set_pk(response.pk());
    request.set_ts(response.ts());
    request.set_ts_pos(response.ts_pos());
  }
}

bool TabletCluster::RunUntilEqual(const std::string& names, absl::Duration limit, uint32_t pid) {
  absl::Time end = world_.executor.Now() + limit;
  while (world_.executor.Now() < end) {
    std::set<uint64_t> offsets;
    for (char name : names) offsets.insert(Offset(name, pid));
    if (offsets.size() == 1) return true;
    RunFor(absl::Milliseconds(2));
  }
  return false;
}

bool TabletCluster::RunUntilLoaded(char name, absl::Duration limit, uint32_t pid) {
  absl::Time end = world_.executor.Now() + limit;
  while (world_.executor.Now() < end) {
    if (Status(name, pid).state() == api::kTableNormal) return true;
    RunFor(absl::Milliseconds(2));
  }
  return false;
}

Writer::Writer(TabletCluster& cluster, char tablet, absl::Duration interval, std::string prefix,
               uint32_t pid)
    : cluster_(cluster),
      network_(cluster.world().network.ClientOf("writer", cluster.world().executor)),
      tablet_(tablet),
      interval_(interval),
      prefix_(std::move(prefix)),
      pid_(pid) {
  Next();
}

void Writer::Next() {
  if (stopped_) return;
  std::string key = absl::StrCat(prefix_, sent_++);
  auto request = std::make_unique<api::PutRequest>();
  request->set_tid(TabletCluster::kTid);
  request->set_pid(pid_);
  request->set_time(absl::ToUnixMillis(cluster_.world().executor.Now()));
  request->set_value("row of " + key);
  request->add_dimensions()->set_key(key);
  request->mutable_dimensions(0)->set_idx(0);
  network_->Call(cluster_.AddressOf(tablet_), "openmldb.api.TabletServer/Put", std::move(request),
                 std::make_unique<api::PutResponse>(), absl::Seconds(5), [this, key](auto answer) {
                   int code = answer.ok() ? static_cast<api::PutResponse&>(**answer).code() : -2;
                   if (code == 0) {
                     acknowledged_.insert(key);
                   } else {
                     ++refused_[code];
                   }
                 });
  cluster_.world().executor.Schedule(interval_, [this, alive = alive_] {
    if (*alive) Next();
  });
}

std::vector<std::string> Missing(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::vector<std::string> missing;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(missing));
  return missing;
}

}  // namespace omdb::simulator
