#include "common/daemon/daemon.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace norroy::daemon {
namespace {

TEST(ParseFlags, Table) {
  const struct {
    std::vector<const char*> arguments;
    const char* error;  // part of it; null: fine
    Flags flags;
  } cases[] = {
      {{"--config", "a.yaml"}, nullptr, {"a.yaml", false, false, false}},
      {{"--config=a.yaml", "--check"}, nullptr, {"a.yaml", true, false, false}},
      {{"--version"}, nullptr, {"", false, true, false}},
      {{"--help"}, nullptr, {"", false, false, true}},
      {{}, "--config FILE is missing", {}},
      {{"--config="}, "--config FILE is missing", {}},
      {{"--check"}, "--config FILE is missing", {}},
      {{"--config"}, "a file must follow", {}},
      {{"--config", "a", "b\x1b[2J"}, "unknown argument \"b\\x1b[2J\"", {}},
  };
  for (const auto& c : cases) {
    std::vector<const char*> argv = {"program"};
    argv.insert(argv.end(), c.arguments.begin(), c.arguments.end());
    const auto flags = ParseFlags(static_cast<int>(argv.size()), argv.data());
    if (c.error != nullptr) {
      ASSERT_FALSE(flags.ok());
      EXPECT_NE(std::string(flags.status().message()).find(c.error), std::string::npos)
          << flags.status();
      continue;
    }
    ASSERT_TRUE(flags.ok()) << flags.status();
    EXPECT_EQ(flags->config, c.flags.config);
    EXPECT_EQ(flags->check, c.flags.check);
    EXPECT_EQ(flags->version, c.flags.version);
    EXPECT_EQ(flags->help, c.flags.help);
  }
}

TEST(ParseFlags, Commands) {
  const std::vector<Command> commands = {{"migrate", "", "brings"}, {"backup", "--out", "copies"}};
  const struct {
    std::vector<const char*> arguments;
    const char* error;  // part of it; null: fine
    const char* command;
    const char* file;
  } cases[] = {
      {{"migrate", "--config", "a.yaml"}, nullptr, "migrate", ""},
      {{"backup", "--config=a.yaml", "--out", "b"}, nullptr, "backup", "b"},
      {{"backup", "--out=b", "--config=a.yaml"}, nullptr, "backup", "b"},
      {{"--config=a.yaml"}, nullptr, "", ""},
      {{"migrate", "--help"}, nullptr, "migrate", ""},
      {{"backup", "--config=a.yaml"}, "--out FILE is missing", "", ""},
      {{"backup", "--out=b"}, "--config FILE is missing", "", ""},
      {{"migrate", "--config=a.yaml", "--out=b"}, "unknown argument \"--out=b\"", "", ""},
      {{"migrate", "--config=a.yaml", "--check"}, "unknown argument \"--check\"", "", ""},
      {{"--config=a.yaml", "migrate"}, "unknown argument \"migrate\"", "", ""},
      {{"restore", "--config=a.yaml"}, "unknown argument \"restore\"", "", ""},
  };
  for (const auto& c : cases) {
    std::vector<const char*> argv = {"program"};
    argv.insert(argv.end(), c.arguments.begin(), c.arguments.end());
    const auto flags = ParseFlags(static_cast<int>(argv.size()), argv.data(), commands);
    if (c.error != nullptr) {
      ASSERT_FALSE(flags.ok()) << c.error;
      EXPECT_NE(std::string(flags.status().message()).find(c.error), std::string::npos)
          << flags.status();
      continue;
    }
    ASSERT_TRUE(flags.ok()) << flags.status();
    EXPECT_EQ(flags->command, c.command);
    EXPECT_EQ(flags->file, c.file);
  }
  EXPECT_NE(Usage("program", commands).find("program backup --config FILE --out FILE"),
            std::string::npos);
}

TEST(WaitForSignals, HangsUpAndStops) {
  BlockSignals();
  std::latch hung_up(1);
  std::thread waiter([&] { WaitForSignals([&] { hung_up.count_down(); }); });
  const pthread_t thread = waiter.native_handle();
  pthread_kill(thread, SIGHUP);
  hung_up.wait();
  pthread_kill(thread, SIGTERM);
  waiter.join();
}

TEST(Harden, LeavesNothingBehind) {
  ASSERT_TRUE(Harden().ok());
  EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
  EXPECT_EQ(umask(077), 077u);
  rlimit core;
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &core), 0);
  EXPECT_EQ(core.rlim_cur, 0u);
  rlimit files;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(files.rlim_cur, files.rlim_max);
}

}  // namespace
}  // namespace norroy::daemon
