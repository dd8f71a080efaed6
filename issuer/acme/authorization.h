#ifndef NORROY_ISSUER_ACME_AUTHORIZATION_H_
#define NORROY_ISSUER_ACME_AUTHORIZATION_H_

// The CA's authorization and challenge objects (RFC 8555 7.1.4, 7.1.5, 8).

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "issuer/acme/directory.h"
#include "issuer/acme/problem.h"

namespace norroy::acme {

// RFC 8555 7.1.6.
enum class AuthorizationStatus { kPending, kValid, kInvalid, kDeactivated, kExpired, kRevoked };
enum class ChallengeStatus { kPending, kProcessing, kValid, kInvalid };

struct Challenge {
  challenge::ChallengeType type;
  std::string url;
  ChallengeStatus status = ChallengeStatus::kPending;
  challenge::Token token;
  std::optional<Problem> error;
};

struct Authorization {
  std::string url;
  challenge::Name name;
  AuthorizationStatus status = AuthorizationStatus::kPending;
  std::optional<absl::Time> expires;
  // Challenges of types we know; others are left out, as are those without a usable token.
  std::vector<Challenge> challenges;
  std::optional<absl::Time> retry_after;

  // The problem of the challenge that failed, if one did.
  const Problem* problem() const;

  static absl::StatusOr<Authorization> Parse(absl::string_view json, absl::string_view url,
                                             const UrlPolicy& urls);
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_AUTHORIZATION_H_
