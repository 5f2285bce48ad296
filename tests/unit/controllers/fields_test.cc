#include "controllers/fields.h"

#include <gtest/gtest.h>

#include <string>

namespace omdb {
namespace {

class Reading : public testing::Test {
 protected:
  Fields Root() { return Fields(document, "spec", status); }
  std::string Complaint() { return std::string(status.message()); }

  Json document = {{"text", "x"},       {"number", 3},     {"list", {1, {{"a", 1}}}},
                   {"map", {{"a", 1}}}, {"null", nullptr}, {"negative", "-1s"},
                   {"infinite", "inf"}};
  absl::Status status;
};

TEST_F(Reading, TakesNullForAbsent) {
  EXPECT_FALSE(Root().Has("null"));
  EXPECT_EQ(Root().Text("null", "standard"), "standard");
  EXPECT_TRUE(Root().Object("null").Texts("any").empty());
  EXPECT_TRUE(Root().Objects("null").empty());
  EXPECT_TRUE(Root().ObjectMap("null").empty());
  EXPECT_TRUE(Root().Array("null").is_null());
  EXPECT_TRUE(Root().Document("null").is_null());
  EXPECT_EQ(Root().Time("null"), absl::Time());
  EXPECT_TRUE(status.ok());
}

TEST_F(Reading, NamesTheFirstFieldThatIsWrong) {
  EXPECT_EQ(Root().Integer("text", 5, 0, 9), 5);
  EXPECT_EQ(Complaint(), "spec.text must be an integer, it is \"x\"");
  EXPECT_FALSE(Root().Bool("number", false));
  EXPECT_EQ(Complaint(), "spec.text must be an integer, it is \"x\"");
}

TEST_F(Reading, RefusesAListWhoseItemsAreNoObjects) {
  EXPECT_EQ(Root().Objects("list").size(), 2u);
  EXPECT_EQ(Complaint(), "spec.list[0] must be an object, it is 1");
  EXPECT_EQ(Root().Objects("list").size(), 2u) << "and says so once";
}

TEST_F(Reading, RefusesAMapWhoseValuesAreNoObjects) {
  EXPECT_EQ(Root().ObjectMap("map").size(), 1u);
  EXPECT_EQ(Complaint(), "spec.map.a must be an object, it is 1");
}

TEST_F(Reading, RefusesWhatIsNoList) {
  EXPECT_TRUE(Root().Objects("map").empty());
  EXPECT_EQ(Complaint(), "spec.map must be a list, it is {\"a\":1}");
  status = absl::OkStatus();
  EXPECT_TRUE(Root().Array("text").is_null());
  EXPECT_FALSE(status.ok());
}

TEST_F(Reading, RefusesWhatIsNoObject) {
  EXPECT_TRUE(Root().Document("text").is_null());
  EXPECT_FALSE(status.ok());
  status = absl::OkStatus();
  EXPECT_FALSE(Root().Object("list").Has("a"));
  EXPECT_FALSE(status.ok());
}

TEST_F(Reading, RefusesNumbersOutOfRange) {
  EXPECT_EQ(Root().Integer("number", 5, 4, 9), 5);
  EXPECT_EQ(Complaint(), "spec.number must be between 4 and 9, it is 3");
  status = absl::OkStatus();
  EXPECT_EQ(Root().Integer("number", 1, 0, 2), 1);
  EXPECT_FALSE(status.ok());
}

TEST_F(Reading, RefusesDurationsThatCannotBeWaitedFor) {
  for (const std::string field : {"text", "negative", "infinite", "number"}) {
    status = absl::OkStatus();
    EXPECT_EQ(Root().Duration(field, absl::Seconds(7)), absl::Seconds(7));
    EXPECT_FALSE(status.ok()) << field;
  }
}

TEST_F(Reading, RefusesWhatIsNoTime) {
  EXPECT_EQ(Root().Time("text"), absl::Time());
  EXPECT_FALSE(status.ok());
}

TEST_F(Reading, NamesAFieldThatIsMissing) {
  Root().Refuse("absent", "given");
  EXPECT_EQ(Complaint(), "spec.absent must be given");
}

}  // namespace
}  // namespace omdb
