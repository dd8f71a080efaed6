#ifndef NORROY_COMMON_CRYPTO_JWK_H_
#define NORROY_COMMON_CRYPTO_JWK_H_

// Public keys as JSON Web Keys write them (RFC 7517, RFC 7518 6): the members that make the key, in
// base64url. Whoever reads the JSON picks them out.

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/key.h"

namespace norroy::crypto {

// RFC 7518 6.3.1. Sizes are looked at before anything else; then the rules of PublicKey::Parse
// hold. INVALID_ARGUMENT, reason BAD_KEY.
absl::StatusOr<PublicKey> RsaKeyOfJwk(absl::string_view n, absl::string_view e);

// RFC 7518 6.2.1, the curve P-256: x and y are 32 bytes each.
absl::StatusOr<PublicKey> P256KeyOfJwk(absl::string_view x, absl::string_view y);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_JWK_H_
