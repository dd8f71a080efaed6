#include "common/daemon/daemon.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"

namespace norroy::daemon {
namespace {

absl::Status BadFlag(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FLAG", message);
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

absl::Status Failed(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (argument == "--check") {
      flags.check = true;
    } else if (argument == "--version") {
      flags.version = true;
    } else if (argument == "--help" || argument == "-h") {
      flags.help = true;
    } else if (argument == "--config") {
      if (i + 1 == argc) return BadFlag("--config: a file must follow");
      flags.config = argv[++i];
    } else if (absl::ConsumePrefix(&argument, "--config=")) {
      flags.config = std::string(argument);
    } else {
      return BadFlag(absl::StrCat("unknown argument \"", Printable(argument),
                                  "\": known are --config FILE, --check, --version, --help"));
    }
  }
  if (flags.config.empty() && !flags.version && !flags.help) {
    return BadFlag("--config FILE is missing");
  }
  return flags;
}

std::string Usage(absl::string_view program) {
  return absl::StrCat("Usage: ", program,
                      " --config FILE [--check]\n"
                      "  --config FILE  the YAML configuration\n"
                      "  --check        check the configuration and what it names, then end\n"
                      "  --version      print the version\n"
                      "SIGHUP checks the identity file again; SIGTERM and SIGINT end.\n");
}

void BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals = StopSignals();
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void WaitForSignals(const std::function<void()>& on_hup) {
  const sigset_t stop = StopSignals();
  sigset_t signals = stop;
  sigaddset(&signals, SIGHUP);
  while (true) {
    int received = 0;
    if (sigwait(&signals, &received) != 0) continue;
    if (received != SIGHUP) break;
    if (on_hup) on_hup();
  }
  // Whoever asks twice does not want to wait for the draining.
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
}

absl::Status Harden() {
  umask(077);
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return Failed("prctl(PR_SET_DUMPABLE)", errno);
  const rlimit no_core = {0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0) return Failed("setrlimit(RLIMIT_CORE)", errno);
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return Failed("getrlimit(RLIMIT_NOFILE)", errno);
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) return Failed("setrlimit(RLIMIT_NOFILE)", errno);
  return absl::OkStatus();
}

absl::Status TakeForThisProcess(const std::string& path) {
  const std::string lock = absl::StrCat(path, ".lock");
  const int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return absl::FailedPreconditionError(absl::StrCat(lock, ": ", std::strerror(errno)));
  }
  // Held, and the descriptor open, until the process ends.
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  close(fd);
  return MakeError(absl::StatusCode::kFailedPrecondition, "IN_USE",
                   absl::StrCat(path, " is in use by another process; stop that one first"));
}

}  // namespace norroy::daemon
