#ifndef NORROY_CLI_COMMAND_LINE_H_
#define NORROY_CLI_COMMAND_LINE_H_

// The tree of commands and their options: what was typed becomes one function to call. Runs
// nothing itself.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/context.h"
#include "cli/output.h"

namespace norroy::cli {

struct CommandLine {
  Options options;
  Format format = Format::kTable;
  bool quiet = false;
  std::function<absl::Status(Context&)> run;
  // Asked for by --help or --version: print it and be done; `run` is empty.
  std::string text;
};

// `arguments` without the program's own name. INVALID_ARGUMENT, reason BAD_USAGE.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

}  // namespace norroy::cli

#endif  // NORROY_CLI_COMMAND_LINE_H_
