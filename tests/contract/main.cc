// The contract: every behaviour of OpenMLDB that the operator leans on, as tests against a running
// cluster. See README.md.
#include <gtest/gtest.h>

#include <cstdio>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "tests/contract/flags.h"

ABSL_FLAG(std::string, zookeeper, "", "The cluster's ZooKeeper: host:port,host:port");
ABSL_FLAG(std::string, root, "/openmldb", "The cluster's --zk_root_path");
ABSL_FLAG(std::string, credential, "sdefault", "The authorization of each call");
ABSL_FLAG(bool, end_sessions, false,
          "Also end ZooKeeper sessions of tablets and of the leading nameserver, and restore them");
ABSL_FLAG(std::string, restart_tablet, "",
          "A shell command that stops and starts the tablet $TABLET and returns when its process "
          "runs again; without it nothing is restarted");

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::SetProgramUsageMessage("contract_test --zookeeper=host:port [--root=/openmldb]");
  absl::ParseCommandLine(argc, argv);
  if (absl::GetFlag(FLAGS_zookeeper).empty() && !GTEST_FLAG_GET(list_tests)) {
    std::fprintf(stderr, "contract_test needs a cluster: --zookeeper=host:port\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}
