#include "common/program/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

// glibc 2.36 forgot to say that it is C.
extern "C" {
#include <sys/pidfd.h>
}

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/error/error.h"

namespace norroy::program {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status CannotStart(const std::string& program, int error) {
  return MakeError(absl::StatusCode::kUnavailable, "PROGRAM_FAILED",
                   absl::StrCat("cannot start ", Printable(program), ": ", std::strerror(error)));
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// What the child is to find: see the header.
class SpawnPlan {
 public:
  explicit SpawnPlan(int output) {
    posix_spawn_file_actions_init(&actions_);
    Note(posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0));
    Note(posix_spawn_file_actions_adddup2(&actions_, output, 1));
    Note(posix_spawn_file_actions_adddup2(&actions_, output, 2));
    Note(posix_spawn_file_actions_addclosefrom_np(&actions_, 3));
    Note(posix_spawn_file_actions_addchdir_np(&actions_, "/"));
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    Note(posix_spawnattr_setsigmask(&attributes_, &none));
    Note(posix_spawnattr_setsigdefault(&attributes_, &all));
    Note(posix_spawnattr_setpgroup(&attributes_, 0));
    Note(posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  }
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  // An errno; 0 is success.
  int Spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
            pid_t& pid) const {
    if (error_ != 0) return error_;
    return posix_spawn(&pid, argv[0].c_str(), &actions_, &attributes_, Pointers(argv).data(),
                       Pointers(environment).data());
  }

 private:
  void Note(int error) {
    if (error_ == 0) error_ = error;
  }
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  int error_ = 0;
};

// One read at most, so that a child that never stops writing is timed out too; false at the end.
bool ReadSome(int fd, std::string& output) {
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    output.append(buffer, static_cast<size_t>(count));
    if (output.size() > kMaxChildOutput) output.erase(0, output.size() - kMaxChildOutput);
    return true;
  }
}

// Until the child has ended (true) or the time is over, reading what it writes meanwhile.
bool WaitForEnd(int child, int pipe, absl::Duration timeout, std::string& output) {
  SystemClock clock;
  const absl::Duration end = clock.Monotonic() + timeout;
  pollfd waiting[2] = {{child, POLLIN, 0}, {pipe, POLLIN, 0}};
  for (;;) {
    const absl::Duration left = end - clock.Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    const int ready = poll(waiting, 2, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    // poll leaves out what is negative.
    if (waiting[1].revents != 0 && !ReadSome(pipe, output)) waiting[1].fd = -1;
    if (waiting[0].revents != 0) return true;
  }
}

ChildEnd EndOf(int status) {
  ChildEnd end;
  if (WIFEXITED(status)) {
    end.exit_code = WEXITSTATUS(status);
  } else {
    end.signal = WTERMSIG(status);
  }
  return end;
}

}  // namespace

absl::StatusOr<ChildEnd> RunChild(const std::vector<std::string>& argv,
                                  const std::vector<std::string>& environment,
                                  absl::Duration timeout) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return CannotStart(argv[0], errno);
  const Descriptor ours(ends[0]);
  pid_t pid = 0;
  {
    const Descriptor theirs(ends[1]);
    // The child's end blocks as programs expect; ours does not.
    fcntl(theirs.get(), F_SETFL, 0);
    const int error = SpawnPlan(theirs.get()).Spawn(argv, environment, pid);
    if (error != 0) return CannotStart(argv[0], error);
  }
  const Descriptor child(pidfd_open(pid, 0));
  const int pidfd_error = child.valid() ? 0 : errno;
  std::string output;
  const bool ended = child.valid() && WaitForEnd(child.get(), ours.get(), timeout, output);
  // Before it is reaped: until then the group's number is not anybody else's.
  kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!child.valid()) return CannotStart(argv[0], pidfd_error);
  // What it wrote last: not more than a pipe holds, whoever else has it open.
  for (int reads = 0; reads < 16 && ReadSome(ours.get(), output); ++reads) {
  }
  ChildEnd end = EndOf(status);
  end.timed_out = !ended;
  end.output = std::move(output);
  return end;
}

}  // namespace norroy::program
