#ifndef NORROY_CLI_SYNC_DEPLOY_H_
#define NORROY_CLI_SYNC_DEPLOY_H_

// From files to service: the hooks that make servers load a certificate, and the look whether they
// serve it. What is in service is compared with what is installed each time, so that a hook that
// failed, or a run that was ended before it, is made up for by a later run.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/sync_lineage.h"
#include "cli/sync_settings.h"
#include "cli/sync_state.pb.h"
#include "common/clock/clock.h"

namespace norroy::cli {

struct Deployment {
  const WantedCertificate& wanted;
  const Lineage& lineage;
  const crypto::Certificate& leaf;  // as installed
  std::vector<std::string> failed;  // domains that could not be renewed in this run
  // Installed in this run, or something changed since: what failed before is tried at once.
  bool at_once = false;
};

// Notes in `entry` what succeeded. FAILED_PRECONDITION, reason NOT_SERVED; reason HOOK_FAILED.
// What failed in an earlier run is else not tried again before entry.next_attempt_time.
absl::Status Deploy(const Deployment& deployment, Clock& clock, SyncCertificateState& entry);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_DEPLOY_H_
