#ifndef NORROY_COMMON_DNS_WIRE_H_
#define NORROY_COMMON_DNS_WIRE_H_

// The bytes of DNS messages (RFC 1035 4.1): the header's place of each thing, and reading and
// writing within bounds. For this folder alone.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/dns/name.h"

namespace norroy::dns {

inline constexpr size_t kHeaderBytes = 12;
inline constexpr uint16_t kClassIn = 1;
inline constexpr uint16_t kClassNone = 254;  // RFC 2136 2.5.4
inline constexpr uint16_t kTypeOpt = 41;     // RFC 6891 6.1.1

// RFC 1035 4.1.1, RFC 4035 3.2.
struct Header {
  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t questions = 0;
  uint16_t answers = 0;
  uint16_t authority = 0;
  uint16_t additional = 0;

  bool is_reply() const { return (flags & 0x8000) != 0; }
  int opcode() const { return (flags >> 11) & 0xf; }
  bool authoritative() const { return (flags & 0x0400) != 0; }
  bool truncated() const { return (flags & 0x0200) != 0; }
  bool recursion_available() const { return (flags & 0x0080) != 0; }
  bool authenticated() const { return (flags & 0x0020) != 0; }
  uint16_t rcode() const { return flags & 0xf; }
  size_t records() const { return size_t{answers} + authority + additional; }
};
inline constexpr uint16_t kRecursionDesired = 0x0100;
inline constexpr uint16_t kAuthenticData = 0x0020;
inline constexpr uint16_t kCheckingDisabled = 0x0010;
inline constexpr uint16_t kOpcodeUpdate = 5 << 11;

// Reads forward. What is not there makes it fail; a failed reader stays failed and gives zeros.
class WireReader {
 public:
  explicit WireReader(absl::string_view message) : message_(message), end_(message.size()) {}

  bool ok() const { return ok_; }
  void Fail() { ok_ = false; }
  size_t offset() const { return offset_; }
  size_t left() const { return ok_ ? end_ - offset_ : 0; }

  uint8_t U8();
  uint16_t U16();
  uint32_t U32();
  absl::string_view Bytes(size_t count);
  Header ReadHeader();
  // Unset for a well-formed name outside of Name's alphabet, and when it fails. RFC 1035 4.1.4:
  // pointers lead to a prior place; each must lead further back than the last, so that none loops.
  std::optional<Name> ReadName();
  // A reader of the next `count` bytes alone, whose pointers still reach the whole message.
  WireReader Part(size_t count);

 private:
  absl::string_view message_;
  size_t offset_ = 0;
  size_t end_;
  bool ok_ = true;
};

void AppendU16(uint16_t value, std::string& out);
void AppendU32(uint32_t value, std::string& out);
void AppendHeader(const Header& header, std::string& out);
// Uncompressed.
void AppendName(const Name& name, std::string& out);
// RFC 1035 4.1.2, class IN.
void AppendQuestion(const Name& name, uint16_t type, std::string& out);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_WIRE_H_
