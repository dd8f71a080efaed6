#include "common/crypto/jwk.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/crypto/der.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

constexpr size_t kMaxModulus = 4096 / 8;
constexpr size_t kMaxExponent = 4;
constexpr size_t kP256Half = 32;

// AlgorithmIdentifiers: rsaEncryption with NULL (RFC 3279 2.3.1), id-ecPublicKey with prime256v1
// (RFC 5480 2.1.1).
constexpr absl::string_view kRsaAlgorithm(
    "\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00", 15);
constexpr absl::string_view kP256Algorithm(
    "\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07", 21);

absl::Status BadKey(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_KEY", absl::StrCat("JWK: ", message));
}

// Contents here are shorter than 64 KiB.
std::string Element(uint8_t tag, absl::string_view content) {
  std::string bytes(1, static_cast<char>(tag));
  const size_t length = content.size();
  if (length >= 256) {
    bytes += {'\x82', static_cast<char>(length >> 8)};
  } else if (length >= 128) {
    bytes += '\x81';
  }
  bytes += static_cast<char>(length & 0xFF);
  absl::StrAppend(&bytes, content);
  return bytes;
}

absl::StatusOr<PublicKey> OfSpki(absl::string_view algorithm, absl::string_view key) {
  const std::string bits = Element(kDerBitString, absl::StrCat(absl::string_view("\0", 1), key));
  return PublicKey::Parse(Element(kDerSequence, absl::StrCat(algorithm, bits)));
}

// Base64url of at most `max` bytes.
absl::StatusOr<std::string> Decode(absl::string_view member, absl::string_view text, size_t max) {
  // Four characters for three bytes, and one zero byte that some libraries put before a modulus.
  if (text.size() > (max + 3) / 3 * 4) {
    return BadKey(absl::StrCat(member, " is longer than ", max * 8, " bits"));
  }
  absl::StatusOr<std::string> bytes = Base64UrlDecode(text);
  if (!bytes.ok()) return BadKey(absl::StrCat(member, " is not base64url"));
  return bytes;
}

// A positive number as an INTEGER.
absl::StatusOr<std::string> Number(absl::string_view member, absl::string_view text, size_t max) {
  NORROY_ASSIGN_OR_RETURN(std::string bytes, Decode(member, text, max));
  bytes.erase(0, bytes.find_first_not_of('\0'));
  if (bytes.empty()) return BadKey(absl::StrCat(member, " is zero or missing"));
  if (bytes.size() > max) return BadKey(absl::StrCat(member, " is longer than ", max * 8, " bits"));
  if (static_cast<uint8_t>(bytes[0]) >= 0x80) bytes.insert(0, 1, '\0');
  return Element(kDerInteger, bytes);
}

}  // namespace

absl::StatusOr<PublicKey> RsaKeyOfJwk(absl::string_view n, absl::string_view e) {
  NORROY_ASSIGN_OR_RETURN(const std::string modulus, Number("n", n, kMaxModulus));
  NORROY_ASSIGN_OR_RETURN(const std::string exponent, Number("e", e, kMaxExponent));
  return OfSpki(kRsaAlgorithm, Element(kDerSequence, absl::StrCat(modulus, exponent)));
}

absl::StatusOr<PublicKey> P256KeyOfJwk(absl::string_view x, absl::string_view y) {
  NORROY_ASSIGN_OR_RETURN(const std::string x_bytes, Decode("x", x, kP256Half));
  NORROY_ASSIGN_OR_RETURN(const std::string y_bytes, Decode("y", y, kP256Half));
  // RFC 7518 6.2.1.2: in full length.
  if (x_bytes.size() != kP256Half || y_bytes.size() != kP256Half) {
    return BadKey("x and y of P-256 have 32 bytes each");
  }
  // RFC 5480 2.2: uncompressed.
  return OfSpki(kP256Algorithm, absl::StrCat("\x04", x_bytes, y_bytes));
}

}  // namespace norroy::crypto
