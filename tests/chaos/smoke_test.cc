// A small dose of tests/run chaos, for every run of the tests.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/rpc/credentials.h"
#include "tests/chaos/scenes.h"
#include "tests/chaos/table.h"

namespace norroy::chaos {
namespace {

using ::testing::IsEmpty;

class Smoke : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { rpc::DisableTlsResumption(); }
};

TEST_P(Smoke, CostsTimeAndNothingElse) {
  const auto row = std::find_if(Table().begin(), Table().end(),
                                [](const Row& one) { return one.id == GetParam(); });
  ASSERT_NE(row, Table().end());
  const Result result = Play(*row, {.rounds = 1});
  EXPECT_THAT(result.findings, IsEmpty());
  EXPECT_EQ(result.kills, 1);
  EXPECT_EQ(result.lost, 0);
  EXPECT_EQ(result.double_finalizes, 0);
  EXPECT_EQ(result.proofs_left, 0);
}

INSTANTIATE_TEST_SUITE_P(Rows, Smoke, ::testing::Values("C05", "C15", "V02", "A02"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace norroy::chaos
