// Says something in both builds: in ordinary ones that nothing of it is there, with
// --config=failpoints that each action is what the header says.

#include "common/failpoint/failpoint.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/process.h"

namespace norroy {
namespace {

absl::Status Step() {
  NORROY_FAILPOINT("test.step");
  NORROY_FAILPOINT("test.only_here");
  NORROY_FAILPOINT_OR_RETURN("test.may_fail");
  return absl::OkStatus();
}

#ifdef NORROY_FAILPOINTS

// In a child: the environment is read once.
class FailpointDeathTest : public ::testing::Test {
 protected:
  FailpointDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }

  // Exits with how many of three steps failed.
  [[noreturn]] static void ThreeSteps(const std::string& plan) {
    setenv("NORROY_FAILPOINTS", plan.c_str(), 1);
    int failed = 0;
    for (int i = 0; i < 3; ++i) failed += !Step().ok();
    _exit(failed);
  }
};

TEST_F(FailpointDeathTest, ThingsHappenAtTheTimeThatWasSaid) {
  EXPECT_EXIT(ThreeSteps(""), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(ThreeSteps("test.other:1:kill"), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(ThreeSteps("test.step:3:kill"), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(ThreeSteps("test.step:4:kill"), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(ThreeSteps("test.may_fail:2:error"), ::testing::ExitedWithCode(1), "");
  EXPECT_EXIT(ThreeSteps("test.may_fail:2+:error"), ::testing::ExitedWithCode(2), "");
  EXPECT_EXIT(ThreeSteps("test.step:9:kill,test.may_fail:1:error"), ::testing::ExitedWithCode(1),
              "");
}

TEST_F(FailpointDeathTest, AWrongPlanIsNoPlan) {
  for (const char* plan : {"test.step", "test.step:0:kill", "test.step:1:sleep",
                           "test.step:1:pause", "test.step:1:kill,test.step:2:kill"}) {
    EXPECT_DEATH(ThreeSteps(plan), "check failed") << plan;
  }
}

TEST_F(FailpointDeathTest, APauseLastsUntilTheFileIsThere) {
  // The child begins this test anew: both must mean the same file.
  const std::string file = ::testing::TempDir() + "/go-on";
  std::thread releaser([&] {
    EXPECT_TRUE(
        harness::Eventually([&] { return access((file + ".reached").c_str(), F_OK) == 0; }));
    harness::WriteAll(file, "");
  });
  EXPECT_EXIT(ThreeSteps(absl::StrCat("test.step:2:pause:", file)), ::testing::ExitedWithCode(0),
              "");
  releaser.join();
}

#else

TEST(Failpoint, IsNothingInAnOrdinaryBuild) {
  setenv("NORROY_FAILPOINTS", "test.step:1:kill,test.may_fail:1:error", 1);
  EXPECT_TRUE(Step().ok());
  const std::string self = harness::ReadAll("/proc/self/exe");
  // Put together here, so that this test does not find itself.
  EXPECT_FALSE(absl::StrContains(self, absl::StrCat("test.only", "_here")));
  EXPECT_FALSE(absl::StrContains(self, absl::StrCat("_ZN6norroy9failpoint", "5Reach")));
}

#endif

}  // namespace
}  // namespace norroy
