#ifndef NORROY_CLI_FREE_PORTS_H_
#define NORROY_CLI_FREE_PORTS_H_

// Ports of 127.0.0.1 that nobody listens on now.

#include <vector>

#include "absl/status/statusor.h"

namespace norroy::cli {

// All different. Another program may take one before it is used; then its user says so.
absl::StatusOr<std::vector<int>> FindFreePorts(int count);

}  // namespace norroy::cli

#endif  // NORROY_CLI_FREE_PORTS_H_
