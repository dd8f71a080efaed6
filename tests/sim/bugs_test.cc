// Ten thousand seeds hold; with one of the bugs of tests/mutants/sim-*.patch put in, they do not:
// tests/run sim --bugs.

#include <gtest/gtest.h>

#include "common/log/log.h"
#include "tests/sim/trial.h"

namespace norroy::sim {
namespace {

constexpr uint64_t kSeeds = 10'000;

TEST(SimBugs, TenThousandSeedsHold) {
  log::SetSink([](absl::string_view) {});
  Workshop workshop(NewJournalFolder());
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Verdict verdict = Try(workshop, {.seed = seed}, nullptr);
    ASSERT_EQ(verdict.report, "");
  }
}

}  // namespace
}  // namespace norroy::sim
