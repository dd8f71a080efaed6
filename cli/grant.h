#ifndef NORROY_CLI_GRANT_H_
#define NORROY_CLI_GRANT_H_

// `norroy grant ...`: one issuance grant at a time. Each is a new version of the policy; if
// somebody applies another in between, it is tried again on that one.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct GrantAddOptions {
  std::string principal;
  std::vector<std::string> names;
  std::vector<std::string> key_types;
  std::vector<std::string> cas;
  std::vector<std::string> profiles;
  int orders_per_day = 0;
  int orders_per_domain_per_day = 0;
  std::string reuse = "allowed";  // or never
  std::string comment;
};

struct GrantRemoveOptions {
  std::string principal;
  std::vector<std::string> names;  // empty: all of the principal's grants
  std::string comment;
};

absl::Status GrantAdd(Context& context, const GrantAddOptions& options);
absl::Status GrantList(Context& context);
absl::Status GrantRemove(Context& context, const GrantRemoveOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_GRANT_H_
