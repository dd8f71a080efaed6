#ifndef NORROY_COMMON_IDENTITY_ROOTS_H_
#define NORROY_COMMON_IDENTITY_ROOTS_H_

// Whom a process believes: the root certificates of one file. One, or two while a new root follows
// an old one. Beside the file lie, by their names, what else the operator says about its
// identities:
//
//   core-root.pem             the roots; the one that signs now comes first
//   core-root.pem.crl         identities that count no more (revocations.h)
//   core-root.pem.successors  how the newer root follows from the older: a certificate for the
//                             newer one's name and key, signed by the older, then the newer root
//                             itself. Validators hand it to agents, which hold only a root.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/identity/file_stamp.h"
#include "common/identity/identity.h"
#include "common/sync/mutex.h"

namespace norroy::identity {

inline constexpr size_t kMaxRoots = 4;
inline constexpr size_t kMaxSuccessors = 4;
inline constexpr size_t kMaxRootFile = 64 * 1024;
// How often files that other processes replace are looked at.
inline constexpr absl::Duration kLookEvery = absl::Seconds(1);

std::string RevocationFileOf(const std::string& root_file);
std::string SuccessorsFileOf(const std::string& root_file);

// 1 to 4 different authorities that sign themselves, all of one trust domain. INVALID_ARGUMENT,
// reason BAD_ROOTS.
absl::StatusOr<std::vector<crypto::Certificate>> ParseRoots(absl::string_view pem);
// The same; errors name the file.
absl::StatusOr<std::vector<crypto::Certificate>> ReadRoots(const std::string& path);
std::string RootsToPem(const std::vector<crypto::Certificate>& roots);

// What is told about successors, judged by who believes `roots`. A certificate counts if it is an
// authority's of the same trust domain, within its dates, and signed by one of `roots` or by one
// that counts and came before it. Those that count and sign themselves are roots, too.
struct Successors {
  // `roots` and those that follow from them, the newest first.
  std::vector<crypto::Certificate> roots;
  // Roots that were told and do not follow.
  std::vector<crypto::Certificate> unproven;
  // The list begins with a root that is believed, not with how one follows from another: the
  // operator has retired all that are not in it.
  bool retires_others = false;
};
// INVALID_ARGUMENT, reason BAD_ROOTS, for lists of no form.
absl::StatusOr<Successors> JudgeSuccessors(const std::vector<crypto::Certificate>& roots,
                                           const std::vector<std::string>& told_der,
                                           absl::Time now);

// The file of successors, as a validator hands it out: DER, empty if there is no such file. Looked
// at again once a second; what does not read is logged, and what was read before stays.
// Thread-safe.
class SuccessorsFile {
 public:
  SuccessorsFile(const std::string& root_file, Clock& clock);
  std::shared_ptr<const std::vector<std::string>> Get();

 private:
  const std::string path_;
  Clock& clock_;
  Mutex mutex_;
  FileStamp stamp_ ABSL_GUARDED_BY(mutex_);
  absl::Duration looked_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  std::shared_ptr<const std::vector<std::string>> now_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<std::vector<std::string>>();
};

}  // namespace norroy::identity

#endif  // NORROY_COMMON_IDENTITY_ROOTS_H_
