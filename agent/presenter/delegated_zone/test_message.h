#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_TEST_MESSAGE_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_TEST_MESSAGE_H_

// DNS messages as tests write and read them, independent of the code under test.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace norroy::agent {

struct TestQuery {
  std::string name;  // "www.example.com": written as it is, any case
  uint16_t type = 16;
  uint16_t klass = 1;
  uint16_t id = 0x1234;
  uint16_t flags = 0x0100;  // RD
  bool edns = false;
  uint16_t payload = 1232;
  uint8_t version = 0;
  bool dnssec_ok = false;
  std::string options;

  std::string Bytes() const;
};

// A name without compression: "a.b" is \1a\1b\0.
std::string TestName(absl::string_view text);
std::string TestU16(uint16_t number);

struct TestRecord {
  std::string owner;  // as written, with its case
  uint16_t type = 0;
  uint16_t klass = 0;
  uint32_t ttl = 0;
  std::string data;  // raw

  // "acme.example.net 1 SOA ns1.example.org hostmaster.acme.example.net 1 3600 600 86400 1"
  std::string text;
};

struct TestReply {
  bool good = false;  // every count is right and nothing is left over
  uint16_t id = 0;
  uint16_t flags = 0;
  int rcode = 0;  // with the OPT record's upper bits
  std::string question;
  std::vector<TestRecord> answers;
  std::vector<TestRecord> authority;
  std::vector<TestRecord> additional;

  bool aa() const { return (flags & 0x0400) != 0; }
  bool tc() const { return (flags & 0x0200) != 0; }
  bool rd() const { return (flags & 0x0100) != 0; }
  bool ra() const { return (flags & 0x0080) != 0; }
};

TestReply ReadTestReply(absl::string_view bytes);
// The records' texts, joined by "\n".
std::string Texts(const std::vector<TestRecord>& records);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_TEST_MESSAGE_H_
