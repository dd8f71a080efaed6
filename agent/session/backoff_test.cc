#include "agent/session/backoff.h"

#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

TEST(Backoff, IsUniformBelowADoublingLimit) {
  const struct {
    int failures;
    double limit_seconds;
  } cases[] = {{0, 0.5}, {1, 1}, {2, 2}, {6, 32}, {7, 60}, {8, 60}, {1000000, 60}, {-1, 0.5}};
  for (const auto& c : cases) {
    crypto::SeededRandom random(7);
    absl::Duration sum;
    for (int i = 0; i < 1000; ++i) {
      const absl::Duration wait = Backoff(c.failures, random);
      EXPECT_GE(wait, absl::ZeroDuration());
      EXPECT_LE(wait, absl::Seconds(c.limit_seconds));
      sum += wait;
    }
    EXPECT_NEAR(absl::ToDoubleSeconds(sum / 1000), c.limit_seconds / 2, c.limit_seconds / 20);
  }
}

}  // namespace
}  // namespace norroy::agent
