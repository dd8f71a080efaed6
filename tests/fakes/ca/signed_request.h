#ifndef NORROY_TESTS_FAKES_CA_SIGNED_REQUEST_H_
#define NORROY_TESTS_FAKES_CA_SIGNED_REQUEST_H_

// A client's JWS (RFC 8555 6.2), taken apart and verified by code that shares nothing with the
// client's.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/key.h"

namespace norroy::fakes {

struct SignedRequest {
  std::string kid;  // empty: the key itself came along
  std::string jwk_spki;
  std::string nonce;
  std::string url;
  std::string payload;
  std::string signing_input;
  std::string signature;

  // Refuses what RFC 8555 6.2 does not allow; the signature is not looked at.
  static absl::StatusOr<SignedRequest> Parse(absl::string_view body);
  bool IsSignedBy(const crypto::PublicKey& key) const {
    return key.VerifyEs256(signing_input, signature);
  }
};

// RFC 8555 7.3.5: what a key change carries, signed by the new key: for this URL, of this account,
// whose key is `old_spki`. Returns the new key. INVALID_ARGUMENT says what is wrong.
absl::StatusOr<crypto::PublicKey> CheckKeyChange(absl::string_view inner, absl::string_view url,
                                                 absl::string_view account_url,
                                                 absl::string_view old_spki);

// RFC 8555 7.3.4: `binding` (a JSON text) is an HS256 JWS by `hmac_key` over this key's JWK for
// this URL. INVALID_ARGUMENT says what is wrong.
absl::Status CheckBinding(absl::string_view binding, absl::string_view hmac_key,
                          absl::string_view jwk_spki, absl::string_view url);
// The "kid" of a binding.
absl::StatusOr<std::string> BindingKid(absl::string_view binding);

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_SIGNED_REQUEST_H_
