// norroy: the command. Beyond init, up and identity it can do nothing that another gRPC client
// with the same certificate could not.

#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/command_line.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "common/clock/clock.h"
#include "common/rpc/credentials.h"

namespace {

using norroy::cli::CommandLine;

int Report(const absl::Status& status) {
  if (!status.ok() && !norroy::cli::IsAnswer(status)) {
    std::fputs(absl::StrCat("norroy: ", norroy::cli::Explain(status), "\n").c_str(), stderr);
  }
  return norroy::cli::ExitCodeOf(status);
}

}  // namespace

int main(int argc, char** argv) {
  const absl::StatusOr<CommandLine> line =
      norroy::cli::ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc));
  if (!line.ok()) return Report(line.status());
  if (!line->text.empty()) {
    std::fputs(line->text.c_str(), stdout);
    return norroy::cli::kExitOk;
  }
  norroy::rpc::DisableTlsResumption();
  norroy::SystemClock clock;
  norroy::cli::Output output(line->format, stdout, stderr, isatty(STDERR_FILENO) == 1, line->quiet);
  norroy::cli::Context context(line->options, output, clock);
  const absl::Status status = line->run(context);
  output.EndProgress();
  return Report(status);
}
