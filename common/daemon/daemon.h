#ifndef NORROY_COMMON_DAEMON_DAEMON_H_
#define NORROY_COMMON_DAEMON_DAEMON_H_

// What the three daemons' main functions share: flags, signals, and a process that gives nothing
// away. In this order:
//
//   daemon::BlockSignals();   // before any thread exists
//   daemon::Harden();
//   ... parse flags, read the configuration, start ...
//   daemon::WaitForSignals([&] { CheckIdentityAgain(); });
//   ... drain ...

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::daemon {

// What a daemon exits with.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;     // could not start, or could not go on
inline constexpr int kExitBadConfig = 2;  // flags or configuration; nothing was touched

struct Flags {
  std::string config;    // --config FILE
  bool check = false;    // --check: read and check the configuration, then end
  bool version = false;  // --version
  bool help = false;     // --help
  std::string command;   // the first word, if it is one of the commands
  std::string file;      // of the command's own option
};

// What a program does instead of serving: "norroy-issuer backup --config FILE --out FILE".
struct Command {
  std::string name;
  std::string option;  // "--out", which is a must; empty: it has none
  std::string help;
};

// "--flag value" and "--flag=value"; no other arguments. --config is a must unless --version or
// --help is there.
absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv,
                                 const std::vector<Command>& commands = {});

// What --help prints.
std::string Usage(absl::string_view program, const std::vector<Command>& commands = {});

// Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it starts, and ignores SIGPIPE.
void BlockSignals();

// Waits, by the caller's thread, for SIGTERM or SIGINT; SIGHUP calls `on_hup` and waits on. After
// it returned a second SIGTERM or SIGINT ends the process at once.
void WaitForSignals(const std::function<void()>& on_hup);

// umask 077, no core dumps and no ptrace by others (secrets are in memory), and as many file
// descriptors as the system allows.
absl::Status Harden();

// Makes this process the only one of its kind on `path` (a database, say) until it ends, by a lock
// on
// "<path>.lock". FAILED_PRECONDITION (reason IN_USE) if another process has it.
absl::Status TakeForThisProcess(const std::string& path);

}  // namespace norroy::daemon

#endif  // NORROY_COMMON_DAEMON_DAEMON_H_
