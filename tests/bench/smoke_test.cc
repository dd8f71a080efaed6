// Each suite once, at its smallest: it measures something and ends. How long it took says nothing
// here.

#include <gtest/gtest.h>

#include "common/rpc/credentials.h"
#include "tests/bench/suites.h"

namespace norroy::bench {
namespace {

class Suites : public ::testing::TestWithParam<Suite> {};

TEST_P(Suites, Measures) {
  rpc::DisableTlsResumption();
  Report report;
  GetParam().run({.small = true}, report);
  ASSERT_FALSE(report.rows().empty());
  int targets = 0;
  for (const Row& row : report.rows()) {
    EXPECT_EQ(row.suite, GetParam().name);
    EXPECT_GE(row.value, 0) << row.what;
    targets += row.has_target();
  }
  EXPECT_GT(targets, 0);
}

INSTANTIATE_TEST_SUITE_P(All, Suites, ::testing::ValuesIn(bench::Suites()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace norroy::bench
