#ifndef NORROY_CLI_SYNC_ROUND_H_
#define NORROY_CLI_SYNC_ROUND_H_

// One run over all configured certificates: decide, place the orders of those that are due, wait
// for them, install, run hooks, look what is served. All orders are placed before the first is
// waited for, so that the issuer works on them at the same time; one certificate that fails holds
// up none of the others. Not thread-safe.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/context.h"
#include "cli/sync_settings.h"
#include "cli/sync_state.h"

namespace norroy::cli {

struct RoundOptions {
  std::set<std::string> force;                // names of certificates to renew in any case
  bool dry_run = false;                       // decide and ask the issuer; change nothing
  absl::Duration timeout = absl::Minutes(5);  // for each order
  // When sync.yaml was changed: what failed before may do better now.
  absl::Time config_time = absl::InfinitePast();
};

// What came of each is in `state`, saved after each step that must not be forgotten. The error
// tells of every certificate that is not as it should be; with one its code, with several of
// different codes UNKNOWN, reason SYNC_FAILED.
absl::Status RunRound(Context& context, const SyncSettings& settings, const RoundOptions& options,
                      SyncStateFile& state);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_ROUND_H_
