#ifndef NORROY_ISSUER_ACME_REVOCATION_H_
#define NORROY_ISSUER_ACME_REVOCATION_H_

// Revoking a certificate (RFC 8555 7.6).

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace norroy::acme {

// INVALID_ARGUMENT, reason BAD_REVOCATION_REASON, for a number that is no CRLReason which a
// subscriber may give (RFC 5280 5.3.1).
absl::Status CheckRevocationReason(int reason);

// The payload of the request.
std::string RevocationPayload(absl::string_view certificate_der, int reason);

// A CA that says so has done what was asked.
bool IsAlreadyRevoked(const absl::Status& status);

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_REVOCATION_H_
