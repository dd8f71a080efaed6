#ifndef NORROY_COMMON_CRYPTO_DER_H_
#define NORROY_COMMON_CRYPTO_DER_H_

// DER (X.690 10, 11) read strictly: what has two encodings has one reading here, or none.
// For this folder.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::crypto {

enum DerTag : uint8_t {
  kDerBoolean = 0x01,
  kDerInteger = 0x02,
  kDerBitString = 0x03,
  kDerOctetString = 0x04,
  kDerNull = 0x05,
  kDerOid = 0x06,
  kDerUtf8String = 0x0C,
  kDerPrintableString = 0x13,
  kDerIa5String = 0x16,
  kDerSequence = 0x30,
  kDerSet = 0x31,
};

struct DerElement {
  uint8_t tag = 0;  // the identifier octet; tag numbers above 30 are refused
  absl::string_view content;
  absl::string_view whole;  // with identifier and length
};

// Reads one element after the other. Views into the caller's bytes.
class DerReader {
 public:
  explicit DerReader(absl::string_view bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  bool NextIs(uint8_t tag) const { return !rest_.empty() && static_cast<uint8_t>(rest_[0]) == tag; }
  absl::StatusOr<DerElement> Next();
  // The error names `what` was expected.
  absl::StatusOr<DerElement> Expect(uint8_t tag, absl::string_view what);

 private:
  absl::string_view rest_;
};

inline constexpr int kMaxDerDepth = 32;

// `bytes` is exactly one element, and it and all below it are DER as far as can be told without a
// schema: definite minimal lengths, canonical BOOLEAN, INTEGER, BIT STRING and OBJECT IDENTIFIER,
// primitive strings, sorted SETs, at most kMaxDerDepth levels.
absl::Status CheckDer(absl::string_view bytes);

// The content of an OBJECT IDENTIFIER for people: "ED25519", "1.2.3.4".
std::string OidText(absl::string_view content);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_DER_H_
