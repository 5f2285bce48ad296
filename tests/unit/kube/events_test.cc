#include "operator/kube/events.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/kube/fake_kubernetes.h"
#include "tests/unit/kube/set_clock.h"

namespace omdb::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class EventRecorderTest : public ::testing::Test {
 protected:
  void Start(EventRecorderOptions options = {}) {
    options.instance = "operator-0";
    recorder_ = std::make_unique<EventRecorder>(&kubernetes_, &clock_, options);
  }

  std::vector<Json> Written() {
    recorder_->Flush();
    const auto stored = kubernetes_.List(types::Event(), "db", {});
    std::vector<Json> events;
    for (const SharedJson& event : *stored) events.push_back(*event);
    return events;
  }

  // The reasons of all events that come of what `record` records while the write of "InFlight"
  // hangs.
  std::vector<std::string> WrittenWhenTheFirstHangs(const EventRecorderOptions& options,
                                                    const std::function<void()>& record) {
    std::mutex hung;
    std::atomic<bool> hangs = false;
    kubernetes_.before = [&](const std::string&) {
      hangs = true;
      std::lock_guard lock(hung);
      return absl::OkStatus();
    };
    Start(options);
    {
      std::lock_guard lock(hung);
      recorder_->Record(cluster_, {false, "InFlight", "", "n"});
      while (!hangs) std::this_thread::yield();
      record();
    }
    std::vector<std::string> reasons;
    for (const Json& event : Written()) reasons.push_back(event["reason"]);
    kubernetes_.before = nullptr;
    return reasons;
  }

  const Json cluster_{
      {"apiVersion", "openmldb.ai/v1alpha1"},
      {"kind", "OpenMLDBCluster"},
      {"metadata",
       {{"namespace", "db"}, {"name", "demo"}, {"uid", "u1"}, {"resourceVersion", "9"}}}};
  FakeKubernetes kubernetes_;
  SetClock clock_;
  std::unique_ptr<EventRecorder> recorder_;
};

TEST_F(EventRecorderTest, WritesAnEventAsTheApiWantsIt) {
  Start();
  recorder_->Record(cluster_, {true, "WrongVersion", "Upgrade", "the image reports 0.9.1"});
  const auto events = Written();
  ASSERT_THAT(events, SizeIs(1));
  const Json& event = events[0];
  EXPECT_EQ(event["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "WrongVersion");
  EXPECT_EQ(event["action"], "Upgrade");
  EXPECT_EQ(event["note"], "the image reports 0.9.1");
  EXPECT_EQ(event["eventTime"], "2027-01-15T08:00:00.000000Z");
  EXPECT_EQ(event["reportingController"], "openmldb.ai/openmldb-operator");
  EXPECT_EQ(event["reportingInstance"], "operator-0");
  EXPECT_EQ(event["regarding"]["uid"], "u1");
  EXPECT_EQ(event["regarding"]["kind"], "OpenMLDBCluster");
  EXPECT_FALSE(event.contains("series"));
}

TEST_F(EventRecorderTest, CountsTheSameNoteUpInOneEvent) {
  Start();
  for (int i = 0; i < 3; ++i) {
    recorder_->Record(cluster_, {false, "Waiting", "", "a tablet is down"});
    recorder_->Flush();
    clock_.Advance(absl::Minutes(5));
  }
  recorder_->Record(cluster_, {false, "Waiting", "", "another reason to wait"});
  const auto events = Written();
  ASSERT_THAT(events, SizeIs(2));
  const Json& counted = events[0]["note"] == "a tablet is down" ? events[0] : events[1];
  EXPECT_EQ(counted["series"]["count"], 3);
  EXPECT_EQ(counted["series"]["lastObservedTime"], "2027-01-15T08:10:00.000000Z");
  EXPECT_EQ(counted["eventTime"], "2027-01-15T08:00:00.000000Z");
  EXPECT_EQ(counted["action"], "Waiting");
}

TEST_F(EventRecorderTest, BeginsAnewWhenTheSeriesIsOver) {
  Start();
  recorder_->Record(cluster_, {false, "Waiting", "", "a tablet is down"});
  recorder_->Flush();
  clock_.Advance(absl::Minutes(7));
  recorder_->Record(cluster_, {false, "Waiting", "", "a tablet is down"});
  EXPECT_THAT(Written(), SizeIs(2));
}

TEST_F(EventRecorderTest, CountsWhatComesWhileTheServerIsSlowInOneWrite) {
  std::mutex slow;
  std::atomic<int> applies = 0;
  kubernetes_.before = [&](const std::string&) {
    ++applies;
    std::lock_guard lock(slow);
    return absl::OkStatus();
  };
  Start();
  {
    std::lock_guard lock(slow);
    recorder_->Record(cluster_, {false, "First", "", "n"});
    while (applies == 0) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) recorder_->Record(cluster_, {false, "Second", "", "n"});
  }
  const auto events = Written();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(applies, 2);
  EXPECT_EQ(recorder_->dropped(), 0);
}

TEST_F(EventRecorderTest, NeverBlocksAndDropsTheOldestWhenTheServerHangs) {
  EventRecorderOptions options;
  options.queue_limit = 3;
  const auto reasons = WrittenWhenTheFirstHangs(options, [this] {
    for (int i = 0; i < 10; ++i)
      recorder_->Record(cluster_, {false, absl::StrCat("R", i), "", "n"});
  });
  EXPECT_THAT(reasons, UnorderedElementsAre("InFlight", "R7", "R8", "R9"));
  EXPECT_EQ(recorder_->dropped(), 7);
}

TEST_F(EventRecorderTest, RemembersABoundedNumberOfSeries) {
  EventRecorderOptions options;
  options.series_limit = 2;
  Start(options);
  for (const char* reason : {"A", "B", "C", "A"}) {
    recorder_->Record(cluster_, {false, reason, "", "n"});
    recorder_->Flush();
    clock_.Advance(absl::Seconds(1));
  }
  EXPECT_THAT(Written(), SizeIs(4)) << "A was forgotten and is a new event";
}

TEST_F(EventRecorderTest, SurvivesAServerThatRefuses) {
  std::vector<std::string> troubles;
  kubernetes_.before = [](const std::string&) { return absl::PermissionDeniedError("no"); };
  EventRecorderOptions options;
  options.on_trouble = [&](const absl::Status& status) {
    troubles.push_back(std::string(status.message()));
  };
  Start(options);
  recorder_->Record(cluster_, {false, "A", "", "n"});
  recorder_->Flush();
  EXPECT_THAT(troubles, ElementsAre("no"));
}

TEST_F(EventRecorderTest, WritesWhatIsQueuedBeforeItEnds) {
  Start();
  for (int i = 0; i < 5; ++i) recorder_->Record(cluster_, {false, absl::StrCat("R", i), "", "n"});
  recorder_.reset();
  EXPECT_THAT(*kubernetes_.List(types::Event(), "db", {}), SizeIs(5));
}

TEST_F(EventRecorderTest, CutsWhatTheApiWouldRefuse) {
  Start();
  std::string note(1023, 'x');
  note += "ä";  // would be cut in the middle
  recorder_->Record(cluster_, {false, std::string(200, 'R'), "", note});
  const auto events = Written();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0]["note"], std::string(1023, 'x'));
  EXPECT_EQ(events[0]["reason"], std::string(128, 'R'));
}

TEST_F(EventRecorderTest, LeavesNothingOfANoteThatHasNoBeginningOfACharacter) {
  Start();
  recorder_->Record(cluster_, {false, "A", "", std::string(2000, '\x80')});
  const auto events = Written();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0]["note"], "");
}

TEST_F(EventRecorderTest, LosesAnEventSilentlyWhenNoOneWantsToHearOfIt) {
  kubernetes_.before = [](const std::string&) { return absl::PermissionDeniedError("no"); };
  Start();
  recorder_->Record(cluster_, {false, "A", "", "n"});
  EXPECT_THAT(Written(), SizeIs(0));
}

TEST_F(EventRecorderTest, FlushWaitsForTheWriteInFlight) {
  std::mutex slow;
  std::atomic<bool> writes = false;
  kubernetes_.before = [&](const std::string&) {
    writes = true;
    std::lock_guard lock(slow);
    return absl::OkStatus();
  };
  Start();
  std::atomic<bool> flushed = false;
  std::thread flusher;
  {
    std::lock_guard lock(slow);
    recorder_->Record(cluster_, {false, "A", "", "n"});
    while (!writes) std::this_thread::yield();
    flusher = std::thread([&] {
      recorder_->Flush();
      flushed = true;
    });
    absl::SleepFor(absl::Milliseconds(20));
    EXPECT_FALSE(flushed);
  }
  flusher.join();
  EXPECT_THAT(*kubernetes_.List(types::Event(), "db", {}), SizeIs(1));
}

TEST_F(EventRecorderTest, ForgetsTheSeriesThatWasSilentTheLongest) {
  EventRecorderOptions options;
  options.series_limit = 3;
  Start(options);
  for (const char* reason : {"Z", "M", "A", "N", "A"}) {  // N takes the place of Z
    recorder_->Record(cluster_, {false, reason, "", "n"});
    recorder_->Flush();
    clock_.Advance(absl::Seconds(1));
  }
  const auto events = Written();
  ASSERT_THAT(events, SizeIs(4));
  for (const Json& event : events) EXPECT_EQ(event.contains("series"), event["reason"] == "A");
}

TEST_F(EventRecorderTest, ForgetsNoSeriesThatIsStillToBeWritten) {
  EventRecorderOptions options;
  options.series_limit = 1;
  const auto reasons = WrittenWhenTheFirstHangs(options, [this] {
    recorder_->Record(cluster_, {false, "B", "", "n"});
    recorder_->Record(cluster_, {false, "A", "", "n"});
  });
  EXPECT_THAT(reasons, UnorderedElementsAre("InFlight", "A", "B"));
}

}  // namespace
}  // namespace omdb::kube
