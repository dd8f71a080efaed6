#ifndef NORROY_COMMON_IDENTITY_VERIFYING_H_
#define NORROY_COMMON_IDENTITY_VERIFYING_H_

// Believing somebody's certificate: the roots, the path to one of them, the dates, and the one URI.

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"
#include "common/identity/identity.h"

namespace norroy::identity {

// Verifies `chain` (own certificate first) up to one of `roots` by OpenSSL's path validation
// (signatures, dates, CA flags, path length, name constraints), and reads the identity of the leaf,
// which must be of `deployment`. All roots must be of one trust domain, as a root file's are
// (roots.h). PERMISSION_DENIED, reason UNTRUSTED_IDENTITY.
absl::StatusOr<Identity> VerifyIdentity(const std::vector<crypto::Certificate>& chain,
                                        const std::vector<crypto::Certificate>& roots,
                                        absl::string_view deployment, absl::Time now);
absl::StatusOr<Identity> VerifyIdentity(const std::vector<crypto::Certificate>& chain,
                                        const crypto::Certificate& root,
                                        absl::string_view deployment, absl::Time now);

}  // namespace norroy::identity

#endif  // NORROY_COMMON_IDENTITY_VERIFYING_H_
