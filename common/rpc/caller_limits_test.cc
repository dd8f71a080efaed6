#include "common/rpc/caller_limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/error/error.h"

namespace norroy::rpc {
namespace {

constexpr char kAlice[] = "spiffe://ci.test/requester/alice";
constexpr char kBob[] = "spiffe://ci.test/requester/bob";
constexpr char kIssuer[] = "spiffe://core.test/issuer/main";

class CallerLimitsTest : public testing::Test {
 protected:
  static CallerLimitsOptions Options() {
    return {.each = {.calls_per_second = 10, .burst = 3, .calls_at_once = 2},
            .issuer = {.calls_per_second = 100, .burst = 30, .calls_at_once = 20},
            .threads = 4,
            .max_waiting = 8,
            .max_idle_identities = 4};
  }
  SimulatedClock clock_{absl::FromUnixSeconds(1'800'000'000)};
};

// How many calls get through at this moment.
int Through(CallerLimits& limits, const std::string& uri) {
  for (int i = 0; i < 1000; ++i) {
    if (!limits.Count(uri).ok()) return i;
  }
  return 1000;
}

TEST_F(CallerLimitsTest, CountsCallsOfEachIdentity) {
  CallerLimits limits(clock_, Options());
  const struct {
    const char* uri;
    absl::Duration later;
    int through;
  } cases[] = {
      {kAlice, absl::ZeroDuration(), 3},                       // the burst
      {kAlice, absl::ZeroDuration(), 0},                       // spent
      {kBob, absl::ZeroDuration(), 3},                         // nobody else's matter
      {kAlice, absl::Milliseconds(200), 2},                    // refilled by time
      {kAlice, absl::Hours(1), 3},                             // up to the burst
      {kIssuer, absl::ZeroDuration(), 30},                     // an issuer's own limit
      {"not a URI", absl::ZeroDuration(), 3},                  // one bucket for all of these
      {"spiffe://ci.test/issuer/x", absl::ZeroDuration(), 3},  // not an issuer: wrong domain
  };
  for (const auto& c : cases) {
    clock_.Advance(c.later);
    EXPECT_EQ(Through(limits, c.uri), c.through) << c.uri;
  }
}

TEST_F(CallerLimitsTest, SaysWhenToTryAgain) {
  CallerLimits limits(clock_, Options());
  Through(limits, kAlice);
  const absl::Status busy = limits.Count(kAlice);
  EXPECT_EQ(busy.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(busy), "CALLER_BUSY");
  EXPECT_EQ(ErrorMetadataOf(busy).at("retry_after_ms"), "100");
  clock_.Advance(absl::Milliseconds(100));
  EXPECT_TRUE(limits.Count(kAlice).ok());
}

TEST_F(CallerLimitsTest, AWallClockThatJumpsRefillsNothing) {
  CallerLimits limits(clock_, Options());
  Through(limits, kAlice);
  clock_.JumpWall(absl::Hours(24));
  EXPECT_EQ(Through(limits, kAlice), 0);
}

TEST_F(CallerLimitsTest, CountsCallsUnderWay) {
  CallerLimits limits(clock_, Options());
  auto first = limits.Begin(kAlice);
  auto second = limits.Begin(kAlice);
  ASSERT_TRUE(first.ok() && second.ok());
  const auto third = limits.Begin(kAlice);
  EXPECT_EQ(ErrorReason(third.status()), "CALLER_BUSY");
  EXPECT_EQ(ErrorMetadataOf(third.status()).count("retry_after_ms"), 1u);
  EXPECT_TRUE(limits.Begin(kBob).ok());
  first->reset();
  EXPECT_TRUE(limits.Begin(kAlice).ok());
}

TEST_F(CallerLimitsTest, RemembersOnlySoManyAndNotThoseUnderWay) {
  CallerLimits limits(clock_, Options());
  const auto held = limits.Begin(kBob);
  ASSERT_TRUE(held.ok());
  Through(limits, kBob);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(limits.Count(absl::StrCat("spiffe://ci.test/requester/r", i)).ok());
    EXPECT_LE(limits.size(), 5u);
  }
  EXPECT_EQ(Through(limits, kBob), 0);
}

// Whoever floods is always among the latest.
TEST_F(CallerLimitsTest, AFloodCannotForgetItself) {
  CallerLimits limits(clock_, Options());
  Through(limits, kAlice);
  for (int i = 0; i < 100; ++i) {
    (void)limits.Count(absl::StrCat("spiffe://ci.test/requester/r", i));
    EXPECT_EQ(Through(limits, kAlice), 0);
  }
}

TEST_F(CallerLimitsTest, HalfOfTheThreadsAreAlwaysForOthers) {
  CallerLimitsOptions options = Options();
  options.each.calls_at_once = 100;
  CallerLimits limits(clock_, options);
  std::latch release(1), held(2), bob_ran(2);
  std::atomic<int> ran = 0;
  const auto alice = limits.Begin(kAlice);
  const auto bob = limits.Begin(kBob);
  ASSERT_TRUE(alice.ok() && bob.ok());
  int taken = 0;
  {
    ThreadPool pool(options.threads, options.max_waiting);
    for (int i = 0; i < 20; ++i) {
      const bool ok = limits.Run(pool, *alice, [&, i] {
        if (i < 2) held.count_down();
        release.wait();
        ++ran;
      });
      if (ok) ++taken;
    }
    // Two on threads, four waiting: half of what the pool has.
    EXPECT_EQ(taken, 6);
    held.wait();
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(limits.Run(pool, *bob, [&] { bob_ran.count_down(); }));
    }
    bob_ran.wait();
    EXPECT_EQ(ran, 0);
    release.count_down();
  }
  EXPECT_EQ(ran, taken);
}

TEST_F(CallerLimitsTest, WhatWasTakenIsRunWhateverThePoolIsLike) {
  CallerLimitsOptions options = Options();
  options.threads = 2;
  options.max_waiting = 2;
  options.each = {.calls_per_second = 1, .burst = 1, .calls_at_once = 1000};
  CallerLimits limits(clock_, options);
  std::atomic<int> ran = 0, taken = 0;
  {
    ThreadPool pool(options.threads, options.max_waiting);
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; ++c) {
      callers.emplace_back([&, c] {
        const auto place = limits.Begin(absl::StrCat("spiffe://ci.test/requester/r", c % 2));
        ASSERT_TRUE(place.ok());
        for (int i = 0; i < 5000; ++i) taken += limits.Run(pool, *place, [&] { ++ran; });
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
  EXPECT_EQ(ran, taken);
  EXPECT_GT(taken, 0);
}

}  // namespace
}  // namespace norroy::rpc
