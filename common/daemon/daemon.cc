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
#include "common/error/error.h"
#include "common/status_macros.h"

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

const Command* Find(const std::vector<Command>& commands, absl::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

bool Names(absl::string_view argument, absl::string_view option) {
  return argument == option || absl::StartsWith(argument, absl::StrCat(option, "="));
}

// Of "--option value" or "--option=value" at `i`, which is moved to its last word.
absl::StatusOr<std::string> ValueOf(absl::string_view option, int argc, const char* const* argv,
                                    int& i) {
  absl::string_view argument = argv[i];
  if (argument != option) return std::string(argument.substr(option.size() + 1));
  if (i + 1 == argc) return BadFlag(absl::StrCat(option, ": a file must follow"));
  return std::string(argv[++i]);
}

absl::Status Failed(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv,
                                 const std::vector<Command>& commands) {
  Flags flags;
  const Command* const command = argc > 1 ? Find(commands, argv[1]) : nullptr;
  if (command != nullptr) flags.command = command->name;
  const std::string option = command == nullptr ? "" : command->option;
  for (int i = command == nullptr ? 1 : 2; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument == "--check" && command == nullptr) {
      flags.check = true;
    } else if (argument == "--version") {
      flags.version = true;
    } else if (argument == "--help" || argument == "-h") {
      flags.help = true;
    } else if (Names(argument, "--config")) {
      NORROY_ASSIGN_OR_RETURN(flags.config, ValueOf("--config", argc, argv, i));
    } else if (!option.empty() && Names(argument, option)) {
      NORROY_ASSIGN_OR_RETURN(flags.file, ValueOf(option, argc, argv, i));
    } else {
      return BadFlag(absl::StrCat("unknown argument \"", Printable(argument),
                                  "\": known are --config FILE, --check, --version, --help"));
    }
  }
  if (flags.version || flags.help) return flags;
  if (flags.config.empty()) return BadFlag("--config FILE is missing");
  if (!option.empty() && flags.file.empty()) {
    return BadFlag(absl::StrCat(option, " FILE is missing"));
  }
  return flags;
}

std::string Usage(absl::string_view program, const std::vector<Command>& commands) {
  std::string usage = absl::StrCat("Usage: ", program, " --config FILE [--check]\n");
  for (const Command& command : commands) {
    absl::StrAppend(&usage, "       ", program, " ", command.name, " --config FILE",
                    command.option.empty() ? "" : absl::StrCat(" ", command.option, " FILE"), "\n");
  }
  absl::StrAppend(&usage,
                  "  --config FILE  the YAML configuration\n"
                  "  --check        check the configuration and what it names, then end\n"
                  "  --version      print the version\n");
  for (const Command& command : commands) {
    absl::StrAppend(&usage, "  ", command.name, std::string(15 - command.name.size(), ' '),
                    command.help, "\n");
  }
  return absl::StrCat(usage, "SIGHUP checks the identity file again; SIGTERM and SIGINT end.\n");
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
