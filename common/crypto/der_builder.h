#ifndef NORROY_COMMON_CRYPTO_DER_BUILDER_H_
#define NORROY_COMMON_CRYPTO_DER_BUILDER_H_

// DER by hand, so that tests can also write what no library would. For tests.

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::crypto {

// One element with a minimal length.
std::string Tlv(uint8_t tag, absl::string_view content);
std::string Seq(std::initializer_list<absl::string_view> parts);
std::string Set(std::initializer_list<absl::string_view> parts);
// "1.2.840.113549.1.9.14".
std::string Oid(absl::string_view dotted);
// Not negative.
std::string Integer(uint64_t value);
// The big-endian magnitude of a positive number.
std::string BigInteger(absl::string_view magnitude);
std::string BitString(absl::string_view bytes, uint8_t unused_bits = 0);
std::string OctetString(absl::string_view bytes);
std::string Boolean(bool value);
std::string Null();
std::string FromHex(absl::string_view hex);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_DER_BUILDER_H_
