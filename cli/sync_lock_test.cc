#include "cli/sync_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "cli/sync_test_ca.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

TEST(SyncLock, KeepsOthersOutWhileItIsHeld) {
  const std::string path = NewSyncFolder() + "/.lock";
  {
    const auto lock = SyncLock::Take(path);
    ASSERT_TRUE(lock.ok()) << lock.status();
    EXPECT_EQ(ErrorReason(SyncLock::Take(path).status()), "ALREADY_RUNNING");
  }
  EXPECT_TRUE(SyncLock::Take(path).ok());
}

TEST(SyncLock, EndsWithItsProcess) {
  const std::string path = NewSyncFolder() + "/.lock";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = SyncLock::Take(path);
    const char c = lock.ok() ? '+' : '-';
    if (write(ready[1], &c, 1) != 1) _exit(1);
    pause();
  }
  char c = 0;
  ASSERT_EQ(read(ready[0], &c, 1), 1);
  EXPECT_EQ(c, '+');
  EXPECT_EQ(ErrorReason(SyncLock::Take(path).status()), "ALREADY_RUNNING");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(SyncLock::Take(path).ok());
  close(ready[0]);
  close(ready[1]);
}

TEST(SyncLock, AFileThatWasRemovedLocksNobodyOut) {
  const std::string path = NewSyncFolder() + "/.lock";
  const auto old = SyncLock::Take(path);
  ASSERT_TRUE(old.ok());
  // As a cleaner of old files does. The next one makes and locks a file of its own, and that is
  // then the one that counts.
  ASSERT_EQ(unlink(path.c_str()), 0);
  const auto fresh = SyncLock::Take(path);
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_EQ(ErrorReason(SyncLock::Take(path).status()), "ALREADY_RUNNING");
}

// Processes that lock, remove the file and unlock as fast as they can never are in it together.
TEST(SyncLock, IsHeldByOneAtATimeWhateverHappensToTheFile) {
  const std::string folder = NewSyncFolder();
  const std::string path = folder + "/.lock";
  const std::string inside = folder + "/inside";
  constexpr int kProcesses = 4;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      int held = 0;
      for (int tries = 0; held < 200 && tries < 1000000; ++tries) {
        const auto lock = SyncLock::Take(path);
        if (!lock.ok()) continue;
        // Fails if another one is in it.
        if (mkdir(inside.c_str(), 0700) != 0) _exit(1);
        rmdir(inside.c_str());
        // Before it is given back: whoever has opened this file waits for nothing then.
        unlink(path.c_str());
        ++held;
      }
      _exit(held == 200 ? 0 : 2);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

}  // namespace
}  // namespace norroy::cli
