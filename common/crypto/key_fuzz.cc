// Keys: what is accepted has one encoding and a JWK of its own kind.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "common/check.h"
#include "common/crypto/key.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace norroy::crypto;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<PublicKey> key = PublicKey::Parse(input);
  if (key.ok()) {
    NORROY_CHECK(key->spki_der() == input);
    const bool ec = key->type() == KeyType::kP256 || key->type() == KeyType::kP384;
    NORROY_CHECK(absl::StrContains(key->jwk(), ec ? "\"kty\":\"EC\"" : "\"kty\":\"RSA\""));
    NORROY_CHECK(!key->VerifyEs256(input, input.substr(0, 64)));
  } else {
    NORROY_CHECK(norroy::ErrorReason(key.status()) == "BAD_KEY");
    NORROY_CHECK(norroy::Printable(key.status().message(), 4096) == key.status().message());
  }
  const absl::StatusOr<PrivateKey> private_key = PrivateKey::ParsePem(Secret(input));
  NORROY_CHECK(!private_key.ok() || PrivateKey::ParsePem(private_key->ToPem())->public_key() ==
                                        private_key->public_key());
  NORROY_CHECK(ERR_peek_error() == 0);
  return 0;
}
