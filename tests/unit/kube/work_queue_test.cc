#include "operator/work_queue.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace omdb {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

class WorkQueueStateTest : public ::testing::Test {
 protected:
  void Add(const std::string& key, int in_seconds = 0) {
    state_.Add(key, now_ + absl::Seconds(in_seconds), now_);
  }
  std::optional<std::string> Take() { return state_.Take(now_); }
  void Done(const std::string& key) { state_.Done(key, now_); }

  absl::Duration now_ = absl::Hours(1);
  WorkQueueState state_{{absl::Seconds(1), absl::Seconds(10)}};
};

TEST_F(WorkQueueStateTest, GivesKeysInTheirOrderAndEachOnce) {
  Add("a");
  Add("b");
  Add("a");
  EXPECT_EQ(state_.depth(), 2u);
  EXPECT_THAT(Take(), Optional(std::string("a")));
  EXPECT_THAT(Take(), Optional(std::string("b")));
  EXPECT_EQ(Take(), std::nullopt);
}

TEST_F(WorkQueueStateTest, NeverGivesAKeyThatIsInWork) {
  Add("a");
  Take();
  Add("a");
  Add("a");
  EXPECT_EQ(Take(), std::nullopt);
  Done("a");
  EXPECT_THAT(Take(), Optional(std::string("a"))) << "it was wanted while in work";
  Done("a");
  EXPECT_EQ(Take(), std::nullopt);
  EXPECT_TRUE(state_.idle());
}

TEST_F(WorkQueueStateTest, KnowsWhatHasBeenInWorkLongest) {
  EXPECT_FALSE(state_.LongestRunning(now_));
  Add("a");
  Add("b");
  Take();
  now_ += absl::Seconds(5);
  Take();
  now_ += absl::Seconds(2);
  EXPECT_EQ(state_.LongestRunning(now_)->key, "a");
  EXPECT_EQ(state_.LongestRunning(now_)->time, absl::Seconds(7));
  Done("a");
  EXPECT_EQ(state_.LongestRunning(now_)->key, "b");
  EXPECT_EQ(state_.LongestRunning(now_)->time, absl::Seconds(2));
}

TEST_F(WorkQueueStateTest, TheEarliestOfSeveralDelaysWins) {
  Add("a", 10);
  Add("a", 5);
  Add("a", 20);
  EXPECT_EQ(state_.NextDue(), now_ + absl::Seconds(5));
  now_ += absl::Seconds(4);
  EXPECT_EQ(Take(), std::nullopt);
  now_ += absl::Seconds(1);
  EXPECT_THAT(Take(), Optional(std::string("a")));
  EXPECT_EQ(state_.NextDue(), absl::InfiniteDuration());
}

TEST_F(WorkQueueStateTest, TheEarliestWinsForAKeyInWorkToo) {
  Add("a");
  Take();
  Add("a", 30);
  Add("a", 3);
  Done("a");
  EXPECT_EQ(Take(), std::nullopt);
  EXPECT_EQ(state_.NextDue(), now_ + absl::Seconds(3));
}

TEST_F(WorkQueueStateTest, ANewWishOvertakesADelay) {
  Add("a", 60);
  Add("a");
  EXPECT_THAT(Take(), Optional(std::string("a")));
  Done("a");
  now_ += absl::Seconds(60);
  EXPECT_EQ(Take(), std::nullopt) << "the delay was used up";
}

TEST_F(WorkQueueStateTest, WhatIsReadyIsNotDelayed) {
  Add("a");
  Add("a", 60);
  EXPECT_THAT(Take(), Optional(std::string("a")));
  Done("a");
  EXPECT_EQ(state_.NextDue(), absl::InfiniteDuration());
}

TEST_F(WorkQueueStateTest, DelayedKeysComeInTheOrderOfTheirTimes) {
  Add("late", 3);
  Add("early", 1);
  Add("between", 2);
  now_ += absl::Seconds(5);
  EXPECT_THAT(Take(), Optional(std::string("early")));
  EXPECT_THAT(Take(), Optional(std::string("between")));
  EXPECT_THAT(Take(), Optional(std::string("late")));
}

TEST_F(WorkQueueStateTest, RetriesDoubleUpToALimitAndBeginAnewAfterForget) {
  std::vector<absl::Duration> waits;
  const auto fail = [&] {
    state_.Retry("a", now_);
    waits.push_back(state_.NextDue() - now_);
    now_ = state_.NextDue();
    ASSERT_TRUE(Take());
    Done("a");
  };
  for (int i = 0; i < 6; ++i) fail();
  EXPECT_EQ(state_.failures("a"), 6);
  state_.Forget("a");
  fail();
  EXPECT_THAT(waits,
              ElementsAre(absl::Seconds(1), absl::Seconds(2), absl::Seconds(4), absl::Seconds(8),
                          absl::Seconds(10), absl::Seconds(10), absl::Seconds(1)));
}

TEST_F(WorkQueueStateTest, KeysFailIndependently) {
  state_.Retry("a", now_);
  state_.Retry("a", now_);
  state_.Retry("b", now_);
  EXPECT_EQ(state_.failures("a"), 2);
  EXPECT_EQ(state_.failures("b"), 1);
}

TEST_F(WorkQueueStateTest, DoneOfAKeyThatIsNotInWorkIsNothing) {
  Done("a");
  EXPECT_TRUE(state_.idle());
}

TEST(WorkQueue, EachKeyIsWorkedOnByOneThreadAtATime) {
  MonotonicClock clock;
  WorkQueue queue(&clock, {});
  constexpr int kKeys = 5;
  std::vector<std::atomic<int>> in_work(kKeys);
  std::vector<std::atomic<int>> worked(kKeys);
  std::atomic<bool> twice = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (const auto key = queue.Get()) {
        const int k = std::stoi(*key);
        if (in_work[k]++ != 0) twice = true;
        std::this_thread::yield();
        --in_work[k];
        ++worked[k];
        queue.Done(*key);
      }
    });
  }
  for (int i = 0; i < 2000; ++i) queue.Add(absl::StrCat(i % kKeys));
  queue.ShutDown();
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(twice);
  for (const auto& count : worked) EXPECT_GE(count, 1);
  EXPECT_EQ(queue.metrics().adds, 2000);
  EXPECT_EQ(queue.metrics().depth, 0u);
}

TEST(WorkQueue, WakesAWaitingThreadWhenADelayIsOver) {
  MonotonicClock clock;
  WorkQueue queue(&clock, {});
  const absl::Duration start = clock.Elapsed();
  queue.AddAfter("late", absl::Hours(1));
  queue.AddAfter("soon", absl::Milliseconds(30));
  EXPECT_THAT(queue.Get(), Optional(std::string("soon")));
  EXPECT_GE(clock.Elapsed() - start, absl::Milliseconds(30));
  EXPECT_LT(clock.Elapsed() - start, absl::Milliseconds(900)) << "not by looking now and then";
}

TEST(WorkQueue, WorksOnWhatIsReadyAfterShutDownAndDropsTheRest) {
  MonotonicClock clock;
  WorkQueue queue(&clock, {});
  queue.Add("a");
  queue.Add("b");
  queue.AddAfter("later", absl::Milliseconds(1));
  queue.ShutDown();
  absl::SleepFor(absl::Milliseconds(2));
  queue.Add("new");
  queue.AddRateLimited("new");
  EXPECT_THAT(queue.Get(), Optional(std::string("a")));
  queue.Done("a");
  EXPECT_THAT(queue.Get(), Optional(std::string("b")));
  queue.Done("b");
  EXPECT_EQ(queue.Get(), std::nullopt);
}

TEST(WorkQueue, ShutDownWakesWhoeverWaits) {
  MonotonicClock clock;
  WorkQueue queue(&clock, {});
  std::thread waits([&] { EXPECT_EQ(queue.Get(), std::nullopt); });
  absl::SleepFor(absl::Milliseconds(10));
  queue.ShutDown();
  waits.join();
}

TEST(WorkQueue, CountsRetries) {
  MonotonicClock clock;
  WorkQueue queue(&clock, {absl::Milliseconds(1), absl::Milliseconds(5)});
  queue.AddRateLimited("a");
  EXPECT_THAT(queue.Get(), Optional(std::string("a")));
  queue.AddRateLimited("a");
  queue.Done("a");
  EXPECT_THAT(queue.Get(), Optional(std::string("a")));
  EXPECT_EQ(queue.metrics().retries, 2);
  EXPECT_EQ(queue.metrics().adds, 2);
}

}  // namespace
}  // namespace omdb
