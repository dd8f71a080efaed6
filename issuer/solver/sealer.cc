#include "issuer/solver/sealer.h"

namespace norroy::solver {

absl::StatusOr<types::v1::SealedProof> Sealer::Seal(const std::string& presentation_id,
                                                    int64_t generation,
                                                    const challenge::Proof& proof,
                                                    absl::Time not_before,
                                                    absl::Time not_after) const {
  const challenge::SealBody body{.deployment = deployment_,
                                 .kind = proof.key_authorization.is_rehearsal()
                                             ? challenge::SealKind::kRehearsal
                                             : challenge::SealKind::kChallenge,
                                 .presentation_id = presentation_id,
                                 .generation = generation,
                                 .proof = proof,
                                 .not_before = not_before,
                                 .not_after = not_after};
  return challenge::Seal(body, *signer_, certificate_);
}

}  // namespace norroy::solver
