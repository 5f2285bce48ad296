#include "tests/simulator/server/file_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace omdb::simulator {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class FileDiskTest : public ::testing::Test {
 protected:
  FileDiskTest() {
    std::string name = (fs::temp_directory_path() / "file_disk.XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~FileDiskTest() override { fs::remove_all(root_); }

  FileDisk NewProcess() { return FileDisk(root_ / "data", root_ / "bin"); }
  static std::vector<std::string> Records(FileDisk& disk, const std::string& path) {
    std::vector<std::string> records;
    EXPECT_TRUE(
        disk.ReadRecords(path, [&](std::string_view record) { records.emplace_back(record); })
            .ok());
    return records;
  }

  fs::path root_;
};

TEST_F(FileDiskTest, KeepsWhatWasAppendedForTheNextProcess) {
  const std::string binary("a\0b", 3);
  FileDisk first = NewProcess();
  ASSERT_TRUE(first.AppendRecord("db/7_0/binlog/1.log", "one").ok());
  ASSERT_TRUE(first.AppendRecord("db/7_0/binlog/1.log", "").ok());
  ASSERT_TRUE(first.AppendRecord("db/7_0/binlog/1.log", binary).ok());
  // The first one is still there: it did not end in good order.
  FileDisk second = NewProcess();
  EXPECT_THAT(Records(second, "db/7_0/binlog/1.log"), ElementsAre("one", "", binary));
  ASSERT_TRUE(second.AppendRecord("db/7_0/binlog/1.log", "four").ok());
  EXPECT_THAT(Records(second, "db/7_0/binlog/1.log"), ElementsAre("one", "", binary, "four"));
}

TEST_F(FileDiskTest, KeepsOnlySoManyLogsOpenHoweverManyThereAre) {
  auto open_files = [] {
    const fs::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
  };
  const auto before = open_files();
  FileDisk disk = NewProcess();
  constexpr size_t kLogs = 2 * FileDisk::kOpenLogs;
  for (const char* record : {"one", "two"}) {
    for (size_t i = 0; i < kLogs; ++i) {
      ASSERT_TRUE(disk.AppendRecord("db/" + std::to_string(i) + "/1.log", record).ok());
    }
  }
  EXPECT_LE(open_files() - before, static_cast<ptrdiff_t>(FileDisk::kOpenLogs));
  for (size_t i = 0; i < kLogs; ++i) {
    EXPECT_THAT(Records(disk, "db/" + std::to_string(i) + "/1.log"), ElementsAre("one", "two"));
  }
}

TEST_F(FileDiskTest, DropsARecordThatWasTorn) {
  FileDisk disk = NewProcess();
  ASSERT_TRUE(disk.AppendRecord("db/log", "whole").ok());
  ASSERT_TRUE(disk.AppendRecord("db/log", "torn apart").ok());
  fs::resize_file(root_ / "data" / "log", fs::file_size(root_ / "data" / "log") - 3);
  EXPECT_THAT(Records(disk, "db/log"), ElementsAre("whole"));
  fs::resize_file(root_ / "data" / "log", 4 + 5 + 2);  // within the next one's size
  EXPECT_THAT(Records(disk, "db/log"), ElementsAre("whole"));
}

TEST_F(FileDiskTest, MapsItsTwoRootsToDirectories) {
  FileDisk disk = NewProcess();
  ASSERT_TRUE(disk.Write("db/7_0/table_meta.txt", "meta").ok());
  EXPECT_TRUE(fs::exists(root_ / "data" / "7_0" / "table_meta.txt"));
  ASSERT_TRUE(disk.Rename("db/7_0", "recycle/7_0_2026").ok());
  EXPECT_TRUE(fs::exists(root_ / "bin" / "7_0_2026" / "table_meta.txt"));
  EXPECT_FALSE(disk.Exists("db/7_0"));
  EXPECT_TRUE(disk.Exists("recycle/7_0_2026"));
  EXPECT_EQ(disk.Read("recycle/7_0_2026/table_meta.txt").value(), "meta");
}

TEST_F(FileDiskTest, ALogThatWasMovedAwayIsBegunAnew) {
  FileDisk disk = NewProcess();
  ASSERT_TRUE(disk.AppendRecord("db/7_0/binlog/1.log", "old").ok());
  ASSERT_TRUE(disk.Rename("db/7_0", "recycle/7_0").ok());
  ASSERT_TRUE(disk.AppendRecord("db/7_0/binlog/1.log", "new").ok());
  EXPECT_THAT(Records(disk, "db/7_0/binlog/1.log"), ElementsAre("new"));
  EXPECT_THAT(Records(disk, "recycle/7_0/binlog/1.log"), ElementsAre("old"));
  ASSERT_TRUE(disk.Remove("db/7_0").ok());
  ASSERT_TRUE(disk.AppendRecord("db/7_0/binlog/1.log", "newer").ok());
  EXPECT_THAT(Records(disk, "db/7_0/binlog/1.log"), ElementsAre("newer"));
}

TEST_F(FileDiskTest, ListsNamesInOrder) {
  FileDisk disk = NewProcess();
  for (const char* name : {"db/b", "db/a", "db/c/d"}) ASSERT_TRUE(disk.Write(name, "").ok());
  EXPECT_THAT(disk.List("db").value(), ElementsAre("a", "b", "c"));
}

TEST_F(FileDiskTest, SaysWhatIsMissing) {
  FileDisk disk = NewProcess();
  EXPECT_TRUE(absl::IsNotFound(disk.Read("db/none").status()));
  EXPECT_TRUE(absl::IsNotFound(disk.ReadRecords("db/none", [](std::string_view) {})));
  EXPECT_FALSE(disk.Exists("db/none"));
  EXPECT_FALSE(disk.Rename("db/none", "db/other").ok());
  EXPECT_TRUE(disk.Remove("db/none").ok());
}

TEST_F(FileDiskTest, ALogCanBeReadAsAFileAndWrittenElsewhere) {
  FileDisk disk = NewProcess();
  ASSERT_TRUE(disk.AppendRecord("db/log", "one").ok());
  ASSERT_TRUE(disk.AppendRecord("db/log", "two").ok());
  ASSERT_TRUE(disk.Write("db/copy", disk.Read("db/log").value()).ok());
  EXPECT_THAT(Records(disk, "db/copy"), ElementsAre("one", "two"));
}

}  // namespace
}  // namespace omdb::simulator
