#include "common/clock/rounds.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace norroy {
namespace {

TEST(Rounds, GoOnAsLongAsTheyAreToldTo) {
  SystemClock clock;
  std::promise<void> third;
  int count = 0;
  Rounds rounds(clock, [&] {
    if (++count == 3) third.set_value();
    return absl::Milliseconds(1);
  });
  rounds.Start(absl::ZeroDuration());
  third.get_future().wait();
  rounds.Stop();
  const int stopped = count;
  EXPECT_GE(stopped, 3);
  EXPECT_TRUE(rounds.stopping());
}

TEST(Rounds, AWakeUpIsNotLost) {
  SystemClock clock;
  std::promise<void> begun, may_end, second;
  int count = 0;
  Rounds rounds(clock, [&] {
    if (++count == 1) {
      begun.set_value();
      may_end.get_future().wait();
    } else {
      second.set_value();
    }
    return absl::Hours(1);
  });
  rounds.Start(absl::ZeroDuration());
  begun.get_future().wait();
  // While a round runs.
  rounds.Wake();
  may_end.set_value();
  second.get_future().wait();
}

TEST(Rounds, EndBeforeTheFirst) {
  SystemClock clock;
  std::atomic<bool> ran{false};
  {
    Rounds rounds(clock, [&] {
      ran = true;
      return absl::Hours(1);
    });
    rounds.Start(absl::Hours(1));
  }
  EXPECT_FALSE(ran);
  Rounds never(clock, [] { return absl::ZeroDuration(); });
}

}  // namespace
}  // namespace norroy
