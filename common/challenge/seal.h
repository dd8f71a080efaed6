#ifndef NORROY_COMMON_CHALLENGE_SEAL_H_
#define NORROY_COMMON_CHALLENGE_SEAL_H_

// The issuer's seal on a Proof: ES256 over "norroy seal v1\0" and the body's bytes. A validator
// carries sealed proofs and cannot make or change one; an agent verifies the bytes, parses exactly
// these bytes, and serves nothing else.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/proof.h"
#include "common/crypto/certificate.h"
#include "common/crypto/signer.h"
#include "norroy/types/v1/proof.pb.h"

namespace norroy::challenge {

// A rehearsal's key authorization is token ".rehearsal", a challenge's never.
enum class SealKind { kChallenge, kRehearsal };

inline constexpr absl::Duration kMaxSealLifetime = absl::Hours(24);
inline constexpr size_t kMaxSealBody = 2048;

// What a seal says.
struct SealBody {
  std::string deployment;
  SealKind kind = SealKind::kChallenge;
  std::string presentation_id;  // [a-z0-9-]{1,64}
  int64_t generation = 1;       // >= 1
  Proof proof;
  absl::Time not_before;
  absl::Time not_after;
};

// Seals with the issuer's seal key. `certificate` is the seal certificate of that key. A body that
// no reader would take is INVALID_ARGUMENT, reason BAD_SEAL (or what its proof or deployment
// lacks).
absl::StatusOr<types::v1::SealedProof> Seal(const SealBody& body, crypto::Signer& signer,
                                            const crypto::Certificate& certificate);

// Reads a body without believing it: for routing at a validator. Caps and field forms are checked,
// the signature is not. INVALID_ARGUMENT as above. A body with a field that is not known here is
// refused, because it could be one to heed.
absl::StatusOr<SealBody> ReadUnverified(const types::v1::SealedProof& sealed);

// Verifies against the core roots and one deployment. The certificate must be signed by a root,
// carry exactly one URI, of role seal in that deployment, and be valid at `now`; the signature must
// cover the bytes; the body must be of the deployment, of at most 24 h, and within its times at
// `now` (5 min of clock skew allowed at the beginning, none at the end). PERMISSION_DENIED, reason
// REJECTED_SEAL; past its end: EXPIRED; before its beginning: NOT_YET_VALID. The
// roots may be others later: one follows another. Copies share them. Thread-safe.
class SealVerifier {
 public:
  SealVerifier(std::string deployment, crypto::Certificate core_root);
  SealVerifier(std::string deployment, std::vector<crypto::Certificate> core_roots);
  absl::StatusOr<SealBody> Verify(const types::v1::SealedProof& sealed, absl::Time now) const;

  // From now on seals count under these.
  void SetRoots(std::vector<crypto::Certificate> core_roots);
  // Called with the root of each seal whose signature held, on the verifying thread, without locks
  // held. Before the first Verify.
  void OnRoot(std::function<void(const crypto::Certificate& root)> on_root);

 private:
  struct Roots;
  struct SealKey;
  absl::StatusOr<std::shared_ptr<const SealKey>> ReadCertificate(const std::string& der) const;
  absl::Status VerifySignature(const types::v1::SealedProof& sealed, absl::Time now) const;
  absl::StatusOr<crypto::Certificate> VerifyCertificate(const crypto::Certificate& certificate,
                                                        absl::Time now) const;

  std::string deployment_;
  std::shared_ptr<Roots> roots_;
  std::function<void(const crypto::Certificate& root)> on_root_;
};

}  // namespace norroy::challenge

#endif  // NORROY_COMMON_CHALLENGE_SEAL_H_
