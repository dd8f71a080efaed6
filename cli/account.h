#ifndef NORROY_CLI_ACCOUNT_H_
#define NORROY_CLI_ACCOUNT_H_

// `norroy account ...`: the issuer's accounts at its CAs.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

absl::Status AccountCreate(Context& context, const std::string& ca, bool agree_tos);
absl::Status AccountList(Context& context);
absl::Status AccountShow(Context& context, const std::string& ca);

}  // namespace norroy::cli

#endif  // NORROY_CLI_ACCOUNT_H_
