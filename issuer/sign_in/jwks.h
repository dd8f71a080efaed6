#ifndef NORROY_ISSUER_SIGN_IN_JWKS_H_
#define NORROY_ISSUER_SIGN_IN_JWKS_H_

// An OIDC issuer's public keys (JWK Set, RFC 7517 5). Kept are those by which RS256 or ES256
// signatures can be verified; keys of other kinds, for other uses, with private members, or that no
// CA would take, are left out.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/key.h"

namespace norroy::sign_in {

inline constexpr size_t kMaxKeySet = 256 * 1024;
inline constexpr size_t kMaxKeys = 64;

// Value, immutable, thread-safe.
class KeySet {
 public:
  struct Key {
    std::string kid;  // may be empty
    crypto::PublicKey key;
  };

  KeySet() = default;
  explicit KeySet(std::vector<Key> keys) : keys_(std::move(keys)) {}
  // INVALID_ARGUMENT, reason BAD_JWKS: not a key set, more than 64 keys, or none that is kept.
  static absl::StatusOr<KeySet> Parse(absl::string_view json);

  // The keys of this id. Without one (RFC 7515 4.1.4: it is optional) the only key there is.
  std::vector<const Key*> Find(absl::string_view kid) const;
  const std::vector<Key>& keys() const { return keys_; }

 private:
  std::vector<Key> keys_;
};

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_JWKS_H_
