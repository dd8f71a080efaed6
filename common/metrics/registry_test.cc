#include "common/metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/metrics/process.h"

namespace norroy::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Registry, WritesWhatWasCounted) {
  Registry registry;
  Counter& orders = registry.NewCounter("norroy_orders_total", "Ended.", {"ca", "result"});
  orders.Add({"le", "valid"});
  orders.Add({"le", "valid"}, 2);
  orders.Add({"le", "invalid"});
  EXPECT_THAT(registry.Text(), HasSubstr("# HELP norroy_orders_total Ended.\n"
                                         "# TYPE norroy_orders_total counter\n"));
  EXPECT_THAT(registry.Text(), HasSubstr("norroy_orders_total{ca=\"le\",result=\"valid\"} 3\n"));
  EXPECT_THAT(registry.Text(), HasSubstr("norroy_orders_total{ca=\"le\",result=\"invalid\"} 1\n"));
}

TEST(Registry, LabelsCannotForgeLines) {
  Registry registry;
  registry.NewGauge("g", "A gauge.", {"name"}).Set({"a\"b\\c\nd 1"}, 1);
  EXPECT_THAT(registry.Text(), HasSubstr("g{name=\"a\\\"b\\\\c\\nd 1\"} 1\n"));
}

TEST(Registry, ReplaceForgetsTheRest) {
  Registry registry;
  Gauge& gauge = registry.NewGauge("agents", "By state.", {"state"});
  gauge.Replace({{{"attached"}, 2}, {{"silent"}, 1}});
  gauge.Replace({{{"attached"}, 3}});
  EXPECT_THAT(registry.Text(), HasSubstr("agents{state=\"attached\"} 3\n"));
  EXPECT_THAT(registry.Text(), Not(HasSubstr("silent")));
}

TEST(Registry, HistogramsHaveTheirBuckets) {
  Registry registry;
  Histogram& seconds = registry.NewHistogram("s", "Seconds.", {"ca"}, {0.5, 1});
  seconds.Observe({"le"}, 0.25);
  seconds.Observe({"le"}, 3);
  EXPECT_THAT(registry.Text(), HasSubstr("s_count{ca=\"le\"} 2\n"));
  EXPECT_THAT(registry.Text(), HasSubstr("s_bucket{ca=\"le\",le=\"0.5\"} 1\n"));
  EXPECT_THAT(registry.Text(), HasSubstr("s_bucket{ca=\"le\",le=\"+Inf\"} 2\n"));
}

TEST(Registry, AFamilyHasAMostOfSeries) {
  Registry registry;
  Counter& counter = registry.NewCounter("c_total", "Counts.", {"name"});
  for (size_t i = 0; i < kMaxSeries + 5; ++i) counter.Add({absl::StrCat(i)});
  EXPECT_THAT(registry.Text(), HasSubstr("c_total{name=\"(other)\"} 5\n"));
  counter.Add({std::string(300, 'x')});
  EXPECT_THAT(registry.Text(), HasSubstr("c_total{name=\"(other)\"} 6\n"));
}

TEST(Registry, CountsFromManyThreads) {
  Registry registry;
  Counter& counter = registry.NewCounter("c_total", "Counts.", {"thread"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) counter.Add({absl::StrCat(j % 2)});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(registry.Text(), HasSubstr("c_total{thread=\"1\"} 2000\n"));
}

TEST(ProcessMetrics, SaysWhatTheProcessUses) {
  Registry registry;
  ProcessMetrics process(registry, "norroy-issuer 0.1.0", absl::UnixEpoch() + absl::Seconds(5));
  process.Sample();
  EXPECT_THAT(registry.Text(), HasSubstr("norroy_build_info{version=\"norroy-issuer 0.1.0\"} 1\n"));
  EXPECT_THAT(registry.Text(), HasSubstr("process_start_time_seconds 5\n"));
  EXPECT_THAT(registry.Text(), HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(registry.Text(), HasSubstr("process_threads "));
}

}  // namespace
}  // namespace norroy::metrics
