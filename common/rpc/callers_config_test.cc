#include "common/rpc/callers_config.h"

#include <gtest/gtest.h>

#include <string>

#include "common/error/error.h"

namespace norroy::rpc {
namespace {

TEST(CallersConfig, ReadsLimits) {
  const struct {
    int rate, burst, at_once;                 // as configured
    int want_rate, want_burst, want_at_once;  // of each; 0: refused
    int issuer_rate, issuer_at_once;
  } cases[] = {
      {0, 0, 0, 50, 200, 64, 2000, 1000},
      {1, 2, 3, 1, 2, 3, 2000, 1000},
      {5000, 0, 2000, 5000, 5000, 2000, 5000, 2000},
      {100000, 100000, 10000, 100000, 100000, 10000, 100000, 10000},
      {100001, 0, 0, 0, 0, 0, 0, 0},
      {-1, 0, 0, 0, 0, 0, 0, 0},
      {0, 100001, 0, 0, 0, 0, 0, 0},
      {0, 0, 10001, 0, 0, 0, 0, 0},
  };
  for (const auto& c : cases) {
    config::v1::CallersConfig config;
    config.set_calls_per_second(c.rate);
    config.set_burst(c.burst);
    config.set_calls_at_once(c.at_once);
    const auto read = ReadCallers(config);
    ASSERT_EQ(read.ok(), c.want_rate > 0) << config.DebugString();
    if (!read.ok()) {
      EXPECT_EQ(ErrorReason(read.status()), "BAD_CONFIG");
      EXPECT_NE(std::string(read.status().message()).find("callers."), std::string::npos);
      continue;
    }
    EXPECT_EQ(read->each.calls_per_second, c.want_rate);
    EXPECT_EQ(read->each.burst, c.want_burst);
    EXPECT_EQ(read->each.calls_at_once, c.want_at_once);
    EXPECT_EQ(read->issuer.calls_per_second, c.issuer_rate);
    EXPECT_EQ(read->issuer.calls_at_once, c.issuer_at_once);
  }
}

}  // namespace
}  // namespace norroy::rpc
