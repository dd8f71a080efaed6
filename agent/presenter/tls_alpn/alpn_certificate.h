#ifndef NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_CERTIFICATE_H_
#define NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_CERTIFICATE_H_

// The certificate that answers a TLS-ALPN-01 challenge (RFC 8737 3): signed by its own key, one
// subjectAltName, and the critical extension acmeIdentifier with the digest of the key
// authorization.

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/challenge/proof.h"
#include "common/crypto/openssl.h"

namespace norroy::agent {

// Against clocks that are behind ours.
inline constexpr absl::Duration kAlpnCertificateBackdate = absl::Hours(1);
// As long as a CA may keep an authorization pending. Validators do not look at it; other programs
// on the way may.
inline constexpr absl::Duration kAlpnCertificateLifetime = absl::Hours(7 * 24);

struct AlpnCertificate {
  crypto::X509Ptr certificate;
  crypto::EvpPkeyPtr key;
};

// With a P-256 key made for this proof alone (a tenth of a millisecond): so no two names can be
// told to be of one host by their key, and a key's life ends with its proof's.
absl::StatusOr<AlpnCertificate> MakeAlpnCertificate(const challenge::Proof& proof, absl::Time now);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_CERTIFICATE_H_
