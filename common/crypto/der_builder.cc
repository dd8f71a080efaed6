#include "common/crypto/der_builder.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"

namespace norroy::crypto {
namespace {

std::string Joined(std::initializer_list<absl::string_view> parts) {
  std::string all;
  for (const absl::string_view part : parts) absl::StrAppend(&all, part);
  return all;
}

std::string Octet(size_t value) { return std::string(1, static_cast<char>(value)); }

}  // namespace

std::string Tlv(uint8_t tag, absl::string_view content) {
  std::string length;
  for (size_t rest = content.size(); rest > 0; rest >>= 8) length = Octet(rest & 0xFF) + length;
  if (content.size() < 0x80) {
    length = Octet(content.size());
  } else {
    length = Octet(0x80 | length.size()) + length;
  }
  return absl::StrCat(Octet(tag), length, content);
}

std::string Seq(std::initializer_list<absl::string_view> parts) { return Tlv(0x30, Joined(parts)); }

std::string Set(std::initializer_list<absl::string_view> parts) { return Tlv(0x31, Joined(parts)); }

std::string Oid(absl::string_view dotted) {
  std::vector<uint64_t> arcs;
  for (const absl::string_view text : absl::StrSplit(dotted, '.')) {
    uint64_t arc = 0;
    NORROY_CHECK(absl::SimpleAtoi(text, &arc));
    arcs.push_back(arc);
  }
  NORROY_CHECK(arcs.size() >= 2);
  arcs[1] += arcs[0] * 40;
  std::string content;
  for (size_t i = 1; i < arcs.size(); ++i) {
    std::string encoded = Octet(arcs[i] & 0x7F);
    for (uint64_t rest = arcs[i] >> 7; rest > 0; rest >>= 7) {
      encoded = Octet(0x80 | (rest & 0x7F)) + encoded;
    }
    content += encoded;
  }
  return Tlv(0x06, content);
}

std::string Integer(uint64_t value) {
  std::string magnitude;
  for (uint64_t rest = value; rest > 0; rest >>= 8) magnitude = Octet(rest & 0xFF) + magnitude;
  return BigInteger(magnitude);
}

std::string BigInteger(absl::string_view magnitude) {
  const bool sign = magnitude.empty() || (static_cast<uint8_t>(magnitude[0]) & 0x80) != 0;
  return Tlv(0x02, sign ? absl::StrCat(Octet(0), magnitude) : std::string(magnitude));
}

std::string BitString(absl::string_view bytes, uint8_t unused_bits) {
  return Tlv(0x03, absl::StrCat(Octet(unused_bits), bytes));
}

std::string OctetString(absl::string_view bytes) { return Tlv(0x04, bytes); }

std::string Boolean(bool value) { return Tlv(0x01, Octet(value ? 0xFF : 0)); }

std::string Null() { return Tlv(0x05, ""); }

std::string FromHex(absl::string_view hex) { return absl::HexStringToBytes(hex); }

}  // namespace norroy::crypto
