#ifndef NORROY_COMMON_DNS_TEST_MESSAGE_H_
#define NORROY_COMMON_DNS_TEST_MESSAGE_H_

// DNS answers byte by byte, for tests: also ones that no server should send.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/dns/message.h"

namespace norroy::dns {

// "\3www\7example\3com\0", uncompressed.
std::string WireName(absl::string_view name);
// A pointer to this place of the message.
std::string Pointer(size_t offset);
std::string WireU16(uint16_t value);
std::string WireU32(uint32_t value);
// Any record; `owner` and `data` are bytes.
std::string WireRecord(const std::string& owner, uint16_t type, const std::string& data,
                       uint16_t record_class = 1, uint32_t ttl = 60);
// A TXT record's data: strings of at most 255 bytes.
std::string WireTxt(absl::string_view text);

struct TestReply {
  uint16_t id = 0;
  uint16_t flags = 0x8180;  // an answer, recursion desired and available
  std::string question;     // bytes; empty: none
  std::vector<std::string> answers;
  std::vector<std::string> authority;
  std::vector<std::string> additional;

  std::string bytes() const;
};

// The answer to a query as it came from a client, its question repeated as it stands there.
TestReply ReplyTo(const std::string& query);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_TEST_MESSAGE_H_
