#ifndef NORROY_COMMON_PROGRAM_CHILD_H_
#define NORROY_COMMON_PROGRAM_CHILD_H_

// A program run to its end as a child of this process: no shell, no inherited environment, file
// descriptors, signal mask or signal handlers; stdin is /dev/null, stdout and stderr come to us,
// its directory is "/". The umask is this process's. It leads a process group, which is ended as a
// whole (SIGKILL) when the time is over or the program has ended: it leaves nothing running behind.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace norroy::program {

// Of what the program writes, the last so many bytes are kept.
inline constexpr size_t kMaxChildOutput = 4096;

struct ChildEnd {
  bool timed_out = false;
  int exit_code = -1;  // -1: ended by `signal`
  int signal = 0;
  std::string output;  // stdout and stderr as they came; not yet printable
};

// Thread-safe; blocks. argv[0] is the program's path, `environment` all that it gets. UNAVAILABLE,
// reason PROGRAM_FAILED, if it cannot be started.
absl::StatusOr<ChildEnd> RunChild(const std::vector<std::string>& argv,
                                  const std::vector<std::string>& environment,
                                  absl::Duration timeout);

}  // namespace norroy::program

#endif  // NORROY_COMMON_PROGRAM_CHILD_H_
