#include "issuer/solver/sealer.h"

#include <utility>

namespace norroy::solver {

void Sealer::Replace(std::unique_ptr<crypto::Signer> signer, crypto::Certificate certificate) {
  auto pair = std::make_shared<const Pair>(Pair{std::move(signer), std::move(certificate)});
  MutexLock lock(&mutex_);
  pair_ = std::move(pair);
}

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
  std::shared_ptr<const Pair> pair;
  {
    MutexLock lock(&mutex_);
    pair = pair_;
  }
  return challenge::Seal(body, *pair->signer, pair->certificate);
}

}  // namespace norroy::solver
