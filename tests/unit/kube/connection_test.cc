#include "operator/kube/connection.h"

#include <cstdio>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/kube/set_clock.h"

namespace omdb::kube {
namespace {

using ::testing::HasSubstr;

class TokenSourceTest : public ::testing::Test {
 protected:
  TokenSourceTest() { std::remove(file_.c_str()); }
  ~TokenSourceTest() override { std::remove(file_.c_str()); }

  void Write(const std::string& token) { std::ofstream(file_) << token; }

  SetClock clock_;
  const std::string file_ = ::testing::TempDir() + "token-" +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name();
  TokenSource source_{"", file_, &clock_};
};

TEST_F(TokenSourceTest, ReadsTheFileAgainAfterAMinute) {
  Write("first\n");
  EXPECT_EQ(*source_.Get(), "first");
  Write("second\n");
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(*source_.Get(), "first");
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(*source_.Get(), "second");
}

TEST_F(TokenSourceTest, ReadsTheFileAgainAtOnceAfterARefusal) {
  Write("first");
  EXPECT_EQ(*source_.Get(), "first");
  Write("second");
  source_.Refused();
  EXPECT_EQ(*source_.Get(), "second");
}

TEST_F(TokenSourceTest, KeepsTheLastTokenWhileTheFileIsAwayOrEmpty) {
  Write("first");
  EXPECT_EQ(*source_.Get(), "first");
  source_.Refused();
  Write("");
  EXPECT_EQ(*source_.Get(), "first");
  std::remove(file_.c_str());
  EXPECT_EQ(*source_.Get(), "first");
}

TEST_F(TokenSourceTest, SaysWhichFileIsMissing) {
  const auto token = source_.Get();
  EXPECT_TRUE(absl::IsFailedPrecondition(token.status()));
  EXPECT_THAT(token.status().message(), HasSubstr(file_));
}

TEST_F(TokenSourceTest, SaysWhichFileIsEmpty) {
  Write("");
  const auto token = source_.Get();
  EXPECT_TRUE(absl::IsFailedPrecondition(token.status()));
  EXPECT_THAT(token.status().message(), HasSubstr(file_ + " is empty"));
}

TEST(TokenSource, GivesAFixedTokenOrNone) {
  SetClock clock;
  EXPECT_EQ(*TokenSource("fixed", "", &clock).Get(), "fixed");
  EXPECT_EQ(*TokenSource("", "", &clock).Get(), "");
}

TEST(ReadFile, SaysThatItCannotBeReadThoughItCouldBeOpened) {
  EXPECT_TRUE(absl::IsDataLoss(ReadFile(testing::TempDir()).status())) << "a directory";
}

}  // namespace
}  // namespace omdb::kube
