#include "common/clock/timers.h"

#include <gtest/gtest.h>

#include <latch>
#include <vector>

namespace norroy {
namespace {

TEST(SimulatedTimers, RunsDueTasksInOrderAtTheirTimes) {
  SimulatedClock clock(absl::UnixEpoch());
  SimulatedTimers timers(clock);
  std::vector<std::pair<int, absl::Time>> ran;
  timers.After(absl::Seconds(2), [&] { ran.emplace_back(2, clock.Now()); });
  timers.After(absl::Seconds(1), [&] {
    ran.emplace_back(1, clock.Now());
    timers.After(absl::Seconds(3), [&] { ran.emplace_back(4, clock.Now()); });
  });
  const TimerId cancelled =
      timers.After(absl::Seconds(1), [&] { ran.emplace_back(0, clock.Now()); });
  EXPECT_TRUE(timers.Cancel(cancelled));
  EXPECT_FALSE(timers.Cancel(cancelled));
  timers.Advance(absl::Seconds(10));
  const absl::Time start = absl::UnixEpoch();
  const std::vector<std::pair<int, absl::Time>> expected = {
      {1, start + absl::Seconds(1)}, {2, start + absl::Seconds(2)}, {4, start + absl::Seconds(4)}};
  EXPECT_EQ(ran, expected);
  EXPECT_EQ(clock.Now(), start + absl::Seconds(10));
}

TEST(ThreadTimers, RunsTheEarlierTaskFirst) {
  ThreadTimers timers;
  std::latch done(2);
  std::vector<int> order;
  timers.After(absl::Milliseconds(20), [&] {
    order.push_back(2);
    done.count_down();
  });
  timers.After(absl::Milliseconds(1), [&] {
    order.push_back(1);
    done.count_down();
  });
  done.wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace norroy
