#ifndef NORROY_ISSUER_SOLVER_SEALER_H_
#define NORROY_ISSUER_SOLVER_SEALER_H_

// Seals proofs with the issuer's seal key.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/challenge/seal.h"
#include "common/crypto/certificate.h"
#include "common/crypto/signer.h"
#include "common/sync/mutex.h"

namespace norroy::solver {

// Thread-safe.
class Sealer {
 public:
  Sealer(std::string deployment, std::unique_ptr<crypto::Signer> signer,
         crypto::Certificate certificate)
      : deployment_(std::move(deployment)) {
    Replace(std::move(signer), std::move(certificate));
  }

  // From now on seals are made by this key.
  void Replace(std::unique_ptr<crypto::Signer> signer, crypto::Certificate certificate);

  // A challenge's proof under an order's presentation; a rehearsal's if its key authorization says
  // so.
  absl::StatusOr<types::v1::SealedProof> Seal(const std::string& presentation_id,
                                              int64_t generation, const challenge::Proof& proof,
                                              absl::Time not_before, absl::Time not_after) const;

 private:
  struct Pair {
    std::unique_ptr<crypto::Signer> signer;
    crypto::Certificate certificate;
  };

  const std::string deployment_;
  mutable Mutex mutex_;
  std::shared_ptr<const Pair> pair_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_SEALER_H_
