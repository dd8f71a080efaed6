#include "tests/sim/scheduler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/fiber.h"

namespace norroy::sim {
namespace {

class SchedulerTest : public ::testing::Test {
 protected:
  void RunAll() {
    while (scheduler_.RunNext()) {
    }
  }

  Chance chance_{1};
  Scheduler scheduler_{absl::UnixEpoch(), chance_};
};

TEST_F(SchedulerTest, FibersTakeTurnsWhereTheyPause) {
  std::vector<std::string> seen;
  for (const int name : {1, 2}) {
    scheduler_.Start([&, name] {
      for (int turn = 0; turn < 3; ++turn) {
        scheduler_.Pause(absl::Seconds(2 * turn + name));
        seen.push_back(absl::StrCat(name, " at ", absl::FormatDuration(scheduler_.now())));
      }
    });
  }
  RunAll();
  EXPECT_EQ(seen, (std::vector<std::string>{"1 at 1s", "2 at 2s", "1 at 4s", "2 at 6s", "1 at 9s",
                                            "2 at 12s"}));
}

TEST_F(SchedulerTest, AHeldFiberGoesOnWithWhatItHadOnItsStack) {
  std::string stored = "nothing";
  scheduler_.Start([&] {
    const std::string read = stored;
    scheduler_.Pause(absl::Hours(1));
    stored = read + " and more";
  });
  scheduler_.After(absl::Minutes(1), [&] { stored = "something"; });
  RunAll();
  EXPECT_EQ(stored, "nothing and more");
}

TEST_F(SchedulerTest, AParkedFiberWaitsToBeToldAndIsToldOnce) {
  int turns = 0;
  Fiber* const fiber = scheduler_.Start([&] {
    scheduler_.Park();
    ++turns;
    scheduler_.Park();
    ++turns;
  });
  RunAll();
  EXPECT_EQ(turns, 0);
  scheduler_.Unpark(fiber);
  scheduler_.Unpark(fiber);
  RunAll();
  EXPECT_EQ(turns, 1);
  EXPECT_TRUE(scheduler_.Resume(fiber));
  EXPECT_EQ(turns, 2);
}

TEST_F(SchedulerTest, WhatIsCancelledDoesNotHappen) {
  bool happened = false;
  const uint64_t id = scheduler_.After(absl::Seconds(1), [&] { happened = true; });
  EXPECT_TRUE(scheduler_.Cancel(id));
  EXPECT_FALSE(scheduler_.Cancel(id));
  RunAll();
  EXPECT_FALSE(happened);
  EXPECT_EQ(scheduler_.NextAt(), absl::InfiniteDuration());
}

}  // namespace
}  // namespace norroy::sim
