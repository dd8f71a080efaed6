#include "validator/presentation/wish.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/challenge/seal.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::validator {
namespace {

constexpr size_t kMaxId = 64;
constexpr int kMaxFailedTypes = 3 * kMaxProofs;
// The issuer's clock may be ahead of ours.
constexpr absl::Duration kClockSkew = absl::Minutes(5);

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PRESENTATION", message);
}

absl::Status CheckTimes(const challenge::SealBody& body, absl::Time now) {
  if (body.not_after <= now) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "EXPIRED",
                     absl::StrCat("the seal for ", body.proof.name.text(), " ended at ",
                                  absl::FormatTime(body.not_after, absl::UTCTimeZone()),
                                  ": seal it anew under a higher generation"));
  }
  if (body.not_after > now + challenge::kMaxSealLifetime + kClockSkew) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_YET_VALID",
                     absl::StrCat("the seal for ", body.proof.name.text(),
                                  " ends more than 24 h ahead: compare the clocks of issuer and "
                                  "validator"));
  }
  return absl::OkStatus();
}

// What the seal says must be what the request says around it.
absl::StatusOr<challenge::SealBody> ReadSealed(const types::v1::SealedProof& sealed,
                                               const validator::v1::PresentRequest& request,
                                               absl::string_view deployment) {
  if (sealed.ByteSizeLong() > kMaxSealedProofBytes) {
    return Bad(absl::StrCat("longer than ", kMaxSealedProofBytes, " bytes"));
  }
  NORROY_ASSIGN_OR_RETURN(challenge::SealBody body, challenge::ReadUnverified(sealed));
  if (body.presentation_id != request.presentation_id() ||
      body.generation != request.generation()) {
    return Bad(absl::StrCat("sealed for presentation ", body.presentation_id, " generation ",
                            body.generation, ", not for that of the request"));
  }
  if (body.deployment != deployment) {
    return Bad(absl::StrCat("sealed for deployment ", body.deployment, ", this is ", deployment));
  }
  return body;
}

absl::Status AddProof(const types::v1::SealedProof& sealed,
                      const validator::v1::PresentRequest& request, absl::string_view deployment,
                      absl::Time now, Wish& wish) {
  NORROY_ASSIGN_OR_RETURN(challenge::SealBody body, ReadSealed(sealed, request, deployment));
  NORROY_RETURN_IF_ERROR(CheckTimes(body, now));
  const challenge::Proof& proof = body.proof;
  for (const WishedProof& other : wish.proofs) {
    if (other.proof.name == proof.name && other.proof.type == proof.type) {
      return Bad(absl::StrCat("a second ", challenge::ChallengeTypeName(proof.type), " proof for ",
                              proof.name.text()));
    }
  }
  if (std::find(wish.names.begin(), wish.names.end(), proof.name) == wish.names.end()) {
    wish.names.push_back(proof.name);
  }
  wish.not_after = std::max(wish.not_after, body.not_after);
  wish.proofs.push_back({std::move(body.proof), sealed});
  return absl::OkStatus();
}

absl::Status AddFailed(const validator::v1::FailedType& failed, Wish& wish) {
  NORROY_ASSIGN_OR_RETURN(challenge::Name name, NameOf(failed.name()));
  NORROY_ASSIGN_OR_RETURN(const challenge::ChallengeType type, challenge::FromProto(failed.type()));
  wish.failed.emplace(std::move(name), type);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPresentationId(absl::string_view id) {
  const bool good =
      !id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), [](char c) {
        return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
      });
  if (good) return absl::OkStatus();
  return Bad(absl::StrCat("presentation_id \"", Printable(id, kMaxId),
                          "\": 1 to 64 characters of [a-z0-9-] are needed"));
}

absl::Status CheckGeneration(int64_t generation) {
  if (generation >= 1) return absl::OkStatus();
  return Bad(absl::StrCat("generation ", generation, ": generations begin with 1"));
}

absl::StatusOr<Wish> ParseWish(const validator::v1::PresentRequest& request,
                               absl::string_view deployment, absl::Time now) {
  NORROY_RETURN_IF_ERROR(CheckPresentationId(request.presentation_id()));
  NORROY_RETURN_IF_ERROR(CheckGeneration(request.generation()));
  if (request.proofs().empty() || request.proofs_size() > kMaxProofs) {
    return Bad(absl::StrCat(request.proofs_size(), " proofs: 1 to ", kMaxProofs, " are needed"));
  }
  if (request.failed_types_size() > kMaxFailedTypes) {
    return Bad(absl::StrCat("more than ", kMaxFailedTypes, " failed_types"));
  }
  Wish wish;
  wish.id = request.presentation_id();
  wish.generation = request.generation();
  wish.not_after = absl::InfinitePast();
  for (int i = 0; i < request.proofs_size(); ++i) {
    NORROY_RETURN_IF_ERROR(WithContext(AddProof(request.proofs(i), request, deployment, now, wish),
                                       absl::StrCat("proofs[", i, "]")));
  }
  for (int i = 0; i < request.failed_types_size(); ++i) {
    NORROY_RETURN_IF_ERROR(WithContext(AddFailed(request.failed_types(i), wish),
                                       absl::StrCat("failed_types[", i, "]")));
  }
  return wish;
}

absl::StatusOr<challenge::Name> NameOf(const validator::v1::PlannedName& planned) {
  NORROY_ASSIGN_OR_RETURN(challenge::Identifier identifier,
                          challenge::FromProto(planned.identifier()));
  return challenge::Name::Of(std::move(identifier), planned.wildcard());
}

validator::v1::PlannedName ToPlanned(const challenge::Name& name) {
  validator::v1::PlannedName planned;
  *planned.mutable_identifier() = challenge::ToProto(name.identifier());
  planned.set_wildcard(name.wildcard());
  return planned;
}

}  // namespace norroy::validator
