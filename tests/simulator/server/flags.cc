#include "tests/simulator/server/flags.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

// Defaults are those of OpenMLDB's shipped release configuration (F1.2).
DEFINE_string(role, "", "nameserver, tablet, apiserver or taskmanager");
DEFINE_string(endpoint, "", "address and identity without --use_name");
DEFINE_int32(port, 0, "port with --use_name");
DEFINE_bool(use_name, false, "identity is the content of --data_dir/name.txt");
DEFINE_string(data_dir, "./data", "directory of name.txt");
DEFINE_string(zk_cluster, "", "host:port of ZooKeeper's servers");
DEFINE_string(zk_root_path, "/openmldb", "root of the cluster in ZooKeeper");
DEFINE_int32(zk_session_timeout, 10000, "ms");
DEFINE_string(zk_auth_schema, "digest", "how --zk_cert is shown to ZooKeeper");
DEFINE_string(zk_cert, "", "credential for ZooKeeper; nodes are made for its holder alone");
DEFINE_string(db_root_path, "./db", "data of memory tables");
DEFINE_string(ssd_root_path, "", "not used by the stand-in");
DEFINE_string(hdd_root_path, "", "not used by the stand-in");
DEFINE_string(recycle_bin_root_path, "./recycle", "dropped replicas");
DEFINE_bool(recycle_bin_enabled, true, "keep dropped replicas");
DEFINE_string(openmldb_log_dir, "", "not used by the stand-in: it logs to stderr");
DEFINE_bool(graceful_quit_on_sigterm, false,
            "end on SIGTERM although this is process 1 (a brpc flag)");
DEFINE_string(log_level, "info", "not used by the stand-in");
DEFINE_string(recycle_bin_ssd_root_path, "", "not used by the stand-in");
DEFINE_string(recycle_bin_hdd_root_path, "", "not used by the stand-in");
DEFINE_bool(enable_distsql, true, "not used by the stand-in: it has no SQL engine");
DEFINE_int32(binlog_single_file_max_size, 1024, "not used by the stand-in: one file per replica");
DEFINE_int32(binlog_sync_to_disk_interval, 5000, "not used by the stand-in");
DEFINE_int32(gc_interval, 60, "not used by the stand-in: rows do not expire");
DEFINE_int32(disk_gc_interval, 60, "not used by the stand-in");
DEFINE_bool(enable_status_service, false, "not used by the stand-in");
DEFINE_int32(thread_pool_size, 24, "not used by the stand-in");
DEFINE_bool(auto_failover, true, "what /config/auto_failover is made with");
DEFINE_int32(tablet_heartbeat_timeout, 60000, "ms");
DEFINE_int32(tablet_offline_check_interval, 1000, "ms");
DEFINE_int32(zk_keep_alive_check_interval, 15000, "ms");
DEFINE_int32(get_task_status_interval, 2000, "ms");
DEFINE_int32(get_table_status_interval, 2000, "ms");
DEFINE_int32(request_timeout_ms, 20000, "ms");
DEFINE_int32(request_max_retry, 3, "not used by the stand-in");
DEFINE_int32(system_table_replica_num, 2, "replicas of the system tables");
DEFINE_int32(partition_num, 8, "of CREATE TABLE");
DEFINE_int32(replica_num, 3, "of CREATE TABLE");
DEFINE_int32(name_server_task_concurrency, 2, "lanes");
DEFINE_int32(name_server_task_max_concurrency, 8, "lanes at most");
DEFINE_int32(check_binlog_sync_progress_delta, 100000, "entries");
DEFINE_int32(make_snapshot_threshold_offset, 100000, "entries");
DEFINE_int32(make_snapshot_time, 23, "not used by the stand-in");
DEFINE_int32(binlog_sync_batch_size, 32, "entries");
DEFINE_int32(binlog_sync_wait_time, 100, "ms");
DEFINE_bool(binlog_notify_on_put, true, "replicate at once");
DEFINE_int32(binlog_coffee_time, 1000, "ms");
DEFINE_int32(binlog_match_logoffset_interval, 1000, "ms");
DEFINE_int32(stream_bandwidth_limit, 20971520, "bytes a second");
DEFINE_bool(skip_grant_tables, true, "accept any credential");

namespace omdb::simulator {
namespace {

std::string LocalIp() {
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  const hostent* found = gethostbyname(host);  // as OpenMLDB does
  if (found == nullptr || found->h_addrtype != AF_INET) return "127.0.0.1";
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, found->h_addr_list[0], text, sizeof(text));
  return text;
}

absl::StatusOr<std::string> ReadName(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "name.txt";
  std::string name;
  if (std::ifstream file(path); std::getline(file, name) && !name.empty()) return name;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  name = absl::StrCat(absl::Hex(std::random_device()()), absl::Hex(std::random_device()()));
  std::ofstream file(path);
  if (!(file << name)) return absl::UnavailableError(absl::StrCat("cannot write ", path.string()));
  return name;
}

absl::Duration Ms(int value) { return absl::Milliseconds(value); }

}  // namespace

absl::StatusOr<Identity> ReadIdentity() {
  Identity identity;
  if (FLAGS_use_name && FLAGS_endpoint.empty()) {
    auto name = ReadName(FLAGS_data_dir);
    if (!name.ok()) return name.status();
    identity.endpoint = *std::move(name);
    identity.port = FLAGS_port;
    identity.real_endpoint = absl::StrCat(LocalIp(), ":", FLAGS_port);
    return identity;
  }
  identity.endpoint = FLAGS_endpoint;
  const size_t colon = FLAGS_endpoint.rfind(':');
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(FLAGS_endpoint.substr(colon + 1), &identity.port)) {
    return absl::InvalidArgumentError(
        "--endpoint must be host:port, or --use_name be given with --port");
  }
  return identity;
}

Options ReadOptions(const Identity& identity) {
  Options options;
  options.endpoint = identity.endpoint;
  options.real_endpoint = identity.real_endpoint;
  options.zk_root_path = FLAGS_zk_root_path;
  options.auto_failover = FLAGS_auto_failover;
  options.tablet_heartbeat_timeout = Ms(FLAGS_tablet_heartbeat_timeout);
  options.tablet_offline_check_interval = Ms(FLAGS_tablet_offline_check_interval);
  options.zk_keep_alive_check_interval = Ms(FLAGS_zk_keep_alive_check_interval);
  options.get_task_status_interval = Ms(FLAGS_get_task_status_interval);
  options.get_table_status_interval = Ms(FLAGS_get_table_status_interval);
  options.request_timeout = Ms(FLAGS_request_timeout_ms);
  options.system_table_replica_num = static_cast<uint32_t>(FLAGS_system_table_replica_num);
  options.partition_num = static_cast<uint32_t>(FLAGS_partition_num);
  options.replica_num = static_cast<uint32_t>(FLAGS_replica_num);
  options.name_server_task_concurrency = static_cast<uint32_t>(FLAGS_name_server_task_concurrency);
  options.name_server_task_max_concurrency =
      static_cast<uint32_t>(FLAGS_name_server_task_max_concurrency);
  options.check_binlog_sync_progress_delta =
      static_cast<uint64_t>(FLAGS_check_binlog_sync_progress_delta);
  options.make_snapshot_threshold_offset =
      static_cast<uint64_t>(FLAGS_make_snapshot_threshold_offset);
  options.binlog_sync_batch_size = static_cast<uint32_t>(FLAGS_binlog_sync_batch_size);
  options.binlog_sync_wait_time = Ms(FLAGS_binlog_sync_wait_time);
  options.binlog_notify_on_put = FLAGS_binlog_notify_on_put;
  options.binlog_coffee_time = Ms(FLAGS_binlog_coffee_time);
  options.binlog_match_logoffset_interval = Ms(FLAGS_binlog_match_logoffset_interval);
  options.stream_bandwidth_limit_bytes = static_cast<uint64_t>(FLAGS_stream_bandwidth_limit);
  options.recycle_bin_enabled = FLAGS_recycle_bin_enabled;
  options.skip_grant_tables = FLAGS_skip_grant_tables;
  return options;
}

}  // namespace omdb::simulator
