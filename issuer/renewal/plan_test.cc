#include "issuer/renewal/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace norroy::renewal {
namespace {

using acme::RenewalWindow;
using crypto::LatestRenewal;

constexpr absl::Duration kDay = absl::Hours(24);
const absl::Time kIssued = absl::FromUnixSeconds(1'772'366'400);

Facts FactsOf(absl::Duration lifetime, absl::Duration age, double fraction = 0.5) {
  return {.not_before = kIssued,
          .not_after = kIssued + lifetime,
          .issue_time = kIssued,
          .now = kIssued + age,
          .fraction = fraction};
}

TEST(LatestRenewal, CountsOnNoLifetime) {
  const struct {
    absl::Duration lifetime, latest;
  } cases[] = {
      {90 * kDay, 60 * kDay},
      {64 * kDay, 64 * kDay - 64 * kDay / 3},
      {45 * kDay, 30 * kDay},
      {10 * kDay, 10 * kDay - 10 * kDay / 3},
      {10 * kDay - absl::Seconds(1), (10 * kDay - absl::Seconds(1)) / 2},
      {absl::Hours(160), absl::Hours(80)},
      {absl::Hours(1), absl::Minutes(30)},
      {365 * kDay, 365 * kDay - 365 * kDay / 3},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(LatestRenewal(kIssued, kIssued + c.lifetime) - kIssued, c.latest) << c.lifetime;
  }
}

// F-CA-32 and T43: what a CA may say of a certificate of 90 days that is 40 days old, and what
// comes of it. Times are counted from its issue.
TEST(PlanRenewal, NoWindowMakesItLate) {
  const absl::Duration by_lifetime = 60 * kDay - 90 * kDay / kSpreadDivisor / 2;
  const struct {
    std::string what;
    absl::Duration start, end;
    Basis basis;
    absl::Duration time;
  } cases[] = {
      {"to come", 50 * kDay, 52 * kDay, Basis::kWindow, 51 * kDay},
      {"begun", 38 * kDay, 42 * kDay, Basis::kWindow, 41 * kDay},
      {"ends later than is safe", 58 * kDay, 80 * kDay, Basis::kWindow, 59 * kDay},
      {"begins later than is safe", 60 * kDay, 61 * kDay, Basis::kIgnored, by_lifetime},
      {"after the end", 91 * kDay, 92 * kDay, Basis::kIgnored, by_lifetime},
      {"after the end of time", 40'000 * kDay, 40'001 * kDay, Basis::kIgnored, by_lifetime},
      {"empty", 50 * kDay, 50 * kDay, Basis::kIgnored, by_lifetime},
      {"empty and over", 30 * kDay, 30 * kDay, Basis::kIgnored, by_lifetime},
      {"backwards", 52 * kDay, 50 * kDay, Basis::kIgnored, by_lifetime},
      {"a century", 50 * kDay, 36'575 * kDay, Basis::kIgnored, by_lifetime},
      {"a century, mostly over", -36'000 * kDay, 41 * kDay, Basis::kIgnored, by_lifetime},
      {"over", 30 * kDay, 31 * kDay, Basis::kUrged, 40 * kDay},
      {"over this moment", 39 * kDay, 40 * kDay, Basis::kUrged, 40 * kDay},
      {"over before the issue", -2 * kDay, -1 * kDay, Basis::kUrged, 40 * kDay},
  };
  for (const auto& c : cases) {
    Facts facts = FactsOf(90 * kDay, 40 * kDay);
    facts.window = {kIssued + c.start, kIssued + c.end};
    const Plan plan = PlanRenewal(facts, std::nullopt);
    EXPECT_EQ(plan.basis, c.basis) << c.what;
    EXPECT_EQ(plan.time - kIssued, c.time) << c.what;
    EXPECT_EQ(plan.window, facts.window) << c.what;
  }
}

TEST(PlanRenewal, KeepsWhatItChoseUntilTheWindowChanges) {
  Facts facts = FactsOf(90 * kDay, kDay, 0.25);
  const Plan silent = PlanRenewal(facts, std::nullopt);
  EXPECT_EQ(silent.basis, Basis::kLifetime);
  facts.window = {kIssued + 50 * kDay, kIssued + 54 * kDay};
  const Plan first = PlanRenewal(facts, silent);
  EXPECT_EQ(first.time, kIssued + 51 * kDay);
  // Later, and another throw of the dice.
  facts.now = kIssued + 52 * kDay;
  facts.fraction = 0.9;
  EXPECT_EQ(PlanRenewal(facts, first), first);
  // A CA that cannot be asked any more.
  facts.window.reset();
  EXPECT_EQ(PlanRenewal(facts, first), first);
  // F-CA-33: it moves earlier while the renewal waits.
  facts.window = {kIssued + 10 * kDay, kIssued + 12 * kDay};
  facts.now = kIssued + 11 * kDay;
  facts.fraction = 0.5;
  const Plan moved = PlanRenewal(facts, first);
  EXPECT_EQ(moved.basis, Basis::kWindow);
  EXPECT_EQ(moved.time, kIssued + 11 * kDay + kDay / 2);
}

// T42: a CA whose windows are always over gets one renewal a day at most.
TEST(PlanRenewal, CannotBeUrgedMoreThanOnceADay) {
  const RenewalWindow past = {kIssued - 2 * kDay, kIssued - kDay};
  const RenewalWindow later_past = {kIssued - 2 * kDay, kIssued - absl::Hours(1)};
  // New, and over when it was first asked about: that is not about this certificate.
  Facts facts = FactsOf(90 * kDay, absl::Minutes(1));
  facts.window = past;
  const Plan ignored = PlanRenewal(facts, std::nullopt);
  EXPECT_EQ(ignored.basis, Basis::kIgnored);
  EXPECT_GT(ignored.time, kIssued + 50 * kDay);
  facts.now = kIssued + 3 * kDay;
  EXPECT_EQ(PlanRenewal(facts, ignored).time, ignored.time);
  // One that moved there: at once, if it is nobody's renewal; else when it is a day old.
  facts.now = kIssued + absl::Hours(2);
  facts.window = later_past;
  EXPECT_EQ(PlanRenewal(facts, ignored).time, facts.now);
  facts.is_renewal = true;
  EXPECT_EQ(PlanRenewal(facts, ignored).time, kIssued + kDay);
  EXPECT_EQ(PlanRenewal(facts, ignored).basis, Basis::kUrged);
  // A window that is nearly over can do no more.
  facts.window = {kIssued, facts.now + absl::Hours(1)};
  EXPECT_GE(PlanRenewal(facts, ignored).time, kIssued + kDay);
}

TEST(PlanRenewal, ShortLivesAreNotHeldBackTooLong) {
  Facts facts = FactsOf(absl::Hours(12), absl::Hours(2));
  facts.is_renewal = true;
  facts.window = {kIssued, kIssued + absl::Hours(1)};
  Plan before;
  before.time = kIssued + absl::Hours(6);
  before.window = {kIssued + absl::Hours(5), kIssued + absl::Hours(6)};
  before.basis = Basis::kWindow;
  EXPECT_EQ(PlanRenewal(facts, before).time, kIssued + absl::Hours(6));
}

// F-CA-35: nothing ran while the window passed.
TEST(PlanRenewal, AfterDowntimeItIsDueAtOnce) {
  Facts facts = FactsOf(90 * kDay, 70 * kDay);
  const Plan silent = PlanRenewal(facts, std::nullopt);
  EXPECT_LE(silent.time, facts.now);
  facts.window = {kIssued + 59 * kDay, kIssued + 61 * kDay};
  const Plan late = PlanRenewal(facts, silent);
  EXPECT_EQ(late.basis, Basis::kUrged);
  EXPECT_EQ(late.time, facts.now);
}

TEST(PlanRenewal, WhateverACaSaysItIsNeitherLateNorTooOften) {
  std::mt19937_64 random(3);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % uint64_t(n)); };
  for (int i = 0; i < 20'000; ++i) {
    Facts facts = FactsOf(absl::Minutes(30 + below(400 * 24 * 60)), absl::ZeroDuration(),
                          static_cast<double>(below(1000)) / 1000);
    facts.is_renewal = below(2) == 0;
    const absl::Time latest = LatestRenewal(facts.not_before, facts.not_after);
    std::optional<Plan> plan;
    for (int step = 0; step < 10; ++step) {
      facts.now += absl::Minutes(below(60 * 24 * 20));
      const absl::Time start = kIssued + absl::Minutes(below(60 * 24 * 200) - 60 * 24 * 50);
      facts.window = {start, start + absl::Minutes(below(60 * 24 * 20) - 100)};
      if (below(4) == 0) facts.window.reset();
      plan = PlanRenewal(facts, plan);
      // Late is what was urged after it was due already.
      ASSERT_LE(plan->time, std::max(latest, facts.now));
      if (!facts.is_renewal) continue;
      ASSERT_GE(plan->time, std::min(kIssued + kMinLife,
                                     latest - (facts.not_after - kIssued) / kSpreadDivisor) -
                                absl::Microseconds(1));
    }
  }
}

// What was issued in one hour is renewed as a flat line, not in one hour.
TEST(PlanRenewal, SpreadsAFleet) {
  std::mt19937_64 random(5);
  std::vector<int> per_day(8);
  for (int i = 0; i < 10'000; ++i) {
    const double fraction = static_cast<double>(random() % 1'000'000) / 1e6;
    const Plan plan = PlanRenewal(FactsOf(90 * kDay, absl::ZeroDuration(), fraction), std::nullopt);
    const absl::Duration before_latest = kIssued + 60 * kDay - plan.time;
    ++per_day.at(static_cast<size_t>(before_latest / kDay));
  }
  // Seven days and a half.
  for (size_t day = 0; day < 7; ++day) EXPECT_NEAR(per_day[day], 1333, 150) << day;
}

TEST(NextPoll, ObeysTheCaWithinReason) {
  const struct {
    std::optional<absl::Duration> retry_after;
    absl::Duration least, most;
  } cases[] = {
      {std::nullopt, absl::Hours(6), absl::Minutes(396)},
      {absl::Hours(6), absl::Hours(6), absl::Minutes(396)},
      {absl::Seconds(1), absl::Minutes(1), absl::Seconds(66)},
      {absl::Seconds(-100), absl::Minutes(1), absl::Seconds(66)},
      {absl::Hours(24), absl::Hours(24), absl::Hours(24)},
      {absl::Hours(24 * 3650), absl::Hours(24), absl::Hours(24)},
  };
  for (const auto& c : cases) {
    std::optional<absl::Time> at;
    if (c.retry_after.has_value()) at = kIssued + *c.retry_after;
    EXPECT_EQ(NextPoll(at, kIssued, 0) - kIssued, c.least);
    EXPECT_LE(NextPoll(at, kIssued, 0.999) - kIssued, c.most);
    EXPECT_GE(NextPoll(at, kIssued, 0.999) - kIssued, c.least);
  }
}

TEST(NextPoll, AsksLessAndLessAfterFailures) {
  const absl::Duration waits[] = {absl::Minutes(1), absl::Minutes(10), absl::Minutes(100),
                                  absl::Hours(6), absl::Hours(6)};
  for (int failures = 1; failures <= 5; ++failures) {
    EXPECT_EQ(NextPollAfterFailure(failures, std::nullopt, kIssued, 0) - kIssued,
              waits[failures - 1]);
  }
  EXPECT_EQ(NextPollAfterFailure(1, kIssued + absl::Hours(2), kIssued, 0) - kIssued,
            absl::Hours(2));
  EXPECT_EQ(NextPollAfterFailure(4, kIssued + absl::Hours(2), kIssued, 0) - kIssued,
            absl::Hours(6));
}

TEST(NextAttempt, IsDailyButNotWhileTheCertificateEnds) {
  const absl::Time far = kIssued + 30 * kDay;
  const absl::Duration waits[] = {absl::Minutes(1), absl::Minutes(10), absl::Minutes(100), kDay,
                                  kDay};
  for (int failures = 1; failures <= 5; ++failures) {
    EXPECT_EQ(NextAttempt(failures, far, kIssued) - kIssued, waits[failures - 1]);
  }
  EXPECT_EQ(NextAttempt(5, kIssued + absl::Hours(80), kIssued) - kIssued, absl::Hours(10));
  EXPECT_EQ(NextAttempt(5, kIssued + absl::Minutes(4), kIssued) - kIssued, absl::Minutes(1));
  EXPECT_EQ(NextAttempt(5, kIssued - kDay, kIssued) - kIssued, absl::Minutes(1));
}

}  // namespace
}  // namespace norroy::renewal
