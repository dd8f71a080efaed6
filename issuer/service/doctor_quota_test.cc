#include "issuer/service/doctor_quota.h"

#include <gtest/gtest.h>

#include "common/error/error.h"

namespace norroy::service {
namespace {

TEST(RehearsalQuota, TenInAnyHour) {
  SimulatedClock clock(absl::FromUnixSeconds(1'772'366'400));
  RehearsalQuota quota(clock);
  const absl::Time start = clock.Now();
  for (size_t i = 0; i < kMaxRehearsals; ++i) {
    EXPECT_TRUE(quota.Take("requester/web").ok()) << i;
    clock.Advance(absl::Minutes(1));
  }
  const absl::Status spent = quota.Take("requester/web");
  EXPECT_TRUE(absl::IsResourceExhausted(spent)) << spent;
  EXPECT_EQ(ErrorReason(spent), "REHEARSALS_SPENT");
  absl::Time retry_at;
  std::string error;
  ASSERT_TRUE(
      absl::ParseTime(absl::RFC3339_sec, ErrorMetadataOf(spent)["retry_at"], &retry_at, &error))
      << error;
  // When the first of them is an hour old, and not before.
  EXPECT_GE(retry_at, start + absl::Hours(1));
  EXPECT_LE(retry_at, start + absl::Hours(1) + absl::Seconds(1));
  // Others have their own.
  EXPECT_TRUE(quota.Take("requester/deploy").ok());

  clock.Advance(start + absl::Hours(1) - clock.Now() - absl::Seconds(1));
  EXPECT_FALSE(quota.Take("requester/web").ok());
  clock.Advance(absl::Seconds(1));
  EXPECT_TRUE(quota.Take("requester/web").ok());
  // The second is not an hour old yet.
  EXPECT_FALSE(quota.Take("requester/web").ok());
  // An administrator who sets the clock gives nothing away.
  clock.JumpWall(absl::Hours(5));
  EXPECT_FALSE(quota.Take("requester/web").ok());
}

}  // namespace
}  // namespace norroy::service
