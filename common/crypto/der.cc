#include "common/crypto/der.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/crypto/openssl.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

constexpr uint8_t kConstructed = 0x20;
constexpr uint8_t kTagNumber = 0x1F;
constexpr uint8_t kClass = 0xC0;

absl::Status BadDer(absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("not DER: ", message));
}

uint8_t ByteAt(absl::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

// The length octets at `*at`, which moves behind them.
absl::StatusOr<size_t> ReadLength(absl::string_view bytes, size_t* at) {
  if (*at >= bytes.size()) return BadDer("cut off before a length");
  const uint8_t first = ByteAt(bytes, (*at)++);
  if (first < 0x80) return first;
  if (first == 0x80) return BadDer("indefinite length");
  const size_t count = first & 0x7F;
  if (count > 4) return BadDer("a length of more than four octets");
  if (bytes.size() - *at < count) return BadDer("cut off inside a length");
  size_t length = 0;
  for (size_t i = 0; i < count; ++i) length = length << 8 | ByteAt(bytes, (*at)++);
  if (length < 0x80 || length >> (8 * (count - 1)) == 0) return BadDer("a length is not minimal");
  return length;
}

absl::Status CheckInteger(absl::string_view content) {
  if (content.empty()) return BadDer("an empty INTEGER");
  if (content.size() == 1) return absl::OkStatus();
  const bool sign = ByteAt(content, 1) >= 0x80;
  if (ByteAt(content, 0) == (sign ? 0xFF : 0x00)) return BadDer("an INTEGER is not minimal");
  return absl::OkStatus();
}

absl::Status CheckBitString(absl::string_view content) {
  if (content.empty()) return BadDer("an empty BIT STRING");
  const uint8_t unused = ByteAt(content, 0);
  if (unused > 7 || (unused > 0 && content.size() == 1)) {
    return BadDer("a BIT STRING with a wrong count of unused bits");
  }
  const uint8_t last = ByteAt(content, content.size() - 1);
  if (unused > 0 && (last & ((1 << unused) - 1)) != 0) {
    return BadDer("a BIT STRING whose unused bits are not zero");
  }
  return absl::OkStatus();
}

absl::Status CheckOid(absl::string_view content) {
  if (content.empty()) return BadDer("an empty OBJECT IDENTIFIER");
  bool arc_begins = true;
  for (const char c : content) {
    const uint8_t octet = static_cast<uint8_t>(c);
    if (arc_begins && octet == 0x80) return BadDer("an OBJECT IDENTIFIER is not minimal");
    arc_begins = octet < 0x80;
  }
  return arc_begins ? absl::OkStatus() : BadDer("an OBJECT IDENTIFIER is cut off");
}

absl::Status CheckPrimitive(const DerElement& element) {
  switch (element.tag) {
    case 0x00:
      return BadDer("end-of-contents octets");
    case kDerBoolean:
      if (element.content.size() != 1 ||
          (element.content[0] != '\0' && element.content[0] != '\xFF')) {
        return BadDer("a BOOLEAN other than 00 and FF");
      }
      return absl::OkStatus();
    case kDerInteger:
    case 0x0A:  // ENUMERATED
      return CheckInteger(element.content);
    case kDerBitString:
      return CheckBitString(element.content);
    case kDerNull:
      return element.content.empty() ? absl::OkStatus() : BadDer("a NULL with content");
    case kDerOid:
      return CheckOid(element.content);
    case kDerSequence & ~kConstructed:
    case kDerSet & ~kConstructed:
      return BadDer("a SEQUENCE or SET that is not constructed");
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckElement(const DerElement& element, int depth) {
  if ((element.tag & kConstructed) == 0) {
    return (element.tag & kClass) == 0 ? CheckPrimitive(element) : absl::OkStatus();
  }
  if (depth >= kMaxDerDepth) return BadDer(absl::StrCat("more than ", kMaxDerDepth, " levels"));
  if ((element.tag & kClass) == 0 && element.tag != kDerSequence && element.tag != kDerSet) {
    return BadDer("a string in pieces");
  }
  DerReader reader(element.content);
  absl::string_view previous;
  while (!reader.empty()) {
    NORROY_ASSIGN_OR_RETURN(const DerElement child, reader.Next());
    // X.690 11.6: the members of a SET OF in ascending order of their encodings.
    if (element.tag == kDerSet && child.whole < previous) return BadDer("a SET is not sorted");
    previous = child.whole;
    NORROY_RETURN_IF_ERROR(CheckElement(child, depth + 1));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DerElement> DerReader::Next() {
  if (rest_.empty()) return BadDer("cut off");
  DerElement element;
  element.tag = ByteAt(rest_, 0);
  if ((element.tag & kTagNumber) == kTagNumber) return BadDer("a tag number above 30");
  size_t at = 1;
  NORROY_ASSIGN_OR_RETURN(const size_t length, ReadLength(rest_, &at));
  if (rest_.size() - at < length) {
    return BadDer(
        absl::StrCat("an element of ", length, " bytes where ", rest_.size() - at, " are left"));
  }
  element.content = rest_.substr(at, length);
  element.whole = rest_.substr(0, at + length);
  rest_.remove_prefix(at + length);
  return element;
}

absl::StatusOr<DerElement> DerReader::Expect(uint8_t tag, absl::string_view what) {
  if (rest_.empty()) return absl::InvalidArgumentError(absl::StrCat(what, " is missing"));
  NORROY_ASSIGN_OR_RETURN(const DerElement element, Next());
  if (element.tag != tag) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s is missing: expected tag 0x%02x, found 0x%02x", what, tag, element.tag));
  }
  return element;
}

absl::Status CheckDer(absl::string_view bytes) {
  DerReader reader(bytes);
  NORROY_ASSIGN_OR_RETURN(const DerElement element, reader.Next());
  if (!reader.empty()) return BadDer("bytes after the end");
  return CheckElement(element, 1);
}

std::string OidText(absl::string_view content) {
  // Printing an arc of many octets costs the square of its length.
  constexpr size_t kLongest = 32;
  if (content.empty() || content.size() > kLongest) return "an unknown object identifier";
  const std::string whole = absl::StrCat(
      absl::string_view("\x06", 1), std::string(1, static_cast<char>(content.size())), content);
  ErrorScope scope;
  const unsigned char* at = Bytes(whole);
  ASN1_OBJECT* object = d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(whole.size()));
  if (object == nullptr) return "an unknown object identifier";
  char text[128];
  OBJ_obj2txt(text, sizeof(text), object, 0);
  ASN1_OBJECT_free(object);
  return text;
}

}  // namespace norroy::crypto
