#include "issuer/limits/token_bucket.h"

#include <algorithm>
#include <cstdint>

namespace norroy::limits {
namespace {

// How long it takes from now on until it is full.
absl::Duration Missing(const BucketRule& rule, absl::Time full_at, absl::Time now) {
  return std::max(Believable(rule, full_at, now) - now, absl::ZeroDuration());
}

}  // namespace

absl::Time Believable(const BucketRule& rule, absl::Time full_at, absl::Time now) {
  return std::min(full_at, now + rule.burst * rule.interval);
}

int TokensLeft(const BucketRule& rule, absl::Time full_at, absl::Time now) {
  const absl::Duration there = rule.burst * rule.interval - Missing(rule, full_at, now);
  absl::Duration rest;
  const int64_t tokens = absl::IDivDuration(there, rule.interval, &rest) - rule.reserve;
  return static_cast<int>(std::max(tokens, int64_t{0}));
}

absl::Time WhenLeft(const BucketRule& rule, absl::Time full_at, int tokens, absl::Time now) {
  const absl::Duration wait =
      Missing(rule, full_at, now) + (int64_t{tokens} + rule.reserve - rule.burst) * rule.interval;
  return now + std::max(wait, absl::ZeroDuration());
}

absl::Time AfterTaking(const BucketRule& rule, absl::Time full_at, absl::Time now) {
  return now + Missing(rule, full_at, now) + rule.interval;
}

absl::Time AfterGivingBack(const BucketRule& rule, absl::Time full_at) {
  return full_at - rule.interval;
}

}  // namespace norroy::limits
