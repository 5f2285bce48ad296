#include "operator/kube/watcher.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/kube/fake_transport.h"

namespace omdb::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;
using ::testing::SizeIs;

// Writes down what it is given: "list: a b", "+a@5", "~a@6", "-a@7".
class StorySink : public WatchSink {
 public:
  void ListBegins() override { story.push_back("begin"); }
  void List(std::vector<Json> objects) override {
    std::string text = "list:";
    for (const Json& object : objects) {
      EXPECT_EQ(object["kind"], "Pod");
      EXPECT_EQ(object["apiVersion"], "v1");
      absl::StrAppend(&text, " ", object["metadata"]["name"].get<std::string>());
    }
    story.push_back(text);
  }
  void Event(EventType type, Json object) override {
    const char sign = type == EventType::kAdded ? '+' : type == EventType::kModified ? '~' : '-';
    story.push_back(absl::StrCat(std::string(1, sign),
                                 object["metadata"]["name"].get<std::string>(), "@",
                                 object["metadata"]["resourceVersion"].get<std::string>()));
  }

  std::vector<std::string> story;
};

class WatcherTest : public ::testing::Test {
 protected:
  // Until the script is over.
  void Run() {
    RestOptions rest_options;
    rest_options.max_attempts = 1;
    Rest rest(server_, &stop_, rest_options, [this](absl::Duration pause) {
      pauses_.push_back(pause);
      return true;
    });
    WatcherOptions options;
    options.page_size = 2;
    options.on_trouble = [this](const WatchScope&, const std::string& trouble) {
      troubles_.push_back(trouble);
    };
    options.sleeper = [this](absl::Duration pause) {
      pauses_.push_back(pause);
      return true;
    };
    Watcher watcher(&rest, {types::Pod(), "db", labels_}, options, &sink_);
    watcher.Run();
  }

  std::string Path(size_t i) const { return server_->requests.at(i).path; }

  std::shared_ptr<FakeTransport> server_ = std::make_shared<FakeTransport>();
  StopSignal stop_;
  StorySink sink_;
  std::map<std::string, std::string> labels_;
  std::vector<absl::Duration> pauses_;
  std::vector<std::string> troubles_;
};

TEST_F(WatcherTest, ListsPageByPageAndThenWatchesFromTheListsVersion) {
  server_->Add(200, PodList({PodObject("a", 1), PodObject("b", 2)}, 40, "more&1"));
  server_->Add(200, PodList({PodObject("c", 3)}, 40));
  server_->AddStream({WatchEvent("ADDED", PodObject("d", 41)),
                      WatchEvent("MODIFIED", PodObject("a", 42)),
                      WatchEvent("DELETED", PodObject("b", 43))});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list: a b c", "+d@41", "~a@42", "-b@43"));
  EXPECT_EQ(Path(0), "/api/v1/namespaces/db/pods?limit=2");
  EXPECT_EQ(Path(1), "/api/v1/namespaces/db/pods?limit=2&continue=more%261");
  EXPECT_THAT(Path(2), AllOf(HasSubstr("watch=true"), HasSubstr("resourceVersion=40"),
                             HasSubstr("allowWatchBookmarks=true")));
  EXPECT_THAT(pauses_, IsEmpty());
  EXPECT_THAT(troubles_, IsEmpty());
}

TEST_F(WatcherTest, AsksOnlyForObjectsWithTheLabels) {
  labels_ = {{"app.kubernetes.io/managed-by", "openmldb-operator"}};
  server_->Add(200, PodList({}, 40));
  server_->AddStream({BookmarkEvent(41)});
  Run();
  const std::string selector = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dopenmldb-operator";
  EXPECT_THAT(Path(0), HasSubstr(selector));
  EXPECT_THAT(Path(1), HasSubstr(selector));
}

TEST_F(WatcherTest, GoesOnFromTheLastEventWhenTheStreamEnds) {
  server_->Add(200, PodList({}, 40));
  server_->AddStream({WatchEvent("ADDED", PodObject("a", 41))});
  server_->AddStream({WatchEvent("MODIFIED", PodObject("a", 55))});
  Run();
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=41"));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=55"));
  EXPECT_THAT(pauses_, IsEmpty());
}

TEST_F(WatcherTest, GoesOnFromABookmarkAndDoesNotDeliverIt) {
  server_->Add(200, PodList({}, 40));
  server_->AddStream({BookmarkEvent(90)});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:"));
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=90"));
}

TEST_F(WatcherTest, ListsAnewWhenTheStreamSaysThatTheVersionIsGone) {
  server_->Add(200, PodList({PodObject("a", 1)}, 40));
  server_->AddStream({WatchEvent("ERROR", StatusObject(410, "Expired", "too old")),
                      WatchEvent("ADDED", PodObject("never", 99))});
  server_->Add(200, PodList({PodObject("b", 1)}, 80));
  server_->AddStream({BookmarkEvent(81)});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list: a", "begin", "list: b"));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=80"));
  EXPECT_THAT(pauses_, IsEmpty());
  EXPECT_THAT(troubles_, ElementsAre(AllOf(HasSubstr("410"), HasSubstr("now empty"))));
}

TEST_F(WatcherTest, ListsAnewWhenTheWatchIsAnswered410) {
  server_->Add(200, PodList({}, 40));
  server_->Add(410, StatusObject(410, "Gone", "too old"));
  server_->Add(200, PodList({}, 80));
  server_->AddStream({BookmarkEvent(81)});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:", "begin", "list:"));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=80"));
}

TEST_F(WatcherTest, ListsWithoutPagesWhenAPageIsAnswered410) {
  server_->Add(200, PodList({PodObject("a", 1)}, 40, "next"));
  server_->Add(410, StatusObject(410, "Expired", "continue token expired"));
  server_->Add(200, PodList({PodObject("a", 1), PodObject("b", 2)}, 50));
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "begin", "list: a b"));
  EXPECT_EQ(Path(2), "/api/v1/namespaces/db/pods");
}

TEST_F(WatcherTest, DropsBookmarksForAServerThatCannotDoThem) {
  const Json refusal = StatusObject(500, "InternalError",
                                    "required storage feature RequestWatchProgress is disabled");
  server_->Add(200, PodList({}, 40));
  server_->AddStream({WatchEvent("ERROR", refusal)});
  server_->AddStream({WatchEvent("ADDED", PodObject("a", 41))});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:", "+a@41"));
  EXPECT_THAT(Path(2), AllOf(HasSubstr("resourceVersion=40"), Not(HasSubstr("Bookmarks"))));
  EXPECT_THAT(pauses_, SizeIs(1));
}

TEST_F(WatcherTest, BacksOffFromAnError500InTheStreamAndListsAnewWhenItStays) {
  const Json error = WatchEvent("ERROR", StatusObject(500, "InternalError", "etcd is ill"));
  server_->Add(200, PodList({}, 40));
  for (int i = 0; i < 3; ++i) server_->AddStream({error});
  server_->Add(200, PodList({}, 70));
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:", "begin", "list:"));
  EXPECT_THAT(pauses_, SizeIs(3));
}

TEST_F(WatcherTest, ResumesAfterTheConnectionBrokeOrFellSilent) {
  server_->Add(200, PodList({}, 40));
  server_->AddStream({WatchEvent("ADDED", PodObject("a", 41))},
                     absl::UnavailableError("Connection reset by peer"));
  server_->AddStream({WatchEvent("ADDED", PodObject("b", 42))},
                     absl::DeadlineExceededError("no answer within 150s"));
  server_->AddStream({WatchEvent("ADDED", PodObject("c", 43))});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:", "+a@41", "+b@42", "+c@43"));
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=41"));
  EXPECT_THAT(Path(3), HasSubstr("resourceVersion=42"));
  EXPECT_THAT(pauses_, SizeIs(2));
}

TEST_F(WatcherTest, WaitsLongerAndLongerWhileTheServerIsAway) {
  for (int i = 0; i < 12; ++i) server_->AddError(absl::UnavailableError("Failed to connect"));
  server_->Add(200, PodList({PodObject("a", 1)}, 40));
  Run();
  ASSERT_THAT(pauses_, SizeIs(12));
  for (size_t i = 0; i < pauses_.size(); ++i) {
    const absl::Duration whole = std::min(absl::Seconds(20), absl::Milliseconds(200) * (1 << i));
    EXPECT_THAT(pauses_[i], AllOf(Ge(whole / 2), Le(whole))) << i;
  }
  EXPECT_EQ(sink_.story.back(), "list: a");
}

TEST_F(WatcherTest, AWatchWhoseServerIsAwayKeepsItsVersion) {
  server_->Add(200, PodList({}, 40));
  for (int i = 0; i < 5; ++i) server_->AddError(absl::UnavailableError("Failed to connect"));
  server_->AddStream({WatchEvent("ADDED", PodObject("a", 41))});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:", "+a@41"));
  EXPECT_THAT(Path(6), HasSubstr("resourceVersion=40"));
}

TEST_F(WatcherTest, ComesBackWhenAnOverloadedServerSays) {
  server_->Add(200, PodList({}, 40));
  server_->Add(429, StatusObject(429, "TooManyRequests", "slow down"), absl::Seconds(9));
  server_->AddStream({BookmarkEvent(41)});
  Run();
  EXPECT_THAT(pauses_, ElementsAre(absl::Seconds(9)));
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=40"));
}

TEST_F(WatcherTest, AStreamThatEndsAtOnceAgainAndAgainIsNoBusyLoop) {
  server_->Add(200, PodList({}, 40));
  for (int i = 0; i < 3; ++i) server_->AddStream({});
  server_->Add(200, PodList({}, 50));
  Run();
  EXPECT_THAT(pauses_, SizeIs(3));
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:", "begin", "list:"));
}

TEST_F(WatcherTest, ALineThatIsNoEventEndsTheStreamAndNothingIsSkipped) {
  server_->Add(200, PodList({}, 40));
  FakeTransport::Answer cut{HttpResponse{200}};
  cut.lines = {WatchEvent("ADDED", PodObject("a", 41)).dump(), R"({"type":"ADDED","obj)",
               WatchEvent("ADDED", PodObject("c", 43)).dump()};
  server_->Add(cut);
  Json labelled = PodObject("b", 42);
  labelled["metadata"]["labels"] = {{"app", "b"}};
  server_->AddStream({WatchEvent("ADDED", labelled)});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:", "+a@41", "+b@42"));
  EXPECT_THAT(Path(2), HasSubstr("resourceVersion=41"));
}

TEST_F(WatcherTest, AnEmptyListMayBeWrittenAsNull) {
  server_->Add(200, Json{{"items", nullptr}, {"metadata", {{"resourceVersion", "40"}}}});
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "list:"));
}

TEST_F(WatcherTest, GarbageOfEveryKindIsSurvived) {
  const std::vector<std::string> lines = {
      "[]",
      "{}",
      R"({"type":"ADDED","object":7})",
      R"({"type":"ADDED","object":{}})",
      R"({"type":"ADDED","object":{"metadata":7}})",
      R"({"type":"ADDED","object":{"metadata":{"resourceVersion":9}}})",
      R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"9","name":[]}}})",
      R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"9","labels":7}}})",
      R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"9","labels":{"a":1}}}})",
      R"({"type":"NEW","object":{"metadata":{"resourceVersion":"9"}}})",
      R"({"type":"ERROR","object":{}})",
      R"({"type":"ERROR","object":{"code":"x"}})"};
  for (const std::string& line : lines) {
    server_->Add(200, PodList({}, 40));
    FakeTransport::Answer answer{HttpResponse{200}};
    answer.lines = {line};
    for (int i = 0; i < 3; ++i) server_->Add(answer);
  }
  server_->Add(200, Json::array());
  server_->Add(200, Json{{"items", 5}, {"metadata", {{"resourceVersion", "3"}}}});
  Run();
  EXPECT_THAT(pauses_, SizeIs(Ge(3 * lines.size())));
}

TEST_F(WatcherTest, APermissionThatIsMissingIsNamedAndTriedAgain) {
  server_->Add(403, StatusObject(403, "Forbidden", "pods is forbidden"));
  server_->Add(200, PodList({}, 40));
  Run();
  EXPECT_THAT(troubles_, ElementsAre(AllOf(HasSubstr("list pods"), HasSubstr("Forbidden"),
                                           HasSubstr("RoleBinding"))));
  EXPECT_EQ(sink_.story.back(), "list:");
}

TEST_F(WatcherTest, AListWithoutAVersionIsAskedForAgain) {
  server_->Add(200, Json{{"items", Json::array()}, {"metadata", Json::object()}});
  server_->Add(200, PodList({}, 41));
  Run();
  EXPECT_THAT(troubles_, ElementsAre(HasSubstr("the answer is no list")));
  EXPECT_EQ(sink_.story.back(), "list:");
}

// As it does after some minutes by itself.
TEST_F(WatcherTest, AWatchThatBroughtNothingForAWhileIsNoTrouble) {
  server_->Add(200, PodList({}, 40));
  FakeTransport::Answer quiet{HttpResponse{200}};
  quiet.before = [] { absl::SleepFor(absl::Milliseconds(1100)); };
  server_->Add(quiet);
  Run();
  EXPECT_THAT(troubles_, IsEmpty());
  EXPECT_THAT(pauses_, IsEmpty());
}

TEST_F(WatcherTest, AListWithAnItemWithoutAVersionIsAskedForAgain) {
  server_->Add(200, PodList({PodObject("a", 1), Json{{"metadata", Json::object()}}}, 40));
  server_->Add(200, PodList({PodObject("a", 1)}, 41));
  Run();
  EXPECT_THAT(sink_.story, ElementsAre("begin", "begin", "list: a"));
  EXPECT_THAT(troubles_, ElementsAre(HasSubstr("the answer is no list")));
  EXPECT_THAT(pauses_, SizeIs(1));
}

}  // namespace
}  // namespace omdb::kube
