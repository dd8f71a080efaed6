#include "issuer/acme/revocation.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "issuer/acme/problem.h"

namespace norroy::acme {
namespace {

// RFC 5280 5.3.1: unspecified, keyCompromise, affiliationChanged, superseded,
// cessationOfOperation, privilegeWithdrawn.
constexpr std::array<int, 6> kReasons = {0, 1, 3, 4, 5, 9};

}  // namespace

absl::Status CheckRevocationReason(int reason) {
  if (std::find(kReasons.begin(), kReasons.end(), reason) != kReasons.end()) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kInvalidArgument, "BAD_REVOCATION_REASON",
      absl::StrCat("revocation reason ", reason,
                   " must be 0 (unspecified), 1 (keyCompromise), 3 (affiliationChanged), 4 "
                   "(superseded), 5 (cessationOfOperation) or 9 (privilegeWithdrawn)"));
}

std::string RevocationPayload(absl::string_view certificate_der, int reason) {
  // RFC 5280 5.3.1: "unspecified" should be absent rather than 0.
  const std::string suffix = reason == 0 ? "" : absl::StrCat(R"(,"reason":)", reason);
  return absl::StrCat(R"({"certificate":")", crypto::Base64Url(certificate_der), R"(")", suffix,
                      "}");
}

bool IsAlreadyRevoked(const absl::Status& status) {
  const std::optional<Problem> problem = ProblemOf(status);
  return problem.has_value() && problem->acme_type() == "alreadyRevoked";
}

}  // namespace norroy::acme
