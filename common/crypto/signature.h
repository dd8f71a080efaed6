#ifndef NORROY_COMMON_CRYPTO_SIGNATURE_H_
#define NORROY_COMMON_CRYPTO_SIGNATURE_H_

// The signatures of JSON Web Algorithms (RFC 7518 3.1) on OpenSSL's keys: ES256 for P-256, ES384
// for P-384, RS256 for RSA. It does not matter whether the key is in memory or in a token. For this
// folder.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct evp_pkey_st;

namespace norroy::crypto {

// ECDSA: r and s in full length, one after the other (RFC 7518 3.4). RSA: PKCS #1 v1.5 with SHA-256
// (RFC 7518 3.3). The error tells what OpenSSL, or the token behind it, said.
absl::StatusOr<std::string> SignWith(evp_pkey_st* key, absl::string_view data);
// False for a signature of another length or form, too.
bool VerifyWith(evp_pkey_st* key, absl::string_view data, absl::string_view signature);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_SIGNATURE_H_
