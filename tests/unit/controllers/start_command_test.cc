#include "controllers/objects/start_command.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// Runs the start script with the shell of this machine, in an image and a volume that are
// directories.
namespace omdb {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

class StartCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/start_command_XXXXXX";
    ASSERT_NE(nullptr, mkdtemp(name.data()));
    root_ = name;
    fs::create_directories(root_ / "image/bin");
    fs::create_directories(root_ / "image/taskmanager/bin");
    fs::create_directories(root_ / "image/taskmanager/conf");
    fs::create_directories(root_ / "volume");
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    fs::remove_all(root_);
  }

  void Program(const std::string& path, const std::string& script) {
    std::ofstream(root_ / "image" / path) << "#!/bin/sh\nout=" << root_.string() << "\n" << script;
    fs::permissions(root_ / "image" / path, fs::perms::all);
  }

  void Start(Component component) {
    const auto cluster =
        ParseCluster({{"metadata", {{"namespace", "ns"}, {"name", "demo"}}},
                      {"spec", {{"version", "0.9.2"}, {"zookeeper", {{"servers", "z:2181"}}}}}});
    StartCommand start = StartCommandOf(*cluster, component);
    std::vector<std::string> words = start.command;
    words.insert(words.end(), start.args.begin(), start.args.end());
    Run(std::move(words));
  }

  void Run(std::vector<std::string> words) {
    for (std::string& word : words) {
      word = absl::StrReplaceAll(word, {{"/work/openmldb", "/nonexistent"},
                                        {" /openmldb;", " " + (root_ / "image").string() + ";"},
                                        {"/dev/termination-log", (root_ / "message").string()},
                                        {"data=/data\n", "data=" + Volume() + "\n"}});
    }
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      setpgid(0, 0);
      setenv("POD_NAME", "demo-tablet-1", 1);
      execvp("sh", pointers.data());
      _exit(127);
    }
  }

  std::string Volume() const { return (root_ / "volume").string(); }

  std::string Read(const fs::path& path) const {
    std::ifstream file(root_ / path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  bool WaitFor(const fs::path& path) const {
    for (int i = 0; i < 1000 && !fs::exists(root_ / path); ++i)
      absl::SleepFor(absl::Milliseconds(10));
    return fs::exists(root_ / path);
  }

  int ExitStatus() {
    int status = -1;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  fs::path root_;
  pid_t pid_ = 0;
};

constexpr char kServes[] = R"sh(
trap 'echo term >"$out/term"; exit 3' TERM
printf '%s\n' "$@" >"$out/args"
echo "$LD_LIBRARY_PATH" >"$out/libraries"
touch "$out/up"
while :; do sleep 0.05; done
)sh";

TEST_F(StartCommandTest, WritesThePodsNameBeforeItStartsTheServer) {
  Program("bin/openmldb", kServes);
  Start(Component::kTablet);
  ASSERT_TRUE(WaitFor("up"));
  EXPECT_EQ("demo-tablet-1", Read("volume/id/name.txt"));
  EXPECT_THAT(Read("args"), HasSubstr("--role=tablet\n"));
  EXPECT_THAT(Read("args"), HasSubstr("--zk_cluster=z:2181\n"));
  EXPECT_THAT(Read("libraries"), HasSubstr("/image/udf"));
  EXPECT_NE("", Read("volume/started"));
}

TEST_F(StartCommandTest, HandsSigtermOnAndWaitsForTheServersEnd) {
  Program("bin/openmldb", kServes);
  Start(Component::kTablet);
  ASSERT_TRUE(WaitFor("up"));
  kill(pid_, SIGTERM);
  EXPECT_EQ(3, ExitStatus());
  EXPECT_EQ("term\n", Read("term"));
}

// As it does while ZooKeeper still knows its former session (F1.6).
TEST_F(StartCommandTest, StartsAServerAgainThatEndsRightAfterItsStart) {
  Program("bin/openmldb", R"sh([ -e "$out/second" ] || { touch "$out/second"; exit 1; }
)sh" + std::string(kServes));
  Start(Component::kNameserver);
  EXPECT_TRUE(WaitFor("up"));
}

TEST_F(StartCommandTest, SaysWhenTheImageHoldsNoServer) {
  Start(Component::kTablet);
  EXPECT_EQ(1, ExitStatus());
}

TEST_F(StartCommandTest, AddsPropertiesToThoseOfTheImage) {
  Program("taskmanager/bin/taskmanager.sh", kServes);
  std::ofstream(root_ / "image/taskmanager/conf/taskmanager.properties") << "spark.master=local";
  Start(Component::kTaskManager);
  ASSERT_TRUE(WaitFor("up"));
  const std::string properties = Read("image/taskmanager/conf/taskmanager.properties");
  EXPECT_THAT(properties, HasSubstr("spark.master=local\n"));
  EXPECT_THAT(properties, HasSubstr("\nzookeeper.cluster=z:2181\n"));
  EXPECT_EQ("\n", Read("args"));
}

TEST_F(StartCommandTest, PutsTheServersVersionIntoTheTerminationMessage) {
  Program("bin/openmldb", R"sh([ "$*" = --version ] && echo "openmldb version 0.9.2-5ca1ab1e")sh");
  Run(VersionCommand());
  EXPECT_EQ(0, ExitStatus());
  EXPECT_EQ("openmldb version 0.9.2-5ca1ab1e\n", Read("message"));
}

TEST_F(StartCommandTest, PutsThereWhyTheServerDoesNotRun) {
  Program("bin/openmldb", "echo 'libx.so: cannot open shared object file' >&2; exit 127");
  Run(VersionCommand());
  EXPECT_EQ(127, ExitStatus());
  EXPECT_EQ("libx.so: cannot open shared object file\n", Read("message"));
}

TEST_F(StartCommandTest, TellsNoVersionWhenTheImageHoldsNoServer) {
  Run(VersionCommand());
  EXPECT_EQ(1, ExitStatus());
}

}  // namespace
}  // namespace omdb
