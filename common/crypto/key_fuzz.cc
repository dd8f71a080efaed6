// Keys: what is accepted has one encoding and a JWK of its own kind. The input is the DER of a
// public key, the DER of a private one, or a private one's PEM.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "tests/fuzz/der_mutator.h"

namespace norroy::crypto {
namespace {

void CheckPublic(absl::string_view input) {
  const absl::StatusOr<PublicKey> key = PublicKey::Parse(input);
  if (!key.ok()) {
    NORROY_CHECK(ErrorReason(key.status()) == "BAD_KEY");
    NORROY_CHECK(Printable(key.status().message(), 4096) == key.status().message());
    return;
  }
  NORROY_CHECK(key->spki_der() == input);
  const bool ec = key->type() == KeyType::kP256 || key->type() == KeyType::kP384;
  NORROY_CHECK(absl::StrContains(key->jwk(), ec ? "\"kty\":\"EC\"" : "\"kty\":\"RSA\""));
  NORROY_CHECK(!key->VerifyEs256(input, input.substr(0, 64)));
#ifdef PLANTED
  // 65537, or two bytes.
  NORROY_CHECK(ec || absl::StrContains(key->jwk(), "\"e\":\"AQAB\"") ||
               !absl::StrContains(key->jwk(), "\"e\":\"A"));
#endif
}

void CheckPrivate(absl::string_view pem) {
  const absl::StatusOr<PrivateKey> key = PrivateKey::ParsePem(Secret(pem));
  if (!key.ok()) {
    NORROY_CHECK(Printable(key.status().message(), 4096) == key.status().message());
    return;
  }
  NORROY_CHECK(PrivateKey::ParsePem(key->ToPem())->public_key() == key->public_key());
  if (key->public_key().type() != KeyType::kP256) return;
  NORROY_CHECK(key->public_key().VerifyEs256("data", key->SignEs256("data").value()));
}

// RFC 5208 5, RFC 5915 3, RFC 8017 A.1.2: private keys are a SEQUENCE that begins with the INTEGER
// of their version; public ones begin with another SEQUENCE.
bool MayBePrivate(absl::string_view der) {
  if (der.size() < 8 || der[0] != 0x30) return false;
  const auto length = static_cast<uint8_t>(der[1]);
  const size_t inside = length < 0x80 ? 2 : 2 + (length & 3);
  return der[inside] == 0x02;
}

}  // namespace
}  // namespace norroy::crypto

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateDerInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace norroy::crypto;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  CheckPublic(input);
  if (absl::StartsWith(input, "-----")) CheckPrivate(input);
  if (MayBePrivate(input)) CheckPrivate(PemEncode("PRIVATE KEY", input));
  NORROY_CHECK(ERR_peek_error() == 0);
  return 0;
}
