#ifndef NORROY_CLI_REVOKE_H_
#define NORROY_CLI_REVOKE_H_

// `norroy cert revoke`: one certificate by its id, or all that a selection has.

#include <string>

#include "absl/status/status.h"
#include "cli/certificate_selection.h"
#include "cli/context.h"

namespace norroy::cli {

struct CertRevokeOptions {
  std::string id;  // a certificate's; then there is no selection
  std::string reason;
  SelectionOptions selection;
  // How many the selection must have; negative: it is only shown.
  int confirm = -1;
};

// A selection is shown first: what it has, what would be without a successor, and what else has the
// same keys. With the number of what was shown it is revoked, one after the other; one that the CA
// refuses does not keep the others, and the end is an error. BAD_USAGE; COUNT_DIFFERS: nothing was
// revoked.
absl::Status CertRevoke(Context& context, const CertRevokeOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_REVOKE_H_
