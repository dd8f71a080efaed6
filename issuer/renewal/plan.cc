#include "issuer/renewal/plan.h"

#include <algorithm>

namespace norroy::renewal {
namespace {

using acme::RenewalWindow;
using crypto::LatestRenewal;

constexpr absl::Duration kPollEvery = absl::Hours(6);
constexpr absl::Duration kMinPoll = absl::Minutes(1);
constexpr absl::Duration kMaxPoll = absl::Hours(24);
constexpr absl::Duration kRetries[] = {absl::Minutes(1), absl::Minutes(10), absl::Minutes(100)};
constexpr int kRetryCount = 3;
constexpr double kJitter = 0.1;

Plan ByLifetime(const Facts& facts, Basis basis, const std::optional<Plan>& before) {
  // It has such a moment already.
  const bool had =
      before.has_value() && (before->basis == Basis::kLifetime || before->basis == Basis::kIgnored);
  if (had) return {before->time, basis, facts.window};
  const absl::Duration spread = (facts.not_after - facts.not_before) / kSpreadDivisor;
  return {LatestRenewal(facts.not_before, facts.not_after) - spread * facts.fraction, basis,
          facts.window};
}

bool MakesSense(const RenewalWindow& window, const Facts& facts) {
  return window.start < window.end &&
         window.end - window.start <= facts.not_after - facts.not_before;
}

// RFC 9773 4.2: "If the selected time is in the past, attempt renewal immediately." A window that
// was over before a new certificate was first asked about says nothing of that certificate.
Plan ByPastWindow(const Facts& facts, absl::Time earliest, const std::optional<Plan>& before) {
  const bool first = !before.has_value() || !before->window.has_value();
  if (first && facts.now < facts.issue_time + kMinLife) {
    return ByLifetime(facts, Basis::kIgnored, before);
  }
  const absl::Time latest = LatestRenewal(facts.not_before, facts.not_after);
  return {std::min(std::max(facts.now, earliest), std::max(facts.now, latest)), Basis::kUrged,
          facts.window};
}

}  // namespace

namespace {

Plan Decide(const Facts& facts, const std::optional<Plan>& before) {
  if (!facts.window.has_value()) {
    // A CA that is silent has not changed its mind.
    return before.has_value() ? *before : ByLifetime(facts, Basis::kLifetime, before);
  }
  const RenewalWindow& window = *facts.window;
  if (before.has_value() && before->window == facts.window) return *before;
  if (!MakesSense(window, facts)) return ByLifetime(facts, Basis::kIgnored, before);
  const absl::Time earliest = facts.is_renewal ? facts.issue_time + kMinLife : absl::InfinitePast();
  if (window.end <= facts.now) return ByPastWindow(facts, earliest, before);
  // What is left of the window, as far as it is not too late: cut, not clamped, so that moments
  // stay spread.
  const absl::Time from = std::max({window.start, facts.now, earliest});
  const absl::Time to = std::min(window.end, LatestRenewal(facts.not_before, facts.not_after));
  if (from >= to) return ByLifetime(facts, Basis::kIgnored, before);
  return {from + (to - from) * facts.fraction, Basis::kWindow, facts.window};
}

}  // namespace

// Whole microseconds read the same before and after they were stored and shown.
Plan PlanRenewal(const Facts& facts, const std::optional<Plan>& before) {
  Plan plan = Decide(facts, before);
  plan.time = absl::FromUnixMicros(absl::ToUnixMicros(plan.time));
  return plan;
}

absl::Time NextPoll(std::optional<absl::Time> retry_after, absl::Time now, double fraction) {
  const absl::Duration asked = retry_after.has_value() ? *retry_after - now : kPollEvery;
  const absl::Duration wait = std::clamp(asked, kMinPoll, kMaxPoll);
  return now + std::min(wait * (1 + kJitter * fraction), kMaxPoll);
}

absl::Time NextPollAfterFailure(int failures, std::optional<absl::Time> retry_after, absl::Time now,
                                double fraction) {
  const int step = std::max(failures - 1, 0);
  const absl::Time again = now + (step < kRetryCount ? kRetries[step] : kPollEvery);
  return NextPoll(std::max(again, retry_after.value_or(again)), now, fraction);
}

absl::Time NextAttempt(int failures, absl::Time not_after, absl::Time now) {
  const int step = std::max(failures - 1, 0);
  const absl::Duration wait = step < kRetryCount ? kRetries[step] : absl::Hours(24);
  return now + std::max(std::min(wait, (not_after - now) / 8), kMinPoll);
}

}  // namespace norroy::renewal
