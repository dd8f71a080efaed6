#ifndef NORROY_CLI_CI_AUTHORITY_H_
#define NORROY_CLI_CI_AUTHORITY_H_

// `norroy identity ci-authority`: the CI intermediate, as the issuer's sign-in door needs it. Works
// on local files; no server is asked.

#include <string>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

// Writes key and certificate to `out` (mode 0600, atomically; empty: issuer/ci-ca.pem in the
// directory); makes the intermediate if there is none yet.
absl::Status IdentityCiAuthority(Context& context, const std::string& out);

}  // namespace norroy::cli

#endif  // NORROY_CLI_CI_AUTHORITY_H_
