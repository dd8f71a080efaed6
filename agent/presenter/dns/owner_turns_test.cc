#include "agent/presenter/dns/owner_turns.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

dns::Name Name(const std::string& text) { return *dns::Name::Parse(text); }

TEST(OwnerTurns, OneOwnerOneTurn) {
  OwnerTurns turns(8);
  const OwnerTurn first(turns, Name("a.test"), absl::Seconds(1));
  EXPECT_TRUE(first.taken());
  EXPECT_FALSE(OwnerTurn(turns, Name("a.test"), absl::Milliseconds(5)).taken());
  EXPECT_TRUE(OwnerTurn(turns, Name("b.test"), absl::ZeroDuration()).taken());
}

TEST(OwnerTurns, ATurnNotTakenGivesNothingBack) {
  OwnerTurns turns(1);
  const OwnerTurn first(turns, Name("a.test"), absl::Seconds(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(OwnerTurn(turns, Name("b.test"), absl::Milliseconds(1)).taken());
  }
}

TEST(OwnerTurns, NeverMoreThanAtOnce) {
  OwnerTurns turns(3);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  int per_owner[4] = {};  // guarded by the turns: a race here is theirs
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([&, i] {
      const OwnerTurn turn(turns, Name("n" + std::to_string(i % 4)), absl::Seconds(30));
      EXPECT_TRUE(turn.taken());
      const int now = ++running;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      ++per_owner[i % 4];
      std::this_thread::yield();
      --running;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 3);
  for (const int count : per_owner) EXPECT_EQ(count, 8);
}

}  // namespace
}  // namespace norroy::agent
