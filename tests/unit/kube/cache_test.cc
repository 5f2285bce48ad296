#include "operator/kube/cache.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operator/kube/resource_version.h"
#include "tests/unit/kube/fake_transport.h"

namespace omdb::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CacheTest : public ::testing::Test {
 protected:
  CacheTest()
      : cache_({types::Pod(), "db"}, [this](const Change& change) {
          story_.push_back(absl::StrCat(change.key.name, " ", Version(change.before), ">",
                                        Version(change.after), change.written_here ? " w" : ""));
        }) {}

  static std::string Version(const SharedJson& object) {
    return object == nullptr ? "-" : (*object)["metadata"]["resourceVersion"].get<std::string>();
  }
  std::string Version(const std::string& name) { return Version(cache_.Find({"db", name})); }

  void List(const std::vector<Json>& pods) {
    cache_.ListBegins();
    cache_.List(pods);
  }

  std::vector<std::string> story_;
  Cache cache_;
};

TEST(ResourceVersion, ComparesNumbersOfAnySize) {
  EXPECT_TRUE(IsLater("10", "9"));
  EXPECT_FALSE(IsLater("9", "10"));
  EXPECT_FALSE(IsLater("10", "10"));
  EXPECT_TRUE(IsLater("100000000000000000000000001", "100000000000000000000000000"));
  EXPECT_FALSE(IsLater("007", "7"));
  EXPECT_TRUE(IsLater("abc", "7")) << "what cannot be ordered is taken as the last word";
  EXPECT_FALSE(IsLater("abc", "abc"));
  EXPECT_TRUE(IsLater("1", ""));
  EXPECT_TRUE(IsLater("1", "0"));
  EXPECT_FALSE(IsLater("00", "0"));
}

TEST_F(CacheTest, FollowsTheWatch) {
  List({PodObject("a", 1), PodObject("b", 2)});
  cache_.Event(EventType::kModified, PodObject("a", 3));
  cache_.Event(EventType::kAdded, PodObject("c", 4));
  cache_.Event(EventType::kDeleted, PodObject("b", 5));
  EXPECT_THAT(story_, ElementsAre("a ->1", "b ->2", "a 1>3", "c ->4", "b 2>-"));
  EXPECT_EQ(Version("a"), "3");
  EXPECT_EQ(Version("b"), "-");
}

TEST_F(CacheTest, ForgetsWhatANewListDoesNotHaveAndReportsOnlyChanges) {
  List({PodObject("a", 1), PodObject("b", 2)});
  story_.clear();
  List({PodObject("a", 1), PodObject("c", 7)});
  EXPECT_THAT(story_, ElementsAre("b 2>-", "c ->7"));
}

TEST_F(CacheTest, TakesTheSameEventOnlyOnce) {
  List({PodObject("a", 5)});
  story_.clear();
  cache_.Event(EventType::kAdded, PodObject("a", 5));
  cache_.Event(EventType::kModified, PodObject("a", 4));
  EXPECT_THAT(story_, IsEmpty());
  EXPECT_EQ(Version("a"), "5");
}

TEST_F(CacheTest, ReadsItsOwnWrites) {
  List({PodObject("a", 1)});
  cache_.Written(PodObject("a", 8));
  EXPECT_EQ(Version("a"), "8");
  cache_.Event(EventType::kModified, PodObject("a", 5));  // on its way before the write
  EXPECT_EQ(Version("a"), "8");
  cache_.Event(EventType::kModified, PodObject("a", 8));  // the write itself
  cache_.Event(EventType::kModified, PodObject("a", 9));
  EXPECT_THAT(story_, ElementsAre("a ->1", "a 1>8 w", "a 8>9"));
}

TEST_F(CacheTest, AnAnswerThatCameLateReplacesNothingNewer) {
  List({PodObject("a", 10)});
  cache_.Written(PodObject("a", 8));
  EXPECT_EQ(Version("a"), "10");
}

TEST_F(CacheTest, AListFromBeforeAWriteDoesNotHideIt) {
  List({PodObject("a", 1)});
  cache_.ListBegins();
  cache_.Written(PodObject("a", 12));
  cache_.Written(PodObject("new", 13));
  cache_.List({PodObject("a", 1)});
  EXPECT_EQ(Version("a"), "12");
  EXPECT_EQ(Version("new"), "13");
  List({});
  EXPECT_EQ(Version("a"), "-") << "a list from after the write is the truth";
  EXPECT_EQ(Version("new"), "-");
}

TEST_F(CacheTest, AListDuringAWriteMayKnowMoreThanItsAnswer) {
  cache_.ListBegins();
  cache_.Written(PodObject("a", 12));
  cache_.List({PodObject("a", 14)});
  EXPECT_EQ(Version("a"), "14");
}

TEST_F(CacheTest, FollowsAnEtcdThatWasSetBackToABackup) {
  List({PodObject("a", 1000), PodObject("b", 1001)});
  cache_.Written(PodObject("b", 1002));
  List({PodObject("a", 500), PodObject("b", 400)});
  EXPECT_EQ(Version("a"), "500");
  EXPECT_EQ(Version("b"), "400");
  cache_.Event(EventType::kModified, PodObject("a", 501));
  EXPECT_EQ(Version("a"), "501");
}

TEST_F(CacheTest, WhatWasDeletedHereDoesNotComeBack) {
  List({PodObject("a", 1)});
  cache_.ListBegins();
  cache_.Deleted({"db", "a"}, "uid-a");
  EXPECT_EQ(Version("a"), "-");
  cache_.Event(EventType::kModified, PodObject("a", 2));
  cache_.List({PodObject("a", 2)});
  cache_.Written(PodObject("a", 2));
  EXPECT_EQ(Version("a"), "-");
  cache_.Event(EventType::kDeleted, PodObject("a", 3));
  cache_.Event(EventType::kAdded, PodObject("a", 4, "uid-next"));
  EXPECT_EQ(Version("a"), "4") << "the same name of another object";
}

// The answer to a delete shows the object as it last was, and may be read after the event.
TEST_F(CacheTest, AnAnswerThatComesAfterTheEndBringsNothingBack) {
  List({PodObject("a", 1)});
  cache_.Event(EventType::kDeleted, PodObject("a", 3));
  cache_.Written(PodObject("a", 2));
  EXPECT_EQ(Version("a"), "-");
  cache_.Written(PodObject("a", 4, "uid-next"));
  EXPECT_EQ(Version("a"), "4");
}

// A watch tells of the loss of a label as of an end.
TEST_F(CacheTest, WhatEndedForTheWatchMayBeginAgain) {
  List({PodObject("a", 1)});
  cache_.Event(EventType::kDeleted, PodObject("a", 3));
  cache_.Event(EventType::kAdded, PodObject("a", 5));
  EXPECT_EQ(Version("a"), "5");
  cache_.Event(EventType::kDeleted, PodObject("a", 6));
  cache_.Written(PodObject("a", 7));
  EXPECT_EQ(Version("a"), "7");
}

TEST_F(CacheTest, WhatWasGoneAndIsListedAgainIsThere) {
  List({PodObject("a", 1000)});
  cache_.Event(EventType::kDeleted, PodObject("a", 1001));
  List({PodObject("a", 500)});  // an etcd that was set back to a backup
  EXPECT_EQ(Version("a"), "500");
  cache_.Event(EventType::kModified, PodObject("a", 501));
  EXPECT_EQ(Version("a"), "501");
}

TEST_F(CacheTest, ADeletionDoesNotTouchTheSuccessorOfTheName) {
  List({PodObject("a", 1, "first")});
  cache_.Written(PodObject("a", 9, "second"));
  cache_.Deleted({"db", "a"}, "first");
  cache_.Event(EventType::kDeleted, PodObject("a", 5, "first"));
  EXPECT_EQ(Version("a"), "9");
}

TEST_F(CacheTest, FindsByNamespaceAndLabelsInOrderOfNames) {
  Cache cache({types::Pod(), ""}, nullptr);
  Json a = PodObject("a", 1), b = PodObject("b", 2), c = PodObject("c", 3), d = PodObject("d", 4);
  a["metadata"]["labels"] = {{"app", "x"}, {"tier", "1"}};
  b["metadata"]["labels"] = {{"app", "x"}, {"tier", ""}};
  c["metadata"]["labels"] = {{"app", "y"}};
  d["metadata"]["labels"] = {{"app", "x"}};
  d["metadata"]["namespace"] = "other";
  cache.ListBegins();
  cache.List({d, c, b, a});
  const auto names = [&](const std::string& ns, const std::map<std::string, std::string>& labels) {
    std::vector<std::string> names;
    for (const SharedJson& object : cache.List(ns, labels)) {
      names.push_back((*object)["metadata"]["name"]);
    }
    return names;
  };
  EXPECT_THAT(names("db", {}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names("db", {{"app", "x"}}), ElementsAre("a", "b"));
  EXPECT_THAT(names("db", {{"app", "x"}, {"tier", ""}}), ElementsAre("b"));
  EXPECT_THAT(names("db", {{"tier", ""}}), ElementsAre("b")) << "c has no such label";
  EXPECT_THAT(names("", {{"app", "x"}}), ElementsAre("a", "b", "d"));
  EXPECT_THAT(names("d", {}), IsEmpty());
}

TEST_F(CacheTest, AWriteThatLeavesTheScopeLeavesTheCache) {
  std::vector<std::string> names;
  Cache cache({types::Pod(), "db", {{"app", "x"}}}, nullptr);
  Json pod = PodObject("a", 1);
  cache.Written(pod);
  EXPECT_EQ(cache.Find({"db", "a"}), nullptr);
  pod["metadata"]["labels"] = {{"app", "x"}};
  pod["metadata"]["resourceVersion"] = "2";
  cache.Written(pod);
  EXPECT_NE(cache.Find({"db", "a"}), nullptr);
  cache.Written(PodObject("a", 3));
  EXPECT_EQ(cache.Find({"db", "a"}), nullptr);
  Json elsewhere = pod;
  elsewhere["metadata"]["namespace"] = "other";
  cache.Written(elsewhere);
  EXPECT_EQ(cache.Find({"other", "a"}), nullptr);
}

TEST_F(CacheTest, KeepsNoManagedFields) {
  Json pod = PodObject("a", 1);
  pod["metadata"]["managedFields"] = Json::array({1, 2, 3});
  List({pod});
  EXPECT_EQ(*cache_.Find({"db", "a"}), PodObject("a", 1));
}

TEST_F(CacheTest, TellsWhenTheFirstListHasCome) {
  StopSignal stop;
  EXPECT_FALSE(cache_.synced());
  EXPECT_FALSE(cache_.WaitForSync(absl::Milliseconds(10), stop));
  std::thread lists([this] { List({}); });
  EXPECT_TRUE(cache_.WaitForSync(absl::Seconds(10), stop));
  lists.join();
  Cache another({types::Pod(), "db"}, nullptr);
  stop.Stop();
  EXPECT_FALSE(another.WaitForSync(absl::InfiniteDuration(), stop));
}

TEST_F(CacheTest, AnAnswerWithoutMetadataChangesNothing) {
  List({PodObject("a", 1)});
  story_.clear();
  cache_.Written(Json::object());
  EXPECT_THAT(story_, IsEmpty());
  EXPECT_EQ(Version("a"), "1");
}

TEST_F(CacheTest, ADeletionOfAnUnknownUidIsLeftToTheWatch) {
  List({PodObject("a", 1)});
  cache_.Deleted({"db", "a"}, "");
  EXPECT_EQ(Version("a"), "1");
}

TEST_F(CacheTest, RemembersABoundedNumberOfDeletions) {
  for (int i = 0; i <= 1024; ++i) {
    cache_.Deleted({"db", absl::StrCat("p", i)}, absl::StrCat("uid-p", i));
  }
  cache_.Event(EventType::kAdded, PodObject("p0", 5));
  cache_.Event(EventType::kAdded, PodObject("p1", 5));
  EXPECT_EQ(Version("p0"), "5") << "the oldest is forgotten";
  EXPECT_EQ(Version("p1"), "-");
}

}  // namespace
}  // namespace omdb::kube
