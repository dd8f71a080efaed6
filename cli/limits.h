#ifndef NORROY_CLI_LIMITS_H_
#define NORROY_CLI_LIMITS_H_

// `norroy limits ...`

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct LimitsOptions {
  std::vector<std::string> names;
  std::string file;  // with more names, one a line
  std::string ca;
  int count = 0;
  int per_certificate = 1;
};

absl::Status LimitsShow(Context& context, const LimitsOptions& options);
absl::Status LimitsPlan(Context& context, const LimitsOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_LIMITS_H_
