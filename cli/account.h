#ifndef NORROY_CLI_ACCOUNT_H_
#define NORROY_CLI_ACCOUNT_H_

// `norroy account ...`: the issuer's accounts at its CAs.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

absl::Status AccountCreate(Context& context, const std::string& ca, bool agree_tos);
// Tells the CA the contacts of the issuer's configuration.
absl::Status AccountUpdate(Context& context, const std::string& ca);
absl::Status AccountChangeKey(Context& context, const std::string& ca);
absl::Status AccountList(Context& context);
absl::Status AccountShow(Context& context, const std::string& ca);

}  // namespace norroy::cli

#endif  // NORROY_CLI_ACCOUNT_H_
