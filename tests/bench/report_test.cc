#include "tests/bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace norroy::bench {
namespace {

using ::testing::HasSubstr;

TEST(Report, SaysWhatWasMetAndWhatWasMissed) {
  Report report;
  report.AddTimes("cold", "norroy",
                  {absl::Milliseconds(4), absl::Milliseconds(2), absl::Milliseconds(3)});
  report.Add({.suite = "cold", .what = "ratio", .value = 1.5, .unit = "x", .at_most = 2});
  report.Add({.suite = "load", .what = "share", .value = 0.5, .unit = "x", .at_least = 0.8});
  report.Skip("load", "peers: none");
  EXPECT_EQ(report.Summary(), "2 targets, 1 met");
  const std::string text = report.Markdown();
  EXPECT_THAT(text, HasSubstr("| norroy, p50 | 3.00 ms |  |  |\n"));
  EXPECT_THAT(text, HasSubstr("| ratio | 1.50 x | <= 2 x | met |\n"));
  EXPECT_THAT(text, HasSubstr("| share | 0.50 x | >= 0.8 x | missed |\n"));
  EXPECT_THAT(text, HasSubstr("- load: peers: none\n"));
  const std::string json = report.Json();
  EXPECT_THAT(json, HasSubstr("\"at_most\": 2.0"));
  EXPECT_THAT(json, HasSubstr("\"met\": false"));
}

TEST(Report, PercentilesAreOfWhatWasSeen) {
  const Times times = {absl::Seconds(3), absl::Seconds(1), absl::Seconds(2)};
  EXPECT_EQ(Percentile(times, 0), absl::Seconds(1));
  EXPECT_EQ(Percentile(times, 0.5), absl::Seconds(2));
  EXPECT_EQ(Percentile(times, 1), absl::Seconds(3));
}

}  // namespace
}  // namespace norroy::bench
