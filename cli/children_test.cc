#include "cli/children.h"

#include <gtest/gtest.h>

#include <csignal>

#include "absl/strings/match.h"

namespace norroy::cli {
namespace {

class ChildrenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { Children::BlockSignals(); }
  // Until a child ended; the tests' own timeout ends a wait in vain.
  Ended AwaitEnd(Children& children) {
    while (true) {
      if (auto ended = children.Reap(); ended.has_value()) return *ended;
      children.WaitEvent(absl::Seconds(1));
    }
  }
  SystemClock clock_;
};

TEST_F(ChildrenTest, AnEndIsNamedWithItsManner) {
  const struct {
    const char* script;
    bool ok;
    const char* how;
  } cases[] = {
      {"exit 0", true, "exit status 0"},
      {"exit 3", false, "exit status 3"},
      {"kill -9 $$", false, "signal 9"},
      // Nothing is blocked or ignored in a child, though all is blocked here.
      {"kill -TERM $$; exit 0", false, "signal 15"},
  };
  for (const auto& c : cases) {
    Children children(clock_);
    ASSERT_TRUE(children.Start("child", {"/bin/sh", "-c", c.script}).ok());
    const Ended ended = AwaitEnd(children);
    EXPECT_EQ(ended.name, "child");
    EXPECT_EQ(ended.ok, c.ok) << c.script;
    EXPECT_EQ(ended.how, c.how) << c.script;
  }
}

TEST_F(ChildrenTest, WhatCannotBeStartedIsSaid) {
  Children children(clock_);
  const absl::Status status = children.Start("child", {"/nonexistent/file"});
  EXPECT_TRUE(absl::StrContains(status.message(), "/nonexistent/file")) << status;
  EXPECT_FALSE(children.Reap().has_value());
}

TEST_F(ChildrenTest, StopEndsAllAndKillsTheStubborn) {
  Children children(clock_);
  ASSERT_TRUE(children.Start("willing", {"/bin/sleep", "1000"}).ok());
  // Tells us by SIGHUP that its trap is set.
  ASSERT_TRUE(
      children
          .Start("stubborn",
                 {"/bin/sh", "-c", "trap '' TERM; kill -HUP $PPID; while :; do sleep 1000; done"})
          .ok());
  while (children.WaitEvent(absl::Seconds(1)) != Event::kReload) {
  }
  EXPECT_EQ(children.Stop(absl::Milliseconds(50)), std::vector<std::string>{"stubborn"});
  EXPECT_FALSE(children.Reap().has_value());
}

TEST_F(ChildrenTest, SignalsArriveAsEvents) {
  Children children(clock_);
  while (children.WaitEvent(absl::ZeroDuration()) != Event::kNothing) {
  }
  const struct {
    int signal;
    Event want;
  } cases[] = {{SIGTERM, Event::kStop}, {SIGINT, Event::kStop}, {SIGHUP, Event::kReload}};
  for (const auto& c : cases) {
    ASSERT_EQ(raise(c.signal), 0);
    EXPECT_EQ(children.WaitEvent(absl::Seconds(10)), c.want);
  }
  EXPECT_EQ(children.WaitEvent(absl::ZeroDuration()), Event::kNothing);
}

}  // namespace
}  // namespace norroy::cli
