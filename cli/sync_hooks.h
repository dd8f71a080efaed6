#ifndef NORROY_CLI_SYNC_HOOKS_H_
#define NORROY_CLI_SYNC_HOOKS_H_

// The programs that are run when another certificate is in place: by the names of certbot's deploy
// hooks and lego's renew hooks, so that people's scripts go on working, and by our own.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/sync_lineage.h"
#include "cli/sync_settings.h"

namespace norroy::cli {

// What every hook of this certificate is told: "NAME=value". `failed` are the domains of the
// certificates that could not be renewed in this run.
std::vector<std::string> HookEnvironment(const WantedCertificate& wanted, const Lineage& lineage,
                                         const crypto::Certificate& leaf,
                                         const std::vector<std::string>& failed);

// All of them, one after the other, also after one that failed. The error, reason HOOK_FAILED, has
// a line for each that did.
absl::Status RunHooks(const WantedCertificate& wanted, const std::vector<std::string>& environment);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_HOOKS_H_
