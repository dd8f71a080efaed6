#ifndef NORROY_COMMON_IDENTITY_REVOCATIONS_H_
#define NORROY_COMMON_IDENTITY_REVOCATIONS_H_

// Identities that count no more although their dates say so: the revocation list that lies beside a
// root file (roots.h), made by `norroy identity revoke`. A list replaced on disk counts within two
// seconds, without restart.

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock/clock.h"
#include "common/crypto/revocation_list.h"
#include "common/identity/file_stamp.h"
#include "common/sync/mutex.h"

namespace norroy::identity {

// Thread-safe.
class Revocations {
 public:
  // No file: nobody is revoked. One that is not a list signed by a root of `root_file`:
  // FAILED_PRECONDITION, reason BAD_REVOCATION_LIST. `clock` outlives this.
  static absl::StatusOr<std::unique_ptr<Revocations>> Open(const std::string& root_file,
                                                           Clock& clock);

  // UNAUTHENTICATED, reason CERTIFICATE_REVOKED, if the certificate with that serial is on the
  // list. Looks at the file at most once a second. A file that went away, does not read, is signed
  // by somebody else or is older than the one before is logged, and the list before it goes on to
  // count: whoever breaks the file brings nobody back.
  absl::Status Check(absl::string_view serial, absl::string_view who);

 private:
  Revocations(const std::string& root_file, Clock& clock);
  absl::Status Load(const FileStamp& stamp) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LookAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string root_file_;
  const std::string path_;
  Clock& clock_;
  Mutex mutex_;
  FileStamp stamp_ ABSL_GUARDED_BY(mutex_);
  absl::Duration looked_ ABSL_GUARDED_BY(mutex_);
  std::optional<crypto::RevocationList> list_ ABSL_GUARDED_BY(mutex_);
};

// Such a list, if it is signed by one of the roots of `root_file`; nothing if there is no file.
absl::StatusOr<std::optional<crypto::RevocationList>> ReadRevocationList(
    const std::string& path, const std::string& root_file);

}  // namespace norroy::identity

#endif  // NORROY_COMMON_IDENTITY_REVOCATIONS_H_
