#include "tests/simulator/server/event_loop.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/time/clock.h"

namespace omdb::simulator {
namespace {

TEST(EventLoop, RunsWorkInTheOrderInWhichItIsDue) {
  EventLoop loop;
  std::vector<int> order;
  loop.Schedule(absl::Milliseconds(40), [&] { loop.Stop(); });
  loop.Schedule(absl::Milliseconds(20), [&] { order.push_back(3); });
  loop.Schedule(absl::ZeroDuration(), [&] { order.push_back(1); });
  loop.Schedule(absl::ZeroDuration(), [&] { order.push_back(2); });
  loop.Run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(EventLoop, RunsWhatIsScheduledForAnInstantInTheOrderOfScheduling) {
  EventLoop loop;
  std::vector<int> order;
  for (int i = 0; i < 1000; ++i) {
    loop.Schedule(absl::ZeroDuration(), [&, i] { order.push_back(i); });
  }
  loop.Schedule(absl::ZeroDuration(), [&] { loop.Stop(); });
  loop.Run();
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(EventLoop, WaitsForADelay) {
  EventLoop loop;
  const absl::Time begin = absl::Now();
  loop.Schedule(absl::Milliseconds(50), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(50));
}

TEST(EventLoop, WakesUpForWorkFromOtherThreads) {
  EventLoop loop;
  int done = 0;
  loop.Schedule(absl::Seconds(60), [&] { FAIL() << "woken up too late"; });
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back([&] {
      for (int j = 0; j < 500; ++j) {
        loop.Schedule(absl::Microseconds(j), [&] {
          if (++done == 2000) loop.Stop();
        });
      }
    });
  }
  loop.Run();
  for (std::thread& other : others) other.join();
  EXPECT_EQ(done, 2000);
}

}  // namespace
}  // namespace omdb::simulator
