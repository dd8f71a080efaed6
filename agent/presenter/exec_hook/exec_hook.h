#ifndef NORROY_AGENT_PRESENTER_EXEC_HOOK_EXEC_HOOK_H_
#define NORROY_AGENT_PRESENTER_EXEC_HOOK_EXEC_HOOK_H_

// TXT values by a program of this host's own, called as lego's exec provider calls it:
//
//   argv... present|cleanup FQDN VALUE     ("present _acme-challenge.www.example.com. Ab...0")
//
// Which program, with which first arguments and environment, is local configuration alone; what
// comes from elsewhere is an owner name inside `zones` and a value, and goes to it as arguments,
// never through a shell. It runs with the agent's own rights (common/program/child.h says how), so
// nobody but root and the agent's user may be able to change it, nor a file that an argument names
// (common/program/program.h); that is looked at before each call. An owner that begins with "-" is
// refused: it would be an option.
//
// Exit code 0 is success. Nothing is read back: that the value is served then is the program's word
// alone, and preflight's to check.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/presenter/dns/txt_writer.h"
#include "common/dns/name.h"

namespace norroy::agent {

inline constexpr int kMaxHooksAtOnce = 8;

struct ExecHookOptions {
  std::vector<std::string> argv;  // the program's absolute path, then its first arguments
  std::vector<dns::Name> zones;
  // "NAME=value"; besides these the program gets PATH=/usr/sbin:/usr/bin:/sbin:/bin alone. A value
  // of 8 bytes or more that the program prints is "[NAME]" in errors.
  std::vector<std::string> environment;
  // Of a whole call; at most 60 s. Up to half of it may go by waiting for its turn (one call at a
  // time per owner, kMaxHooksAtOnce of all). The last sixth of an Add is kept for the `cleanup`
  // that follows a `present` that failed: what runs longer is killed.
  absl::Duration timeout = absl::Seconds(60);
};

// INVALID_ARGUMENT, reason BAD_CONFIG; FAILED_PRECONDITION, reason UNSAFE_PROGRAM. Runs nothing.
absl::Status CheckExecHook(const ExecHookOptions& options);

// As CheckExecHook. Sets this process's umask to 077, where daemons have it anyway: the program's
// is the same. The writer's errors: what CheckProgram says; UNAVAILABLE, reason EXEC_HOOK_FAILED:
// "<program> present exited with 3: <the last line of its output>"; DEADLINE_EXCEEDED, reason
// EXEC_HOOK_TIMEOUT.
absl::StatusOr<std::unique_ptr<TxtWriter>> MakeExecHook(ExecHookOptions options);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_EXEC_HOOK_EXEC_HOOK_H_
