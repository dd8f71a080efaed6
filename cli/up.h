#ifndef NORROY_CLI_UP_H_
#define NORROY_CLI_UP_H_

// `norroy up`: validator, agent and issuer of one directory, in the foreground: a whole deployment
// on one machine. The first time, the agent is enrolled. Writes "ready" to stdout once all serve.

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

// Blocks until SIGTERM or SIGINT, or until a daemon ends (which is a failure that names it). Call
// it before the process has any other thread.
absl::Status Up(Context& context);

}  // namespace norroy::cli

#endif  // NORROY_CLI_UP_H_
