#ifndef NORROY_VALIDATOR_EDGE_AUTHORITY_H_
#define NORROY_VALIDATOR_EDGE_AUTHORITY_H_

// This validator's intermediate below the edge root, from its file, and from the file that replaces
// it: an edge root or an intermediate that follows another is picked up without restart.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/identity/file_stamp.h"
#include "common/identity/issuing.h"
#include "common/sync/mutex.h"

namespace norroy::validator {

// Of this deployment's edge, signed by a root of `edge_root_file`, not expired. Errors name the
// file.
absl::StatusOr<identity::Authority> ReadEdgeAuthority(const std::string& path,
                                                      const std::string& edge_root_file,
                                                      const std::string& deployment,
                                                      absl::Time now);

// Thread-safe.
class EdgeAuthority {
 public:
  // `clock` outlives this.
  static absl::StatusOr<std::unique_ptr<EdgeAuthority>> Open(const std::string& path,
                                                             const std::string& edge_root_file,
                                                             const std::string& deployment,
                                                             Clock& clock);

  // Looks at the file at most once a second. One that is not usable is logged, and the authority
  // before it goes on.
  std::shared_ptr<const identity::Authority> Get();

 private:
  EdgeAuthority(std::string path, std::string edge_root_file, std::string deployment, Clock& clock);
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  const std::string edge_root_file_;
  const std::string deployment_;
  Clock& clock_;
  Mutex mutex_;
  identity::FileStamp stamp_ ABSL_GUARDED_BY(mutex_);
  absl::Duration looked_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const identity::Authority> now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_EDGE_AUTHORITY_H_
