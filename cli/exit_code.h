#ifndef NORROY_CLI_EXIT_CODE_H_
#define NORROY_CLI_EXIT_CODE_H_

// What a script sees of a failure (the exit code) and what a person sees (the explanation).

#include <string>

#include "absl/status/status.h"

namespace norroy::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,  // the command line, a file or a name is at fault
  kExitUnreachable = 3,
  kExitNotAuthorised = 4,
  kExitNotFound = 5,
  kExitTimedOut = 6,  // the wait ended, the order goes on
  kExitRateLimited = 7,
};

ExitCode ExitCodeOf(const absl::Status& status);

// The end of a command whose exit code is its answer: there is nothing more to say. 0 is OK.
absl::Status ExitWith(int code);
bool IsAnswer(const absl::Status& status);

// One or more lines: the message, its reason, what the CA said, when to come back.
std::string Explain(const absl::Status& status);

}  // namespace norroy::cli

#endif  // NORROY_CLI_EXIT_CODE_H_
