#include "common/program/command.h"

#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/program/test_world.h"
#include "gtest/gtest.h"

namespace norroy::program {
namespace {

TEST(Command, TakesAndRefuses) {
  const std::string env = "/usr/bin/env";
  const struct {
    Command command;
    std::string reason;  // empty: taken
  } cases[] = {
      {{{env}, {}}, ""},
      {{{env, "a b", "", "$(x)"}, {"A=", "_B1=c d"}}, ""},
      {{std::vector<std::string>(kMaxArguments, env), {}}, ""},
      {{{env}, std::vector<std::string>(kMaxVariables, "A=b")}, ""},
      {{{env, std::string(kMaxString, 'a')}, {}}, ""},
      {{{}, {}}, "BAD_CONFIG"},
      {{{"env"}, {}}, "BAD_CONFIG"},
      {{std::vector<std::string>(kMaxArguments + 1, env), {}}, "BAD_CONFIG"},
      {{{env}, std::vector<std::string>(kMaxVariables + 1, "A=b")}, "BAD_CONFIG"},
      {{{env, std::string(kMaxString + 1, 'a')}, {}}, "BAD_CONFIG"},
      {{{env, std::string("a\0b", 3)}, {}}, "BAD_CONFIG"},
      {{{env}, {"A"}}, "BAD_CONFIG"},
      {{{env}, {"1A=b"}}, "BAD_CONFIG"},
      {{{env}, {"PATH=/tmp"}}, "BAD_CONFIG"},
      {{{env}, {"A=b\nc"}}, "BAD_CONFIG"},
      {{{"/nonexistent/program"}, {}}, "UNSAFE_PROGRAM"},
  };
  for (const auto& c : cases) {
    const absl::Status status = CheckCommand(c.command);
    EXPECT_EQ(ErrorReason(status), c.reason) << status;
    EXPECT_EQ(status.ok(), c.reason.empty()) << status;
  }
}

TEST(Command, FilesThatArgumentsNameAreLookedAt) {
  const std::string folder = NewFolder();
  const Command command = {{"/bin/sh", WriteProgram(folder, "script", "exit 0\n", 0644)}, {}};
  EXPECT_TRUE(CheckCommand(command).ok());
  WriteProgram(folder, "script", "exit 0\n", 0666);
  const absl::Status status = CheckFiles(command);
  EXPECT_EQ(ErrorReason(status), "UNSAFE_PROGRAM");
  EXPECT_TRUE(absl::StrContains(status.message(), "argv[1]")) << status;
}

TEST(Command, SaysHowItEnded) {
  const Command command = {{"/bin/x"}, {"TOKEN=a-long-secret", "SHORT=no"}};
  const struct {
    ChildEnd end;
    std::string text;
  } cases[] = {
      {{false, 3, 0, "first\nlast\n\n"}, "exited with 3: last"},
      {{false, 3, 0, ""}, "exited with 3"},
      {{false, -1, SIGKILL, "x"}, "was ended by signal 9: x"},
      {{true, -1, SIGKILL, "waiting"}, "was killed: it still ran after 2s: waiting"},
      {{false, 1, 0, "got a-long-secret, no"}, "exited with 1: got [TOKEN], no"},
      {{false, 1, 0, "bell \a"}, "exited with 1: bell \\x07"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(EndText(command, c.end, absl::Seconds(2)), c.text);
  }
}

}  // namespace
}  // namespace norroy::program
