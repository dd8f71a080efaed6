#ifndef NORROY_CLI_VERSION_H_
#define NORROY_CLI_VERSION_H_

// `norroy version`

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

inline constexpr char kVersion[] = "norroy 0.1.0";

// With `servers`, the issuer and the validator are asked for theirs.
absl::Status ShowVersion(Context& context, bool servers);

}  // namespace norroy::cli

#endif  // NORROY_CLI_VERSION_H_
