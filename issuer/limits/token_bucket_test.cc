#include "issuer/limits/token_bucket.h"

#include <gtest/gtest.h>

namespace norroy::limits {
namespace {

constexpr BucketRule kThree = {.burst = 3, .interval = absl::Minutes(10)};
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(TokenBucket, IsFullAtFirst) {
  EXPECT_EQ(TokensLeft(kThree, absl::InfinitePast(), kNow), 3);
  EXPECT_EQ(WhenLeft(kThree, absl::InfinitePast(), 3, kNow), kNow);
}

TEST(TokenBucket, FillsOneByOne) {
  absl::Time full_at = absl::InfinitePast();
  for (int left = 2; left >= 0; --left) {
    full_at = AfterTaking(kThree, full_at, kNow);
    EXPECT_EQ(TokensLeft(kThree, full_at, kNow), left);
  }
  EXPECT_EQ(full_at, kNow + absl::Minutes(30));
  EXPECT_EQ(WhenLeft(kThree, full_at, 1, kNow), kNow + absl::Minutes(10));
  EXPECT_EQ(WhenLeft(kThree, full_at, 5, kNow), kNow + absl::Minutes(50));
  EXPECT_EQ(TokensLeft(kThree, full_at, kNow + absl::Minutes(10) - absl::Nanoseconds(1)), 0);
  EXPECT_EQ(TokensLeft(kThree, full_at, kNow + absl::Minutes(10)), 1);
  EXPECT_EQ(TokensLeft(kThree, full_at, kNow + absl::Hours(10)), 3);
}

TEST(TokenBucket, TakesBackWhatWasNotUsed) {
  const absl::Time once = AfterTaking(kThree, absl::InfinitePast(), kNow);
  const absl::Time twice = AfterTaking(kThree, once, kNow);
  EXPECT_EQ(AfterGivingBack(kThree, twice), once);
}

TEST(TokenBucket, TheReserveIsForOthers) {
  BucketRule rule = kThree;
  rule.reserve = 1;
  absl::Time full_at = absl::InfinitePast();
  full_at = AfterTaking(rule, full_at, kNow);
  full_at = AfterTaking(rule, full_at, kNow);
  EXPECT_EQ(TokensLeft(rule, full_at, kNow), 0);
  EXPECT_EQ(WhenLeft(rule, full_at, 1, kNow), kNow + absl::Minutes(10));
  EXPECT_EQ(TokensLeft(kThree, full_at, kNow), 1);
  full_at = AfterTaking(kThree, full_at, kNow);
  EXPECT_EQ(TokensLeft(rule, full_at, kNow), 0);
  EXPECT_EQ(WhenLeft(rule, full_at, 1, kNow), kNow + absl::Minutes(20));
}

TEST(TokenBucket, AClockThatWasAheadEmptiesItAndNoMore) {
  const absl::Time full_at = kNow + absl::Hours(1000);
  EXPECT_EQ(TokensLeft(kThree, full_at, kNow), 0);
  EXPECT_EQ(WhenLeft(kThree, full_at, 1, kNow), kNow + absl::Minutes(10));
  const absl::Time believed = Believable(kThree, full_at, kNow);
  EXPECT_EQ(TokensLeft(kThree, believed, kNow + absl::Minutes(10)), 1);
  EXPECT_EQ(Believable(kThree, believed, kNow + absl::Minutes(10)), believed);
  EXPECT_EQ(AfterTaking(kThree, believed, kNow), kNow + absl::Minutes(40));
}

}  // namespace
}  // namespace norroy::limits
