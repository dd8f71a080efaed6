#include "validator/preflight/crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace norroy::validator::preflight {
namespace {

TEST(CrewTest, EveryPieceOnce) {
  Crew crew(4);
  for (const size_t count : {0, 1, 2, 100}) {
    std::vector<std::atomic<int>> done(count);
    crew.Each(count, [&](size_t i) { ++done[i]; });
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(done[i], 1) << i << " of " << count;
  }
}

// More callers, each nested, than threads: nobody waits for a thread that never comes.
TEST(CrewTest, NestedAndCrowded) {
  Crew crew(2);
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back(
        [&] { crew.Each(5, [&](size_t) { crew.Each(5, [&](size_t) { ++done; }); }); });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 8 * 25);
}

}  // namespace
}  // namespace norroy::validator::preflight
