#ifndef NORROY_CLI_SYNC_STATE_H_
#define NORROY_CLI_SYNC_STATE_H_

// state.json in the state folder: what the last runs did, for `norroy sync status`, for hooks that
// have to be run again, and for not trying too often what fails. Not thread-safe.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/sync_state.pb.h"

namespace norroy::cli {

class SyncStateFile {
 public:
  // A file that is not there or not readable is an empty one: nothing depends on it.
  explicit SyncStateFile(const std::string& state_dir);

  const SyncState& all() const { return state_; }
  // The entry of this name, made if there is none.
  SyncCertificateState& Of(const std::string& name);
  // Drops the others.
  void Keep(const std::vector<std::string>& names);
  absl::Status Save() const;

 private:
  const std::string path_;
  SyncState state_;
};

// After so many failures in a row: from a minute to six hours.
absl::Duration RetryPause(int failures);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_STATE_H_
