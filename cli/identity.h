#ifndef NORROY_CLI_IDENTITY_H_
#define NORROY_CLI_IDENTITY_H_

// `norroy identity ...`: works on local files; no server is asked.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct IdentityIssueOptions {
  std::string role;
  std::string name;
  std::string out;  // empty: ROLE-NAME.pem here
  int days = 0;     // 0: a year
  std::vector<std::string> hosts;
  // Of a seal whose key lies elsewhere, in a token: its public key, PEM. The file is the
  // certificate alone.
  std::string public_key_file;
};

struct IdentityRenewOptions {
  std::vector<std::string> files;  // empty: those made here that end soon
  int days = 0;
};

absl::Status IdentityIssue(Context& context, const IdentityIssueOptions& options);
absl::Status IdentityRenew(Context& context, const IdentityRenewOptions& options);
absl::Status IdentityList(Context& context);

}  // namespace norroy::cli

#endif  // NORROY_CLI_IDENTITY_H_
