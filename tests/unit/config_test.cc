// The file of --config, and the flags that win over it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "operator/flags.h"

namespace omdb {
namespace {

using testing::HasSubstr;

absl::StatusOr<Config> Started(std::vector<std::string> arguments, const std::string& file = "") {
  const std::string path = testing::TempDir() + "config.yaml";
  std::ofstream(path) << file;
  arguments.insert(arguments.begin(), {"openmldb-operator", "--config=" + path});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return ConfigOf(static_cast<int>(argv.size()), argv.data());
}

// Flags are global, and those of one test would stay for the next: each test has its own.
TEST(Config, IsWhatTheFileSays) {
  const auto config = Started({}, "leader-elect: false\nopenmldb-credential: uroot:1\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->leader_elect);
  EXPECT_EQ(config->openmldb_credential, "uroot:1");
  EXPECT_EQ(config->workers, 2);
}

TEST(Config, IsWhatAFlagSaysThoughItIsTheDefault) {
  const auto config =
      Started({"--health-probe-bind-address=:8081"}, "health-probe-bind-address: \":9000\"");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->health_probe_bind_address, ":8081");
}

TEST(Config, NamesWhatIsWrong) {
  EXPECT_THAT(Started({}, "worker: 3").status().message(), HasSubstr("unknown key 'worker'"));
  EXPECT_THAT(Started({}, "- workers").status().message(), HasSubstr("is not a YAML mapping"));
  EXPECT_THAT(Started({}, "workers: many").status().message(), HasSubstr("key 'workers'"));
  EXPECT_THAT(Started({}, "{").status().message(), HasSubstr("config.yaml"));
  EXPECT_EQ(Started({}, "workers: 0").status().message(), "workers must be at least 1, not 0");
  EXPECT_EQ(Started({}, "log-level: loud").status().message(),
            "log-level must be trace, debug, info, warn, error or off, not 'loud'");
  EXPECT_TRUE(Started({}, "log-level: \"off\"").ok());
}

}  // namespace
}  // namespace omdb
