#include "cli/children.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/check.h"

extern char** environ;

namespace norroy::cli {
namespace {

// For those whose turn comes when others have used up the grace.
constexpr absl::Duration kLeastGrace = absl::Seconds(2);

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

// A child starts as if from a shell: nothing blocked, nothing ignored, a group of its own.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) return absl::StrCat("signal ", WTERMSIG(status));
  return absl::StrCat("exit status ", WEXITSTATUS(status));
}

}  // namespace

void Children::BlockSignals() {
  const sigset_t set = WatchedSignals();
  NORROY_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
}

Children::~Children() {
  for (const Child& child : running_) kill(child.pid, SIGKILL);
  for (const Child& child : running_) waitpid(child.pid, nullptr, 0);
}

absl::Status Children::Start(const std::string& name, const std::vector<std::string>& argv) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const SpawnAttributes attributes;
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, argv.front().c_str(), nullptr, attributes.get(), arguments.data(), environ);
  if (error != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot start ", argv.front(), ": ", std::strerror(error)));
  }
  running_.push_back({name, pid});
  return absl::OkStatus();
}

Event Children::WaitEvent(absl::Duration timeout) {
  const sigset_t set = WatchedSignals();
  const timespec limit = absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
  switch (sigtimedwait(&set, nullptr, &limit)) {
    case SIGTERM:
    case SIGINT:
      return Event::kStop;
    case SIGHUP:
      return Event::kReload;
    case SIGCHLD:
      return Event::kChild;
    default:
      return Event::kNothing;
  }
}

std::optional<Ended> Children::Reap() {
  for (auto child = running_.begin(); child != running_.end(); ++child) {
    int status = 0;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid) continue;
    Ended ended{child->name, WIFEXITED(status) && WEXITSTATUS(status) == 0, HowItEnded(status)};
    running_.erase(child);
    return ended;
  }
  return std::nullopt;
}

void Children::Signal(int signal) {
  for (const Child& child : running_) kill(child.pid, signal);
}

// Until `deadline` on the monotonic clock. Others' ends are found by Reap later.
bool Children::Wait(pid_t pid, absl::Duration deadline) {
  while (waitpid(pid, nullptr, WNOHANG) == 0) {
    const absl::Duration left = deadline - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    WaitEvent(std::min(left, absl::Milliseconds(100)));
  }
  return true;
}

std::vector<std::string> Children::Stop(absl::Duration grace) {
  const absl::Duration deadline = clock_.Monotonic() + grace;
  std::vector<std::string> killed;
  while (!running_.empty()) {
    const Child child = running_.back();
    running_.pop_back();
    kill(child.pid, SIGTERM);
    if (Wait(child.pid, std::max(deadline, clock_.Monotonic() + kLeastGrace))) continue;
    kill(child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
    killed.push_back(child.name);
  }
  return killed;
}

}  // namespace norroy::cli
