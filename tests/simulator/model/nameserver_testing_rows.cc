// Rows and tablets of a Cluster, and the writer.
#include <gtest/gtest.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/nameserver_testing.h"

namespace omdb::simulator {

int Cluster::Put(const std::string& tablet, const std::string& table, uint32_t pid,
                 const std::string& key) {
  api::PutRequest request;
  request.set_tid(Table(table).tid());
  request.set_pid(pid);
  request.set_time(absl::ToUnixMillis(Now()));
  request.set_value("row of " + key);
  request.add_dimensions()->set_key(key);
  request.mutable_dimensions(0)->set_idx(0);
  return AskTablet<api::PutResponse>(tablet, "Put", request).code();
}

void Cluster::PutRows(const std::string& tablet, const std::string& table, uint32_t pid,
                      const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(Put(tablet, table, pid, absl::StrCat(prefix, i)), 0);
  }
}

bool Cluster::RunUntilEqual(const std::string& table, uint32_t pid,
                            const std::vector<std::string>& tablets, absl::Duration limit) {
  auto equal = [&] {
    std::set<uint64_t> offsets;
    for (const std::string& tablet : tablets) offsets.insert(Status(tablet, table, pid).offset());
    return offsets.size() == 1;
  };
  return RunUntil(equal, limit, absl::Milliseconds(2));
}

std::set<std::string> Cluster::Keys(const std::string& tablet, const std::string& table,
                                    uint32_t pid) {
  std::set<std::string> keys;
  api::TraverseRequest request;
  request.set_tid(Table(table).tid());
  request.set_pid(pid);
  for (;;) {
    auto answer = AskTablet<api::TraverseResponse>(tablet, "Traverse", request);
    EXPECT_EQ(answer.code(), 0) << answer.msg();
    const std::string& pairs = answer.pairs();
    for (size_t at = 0; at + 16 <= pairs.size();) {  // the format of F3.4
      uint32_t total = 0;
      uint32_t key_size = 0;
      std::memcpy(&total, &pairs[at], sizeof total);
      std::memcpy(&key_size, &pairs[at + 4], sizeof key_size);
      keys.insert(pairs.substr(at + 16, key_size));
      at += 8 + total;
    }
    if (answer.is_finish() || answer.code() != 0) return keys;
    request.set_pk(answer.pk());
    request.set_ts(answer.ts());
    request.set_ts_pos(answer.ts_pos());
  }
}

api::TableStatus Cluster::Status(const std::string& tablet, const std::string& table,
                                 uint32_t pid) {
  api::GetTableStatusRequest request;
  request.set_tid(Table(table).tid());
  request.set_pid(pid);
  auto answer = AskTablet<api::GetTableStatusResponse>(tablet, "GetTableStatus", request);
  return answer.all_table_status_size() == 1 ? answer.all_table_status(0) : api::TableStatus();
}

api::GetTermPairResponse Cluster::TermPair(const std::string& tablet, const std::string& table,
                                           uint32_t pid) {
  api::GetTermPairRequest request;
  request.set_tid(Table(table).tid());
  request.set_pid(pid);
  return AskTablet<api::GetTermPairResponse>(tablet, "GetTermPair", request);
}

int Cluster::SetMode(const std::string& tablet, bool follower) {
  api::SetModeRequest request;
  request.set_follower(follower);
  return AskTablet(tablet, "SetMode", request).code();
}

int Cluster::ChangeRole(const std::string& tablet, const std::string& table, uint32_t pid,
                        api::TableMode mode, uint64_t term,
                        const std::vector<std::string>& replicas) {
  api::ChangeRoleRequest request;
  request.set_tid(Table(table).tid());
  request.set_pid(pid);
  request.set_mode(mode);
  request.set_term(term);
  for (const std::string& replica : replicas) request.add_replicas(replica);
  return AskTablet<api::ChangeRoleResponse>(tablet, "ChangeRole", request).code();
}

void Cluster::RestartTablet(const std::string& name) {
  tablet(name).Kill();
  ASSERT_TRUE(RunUntil([&] { return !world_.zookeeper.Exists("/openmldb/nodes/" + name); },
                       absl::Seconds(15)));
  // Until the nameserver has seen it and watches again (H6).
  RunFor(absl::Milliseconds(200));
  ASSERT_TRUE(tablet(name).Start().ok());
}

void Cluster::RestartTabletElsewhere(const std::string& name) {
  tablet(name).Kill();
  tablet(name).options().real_endpoint = absl::StrCat("10.0.3.", ++moves_, ":10921");
  RestartTablet(name);
}

TableWriter::TableWriter(Cluster& cluster, std::string table, uint32_t pid, std::string pinned,
                         absl::Duration pause)
    : cluster_(cluster),
      network_(cluster.world().network.ClientOf("writer", cluster.world().executor)),
      table_(std::move(table)),
      tid_(cluster.Table(table_).tid()),
      pid_(pid),
      pinned_(std::move(pinned)),
      pause_(pause) {
  Next();
}

std::string TableWriter::Target() const {
  if (!pinned_.empty()) return pinned_;
  nameserver::TableInfo table;
  table.ParseFromString(
      cluster_.world().zookeeper.Value(absl::StrCat("/openmldb/table/db_table_data/", tid_)));
  for (const auto& partition : table.table_partition()) {
    if (partition.pid() != pid_) continue;
    for (const auto& meta : partition.partition_meta()) {
      if (meta.is_leader() && meta.is_alive()) return meta.endpoint();
    }
  }
  return "";
}

void TableWriter::Next() {
  if (stopped_) return;
  auto again = [this, alive = alive_](absl::Duration delay) {
    cluster_.world().executor.Schedule(delay, [this, alive] {
      if (*alive) Next();
    });
  };
  const std::string target = Target();
  if (target.empty()) return again(absl::Milliseconds(10));
  const std::string key = absl::StrCat(table_, pid_, pinned_, "row", ++sent_);
  auto request = std::make_unique<api::PutRequest>();
  request->set_tid(tid_);
  request->set_pid(pid_);
  request->set_time(absl::ToUnixMillis(cluster_.Now()));
  request->set_value("row of " + key);
  request->add_dimensions()->set_key(key);
  request->mutable_dimensions(0)->set_idx(0);
  network_->Call(
      cluster_.tablet(target).address(), "openmldb.api.TabletServer/Put", std::move(request),
      std::make_unique<api::PutResponse>(), absl::Seconds(20),
      [this, alive = alive_, key, again](auto answer) {
        if (!*alive) return;
        if (answer.ok() && static_cast<const api::PutResponse&>(**answer).code() == code::kOk) {
          acknowledged_.insert(key);
        } else {
          ++refused_;
        }
        again(pause_);
      });
}

std::set<std::string> TableWriter::Lost(const std::set<std::string>& present) const {
  std::set<std::string> lost;
  for (const std::string& key : acknowledged_) {
    if (!present.contains(key)) lost.insert(key);
  }
  return lost;
}

}  // namespace omdb::simulator
