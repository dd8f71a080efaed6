#ifndef NORROY_CLI_WARM_H_
#define NORROY_CLI_WARM_H_

// `norroy warm ...`

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct WarmOptions {
  std::vector<std::string> names;
  std::string ca;
  std::string profile;
};

absl::Status WarmAdd(Context& context, const WarmOptions& options);
absl::Status WarmList(Context& context);
absl::Status WarmRemove(Context& context, const WarmOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_WARM_H_
