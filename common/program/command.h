#ifndef NORROY_COMMON_PROGRAM_COMMAND_H_
#define NORROY_COMMON_PROGRAM_COMMAND_H_

// A command that a configuration of this host names: a program, its first arguments and its
// environment. Whoever may write the configuration may run anything with our rights, so the
// programs and files that it names must be as safe as the configuration itself (program.h).

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/program/child.h"

namespace norroy::program {

inline constexpr size_t kMaxArguments = 32;
inline constexpr size_t kMaxVariables = 32;
inline constexpr size_t kMaxString = 4096;
// Besides its own variables this is all that a program gets.
inline constexpr char kPath[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

struct Command {
  std::vector<std::string> argv;         // the program's absolute path, then its first arguments
  std::vector<std::string> environment;  // "NAME=value"
};

// INVALID_ARGUMENT, reason BAD_CONFIG; what CheckFiles says. Runs nothing.
absl::Status CheckCommand(const Command& command);

// The program and what files its arguments name; to be asked again before each run.
// FAILED_PRECONDITION, reason UNSAFE_PROGRAM.
absl::Status CheckFiles(const Command& command);

// How a run ended that had `timeout`, for a message: "exited with 3: <the last line of its
// output>". A value of the environment of 8 bytes or more in that line is "[NAME]".
std::string EndText(const Command& command, const ChildEnd& end, absl::Duration timeout);

}  // namespace norroy::program

#endif  // NORROY_COMMON_PROGRAM_COMMAND_H_
