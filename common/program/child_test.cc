#include "common/program/child.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/program/test_world.h"
#include "gtest/gtest.h"

namespace norroy::program {
namespace {

ChildEnd RunShell(const std::string& script, std::vector<std::string> arguments = {},
                  std::vector<std::string> environment = {},
                  absl::Duration timeout = absl::Seconds(20)) {
  std::vector<std::string> argv = {"/bin/sh", "-c", script, "sh"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  auto end = RunChild(argv, environment, timeout);
  EXPECT_TRUE(end.ok()) << end.status();
  return *std::move(end);
}

TEST(Child, TellsHowItEnded) {
  const struct {
    std::string script;
    int exit_code;
    int signal;
    std::string output;
  } cases[] = {
      {"exit 0", 0, 0, ""},
      {"echo out; echo err >&2; exit 3", 3, 0, "out\nerr\n"},
      {"exit 255", 255, 0, ""},
      {"kill -9 $$", -1, SIGKILL, ""},
      {"kill -15 $$", -1, SIGTERM, ""},
      {"cat", 0, 0, ""},  // stdin is at its end
      {"pwd", 0, 0, "/\n"},
  };
  for (const auto& c : cases) {
    const ChildEnd end = RunShell(c.script);
    EXPECT_FALSE(end.timed_out);
    EXPECT_EQ(end.exit_code, c.exit_code) << c.script;
    EXPECT_EQ(end.signal, c.signal) << c.script;
    EXPECT_EQ(end.output, c.output) << c.script;
  }
}

TEST(Child, GetsItsArgumentsAndEnvironmentUntouched) {
  const std::vector<std::string> odd = {"a b", "$(touch x)", "`id`", "'",         "\"",  "\\",
                                        "*",   "",           "-n",   "new\nline", "\xff"};
  std::string expected;
  for (const std::string& argument : odd) absl::StrAppend(&expected, "<", argument, ">");
  EXPECT_EQ(RunShell("printf '<%s>' \"$@\"", odd).output, expected);

  setenv("NORROY_LEAK", "secret", 1);
  const auto end = RunChild({"/usr/bin/env"}, {"A=b c", "B=$x"}, absl::Seconds(20));
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->output, "A=b c\nB=$x\n");
}

TEST(Child, InheritsNoFilesAndNoSignals) {
  // Not close-on-exec, as a careless library opens.
  const int fd = open("/dev/null", O_RDONLY);
  ASSERT_GE(fd, 0);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  signal(SIGPIPE, SIG_IGN);
  const auto files = RunChild({"/bin/ls", "/proc/self/fd"}, {}, absl::Seconds(20));
  const auto status = RunChild({"/bin/cat", "/proc/self/status"}, {}, absl::Seconds(20));
  signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(fd);
  ASSERT_TRUE(files.ok() && status.ok());
  // 3 is ls's own, of the folder that it lists.
  EXPECT_EQ(files->output, "0\n1\n2\n3\n");
  EXPECT_TRUE(absl::StrContains(status->output, "SigBlk:\t0000000000000000")) << status->output;
  // The C library's own two (32 and 33) apart.
  const size_t ignored = status->output.find("SigIgn:\t");
  ASSERT_NE(ignored, std::string::npos);
  EXPECT_EQ(std::stoull(status->output.substr(ignored + 8, 16), nullptr, 16) & 0x7fffffff, 0u);
}

TEST(Child, OutputIsCappedAtItsEnd) {
  const ChildEnd end = RunShell("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo the end");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.output.size(), kMaxChildOutput);
  EXPECT_TRUE(absl::EndsWith(end.output, "x\nthe end\n"));
}

TEST(Child, TheWholeGroupIsKilledWhenTheTimeIsOver) {
  const std::string file = NewFolder() + "/pids";
  const absl::Time start = absl::Now();
  const ChildEnd end = RunShell(
      "trap '' TERM; sleep 1000 & echo $! > \"$1\"; (sleep 1000) & echo $! >> \"$1\"; "
      "echo $$ >> \"$1\"; echo waiting; wait",
      {file}, {"PATH=/usr/bin:/bin"}, absl::Milliseconds(500));
  EXPECT_TRUE(end.timed_out);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_EQ(end.output, "waiting\n");
  const std::vector<std::string> pids = absl::StrSplit(TextOf(file), '\n', absl::SkipEmpty());
  ASSERT_EQ(pids.size(), 3u);
  for (const std::string& text : pids) {
    int pid = 0;
    ASSERT_TRUE(absl::SimpleAtoi(text, &pid));
    EXPECT_TRUE(Eventually([&] { return !IsAlive(pid); })) << pid;
  }
}

TEST(Child, NeverStopsWritingButEnds) {
  const ChildEnd end = RunShell("yes", {}, {"PATH=/usr/bin:/bin"}, absl::Milliseconds(300));
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.output.size(), kMaxChildOutput);
}

TEST(Child, LeavesNothingRunning) {
  const std::string file = NewFolder() + "/pid";
  // It holds the pipe open; nobody waits for it.
  const absl::Time start = absl::Now();
  const ChildEnd end =
      RunShell("sleep 1000 & echo $! > \"$1\"; exit 0", {file}, {"PATH=/usr/bin:/bin"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  int pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(TextOf(file), &pid));
  EXPECT_TRUE(Eventually([&] { return !IsAlive(pid); }));
}

TEST(Child, SaysWhyItCannotStart) {
  const auto missing = RunChild({"/nonexistent/hook"}, {}, absl::Seconds(1));
  EXPECT_TRUE(absl::StrContains(missing.status().message(), "No such file")) << missing.status();
  const std::string text = WriteProgram(NewFolder(), "hook", "no program\n");
  EXPECT_FALSE(RunChild({text}, {}, absl::Seconds(1)).ok());
}

}  // namespace
}  // namespace norroy::program
