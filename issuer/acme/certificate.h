#ifndef NORROY_ISSUER_ACME_CERTIFICATE_H_
#define NORROY_ISSUER_ACME_CERTIFICATE_H_

// Downloading what was issued (RFC 8555 7.4.2).

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "issuer/acme/exchange.h"

namespace norroy::acme {

inline constexpr size_t kMaxAlternateChains = 8;

// The default chain, then the alternates in the CA's order. An alternate that cannot be had is
// left out: it must not keep an issued certificate from being stored.
absl::StatusOr<std::vector<std::string>> DownloadChains(Exchange& exchange, const std::string& url,
                                                        absl::Duration deadline);

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_CERTIFICATE_H_
