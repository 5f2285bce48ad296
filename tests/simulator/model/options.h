#ifndef OMDB_TESTS_SIMULATOR_MODEL_OPTIONS_H_
#define OMDB_TESTS_SIMULATOR_MODEL_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace omdb::simulator {

// The flags of OpenMLDB that change how the servers behave, at the values of its shipped release
// configuration (F1.2), and what measurements gave for the rest.
struct Options {
  std::string endpoint;       // the name (content of name.txt) with use_name, else host:port
  std::string real_endpoint;  // host:port, empty without use_name
  std::string zk_root_path = "/openmldb";
  bool auto_failover = true;
  absl::Duration tablet_heartbeat_timeout = absl::Seconds(60);
  absl::Duration tablet_offline_check_interval = absl::Seconds(1);
  absl::Duration zk_keep_alive_check_interval = absl::Seconds(15);
  absl::Duration get_task_status_interval = absl::Seconds(2);
  absl::Duration get_table_status_interval = absl::Seconds(2);
  absl::Duration request_timeout = absl::Seconds(20);
  uint32_t system_table_replica_num = 2;
  uint32_t partition_num = 8;
  uint32_t replica_num = 3;
  uint32_t name_server_task_concurrency = 2;
  uint32_t name_server_task_max_concurrency = 8;
  uint64_t check_binlog_sync_progress_delta = 100000;
  uint64_t make_snapshot_threshold_offset = 100000;
  uint32_t binlog_sync_batch_size = 32;
  absl::Duration binlog_sync_wait_time = absl::Milliseconds(100);
  bool binlog_notify_on_put = true;
  // A sender that meets a record not yet wholly on disk pauses that long (M7). So long is a record
  // in that state: with it the lag is that of M7 at 100 to 150 rows a second and that of M2 at 636.
  absl::Duration binlog_coffee_time = absl::Seconds(1);
  absl::Duration binlog_write_time = absl::Microseconds(20);
  absl::Duration binlog_match_logoffset_interval = absl::Seconds(1);
  uint64_t stream_bandwidth_limit_bytes = 20971520;
  bool recycle_bin_enabled = true;
  bool skip_grant_tables = true;
  // What the nameserver's own work costs: a ChangeLeader op is three steps and its removal, about
  // 45 ms (M11); the request that creates it took 10 to 25 ms (M1), one that creates 26 took 0.48 s
  // (M3).
  absl::Duration op_creation_time = absl::Milliseconds(10);
  absl::Duration op_creation_time_of_many = absl::Milliseconds(18);
  absl::Duration op_step_time = absl::Milliseconds(11);
  absl::Duration op_removal_time = absl::Milliseconds(10);
  // A write to ZooKeeper: an op's creation is two, and eight are most of the 45 ms in which a
  // leader changes. An edit of the metadata is one, and one more where clients are told of it: 20
  // ms as the client of M9 saw it, for which a call that writes nothing took 10 (M1).
  absl::Duration zookeeper_write_time = absl::Milliseconds(5);
  // H6: between reading /nodes and watching it again.
  absl::Duration nodes_callback_time = absl::Milliseconds(51);
  // H4: a removal of a replica that is already detached loses its result and fails.
  double lost_del_replica_probability = 1.0 / 500;
  // F5.10: at a nameserver's first leadership the flag overrides what ZooKeeper says; not seen.
  double auto_failover_race_probability = 0;
  // M4: 88,483 rows in 0.83 s; on both cores that M12 had, 192,000 rows in 0.6 to 1.6 s.
  uint64_t load_rows_per_second = 120000;
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_OPTIONS_H_
