#ifndef NORROY_CLI_IDENTITY_ROTATION_H_
#define NORROY_CLI_IDENTITY_ROTATION_H_

// `norroy identity rotate ...` and `norroy identity revoke`: works on local files; no server is
// asked. Servers and agents take up what is copied to them without a restart.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct RotateOptions {
  std::string what;   // "core", "edge", "ci", "seal"
  std::string stage;  // "prepare", "activate", "retire", "status"; none for "ci" and "seal"
  bool force = false;
};

absl::Status IdentityRotate(Context& context, const RotateOptions& options);

struct IdentityRevokeOptions {
  std::vector<std::string> identities;  // files or serials
};

absl::Status IdentityRevoke(Context& context, const IdentityRevokeOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_IDENTITY_ROTATION_H_
