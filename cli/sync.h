#ifndef NORROY_CLI_SYNC_H_
#define NORROY_CLI_SYNC_H_

// `norroy sync`: keeps the certificates of a host that needs them as sync.yaml wants them. The key
// is made on the host and stays there.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

inline constexpr char kSyncConfig[] = "/etc/norroy/sync.yaml";

struct SyncOptions {
  std::string config = kSyncConfig;
  bool once = false;               // what it does anyway
  bool watch = false;              // go on, run after run
  std::vector<std::string> force;  // names of certificates, or one of their domains
  bool dry_run = false;
  std::string timeout = "5m";
};

absl::Status Sync(Context& context, const SyncOptions& options);
// What the last run left: `norroy sync status`. Fails if something is not as it should be.
absl::Status SyncStatus(Context& context, const SyncOptions& options);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_H_
