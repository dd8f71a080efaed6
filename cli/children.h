#ifndef NORROY_CLI_CHILDREN_H_
#define NORROY_CLI_CHILDREN_H_

// The processes that `norroy up` runs, and the signals that reach it. Each child is its own
// process group, so that a terminal's ^C reaches only us and the order of the stop is ours.
//
// Not thread-safe. BlockSignals() comes first in the process, before any thread.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace norroy::cli {

enum class Event { kNothing, kStop, kReload, kChild };

// A child that is no more.
struct Ended {
  std::string name;
  bool ok = false;  // exit status 0
  std::string how;  // "exit status 2", "signal 9"
};

class Children {
 public:
  // SIGTERM, SIGINT, SIGHUP and SIGCHLD are taken by WaitEvent from now on, in all threads.
  static void BlockSignals();

  explicit Children(Clock& clock) : clock_(clock) {}
  // Kills what is left.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // argv[0] is the file to run; standard streams are shared. `name` is for people.
  absl::Status Start(const std::string& name, const std::vector<std::string>& argv);
  Event WaitEvent(absl::Duration timeout);
  // One that ended since the last call.
  std::optional<Ended> Reap();
  void Signal(int signal);
  // SIGTERM to one after the other, the last started first, each after the one before it has
  // ended; at the end of `grace` (or 2 s after its SIGTERM, if that is later) SIGKILL. The names of
  // those that were killed.
  std::vector<std::string> Stop(absl::Duration grace);

 private:
  struct Child {
    std::string name;
    pid_t pid;
  };
  bool Wait(pid_t pid, absl::Duration deadline);

  Clock& clock_;
  std::vector<Child> running_;
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_CHILDREN_H_
