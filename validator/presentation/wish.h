#ifndef NORROY_VALIDATOR_PRESENTATION_WISH_H_
#define NORROY_VALIDATOR_PRESENTATION_WISH_H_

// What an issuer wishes to be served, read from its request and checked: a pure value.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "norroy/types/v1/proof.pb.h"
#include "norroy/validator/v1/presentation_service.pb.h"

namespace norroy::validator {

inline constexpr int kMaxProofs = 100;
inline constexpr size_t kMaxSealedProofBytes = 8 * 1024;

using NameAndType = std::pair<challenge::Name, challenge::ChallengeType>;

struct WishedProof {
  challenge::Proof proof;
  types::v1::SealedProof sealed;  // exactly as it came
};

struct Wish {
  std::string id;
  int64_t generation = 0;
  absl::Time not_after;                // the latest of the seals'
  std::vector<challenge::Name> names;  // each once, in the order of the request
  std::vector<WishedProof> proofs;     // at most one per name and type
  std::set<NameAndType> failed;
};

// [a-z0-9-]{1,64}.
absl::Status CheckPresentationId(absl::string_view id);
absl::Status CheckGeneration(int64_t generation);

// INVALID_ARGUMENT, reason BAD_PRESENTATION, naming the proof; FAILED_PRECONDITION, reason EXPIRED
// if a seal's end is past, NOT_YET_VALID if it is more than 24 h ahead: clocks disagree. The
// signatures are the agents' to verify.
absl::StatusOr<Wish> ParseWish(const validator::v1::PresentRequest& request,
                               absl::string_view deployment, absl::Time now);

// Names as they are planned and answered for.
absl::StatusOr<challenge::Name> NameOf(const validator::v1::PlannedName& planned);
validator::v1::PlannedName ToPlanned(const challenge::Name& name);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_WISH_H_
