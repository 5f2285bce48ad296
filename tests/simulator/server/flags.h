#ifndef OMDB_TESTS_SIMULATOR_SERVER_FLAGS_H_
#define OMDB_TESTS_SIMULATOR_SERVER_FLAGS_H_

#include <gflags/gflags.h>

#include <string>

#include "absl/status/statusor.h"
#include "tests/simulator/model/options.h"

DECLARE_string(role);
DECLARE_int32(port);
DECLARE_string(zk_cluster);
DECLARE_string(zk_root_path);
DECLARE_int32(zk_session_timeout);
DECLARE_string(zk_auth_schema);
DECLARE_string(zk_cert);
DECLARE_string(db_root_path);
DECLARE_string(recycle_bin_root_path);
DECLARE_bool(graceful_quit_on_sigterm);

namespace omdb::simulator {

// Who the process is (F1.3): with --use_name the name in --data_dir/name.txt, made at random when
// it is not there, at this host's address and --port; without it --endpoint.
struct Identity {
  std::string endpoint;
  std::string real_endpoint;  // empty without --use_name
  int port = 0;

  // host:port to listen on.
  const std::string& address() const { return real_endpoint.empty() ? endpoint : real_endpoint; }
};
absl::StatusOr<Identity> ReadIdentity();

// The model's options from the flags.
Options ReadOptions(const Identity& identity);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_FLAGS_H_
