#ifndef NORROY_COMMON_DNS_MESSAGE_H_
#define NORROY_COMMON_DNS_MESSAGE_H_

// DNS answers as values (RFC 1035 4), read from what servers sent. Order within a section means
// nothing to a reader.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/dns/name.h"

namespace norroy::dns {

enum class Type : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kTxt = 16,
  kAaaa = 28,
  kDname = 39,
  kDs = 43,
  kRrsig = 46,
  kCaa = 257,
};
// "TXT"; "TYPE65280" for one without a name here.
std::string TypeName(Type type);

enum class Rcode : uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kYxDomain = 6,
  kYxRrset = 7,
  kNxRrset = 8,
  kNotAuth = 9,
  kNotZone = 10,
  kBadSig = 16,
  kBadKey = 17,
  kBadTime = 18,
};
// "SERVFAIL"; "RCODE23" for one without a name here.
std::string RcodeName(Rcode rcode);

// RFC 8659 4.1.
struct Caa {
  bool critical = false;
  std::string tag;  // lower case
  std::string value;
};

struct Record {
  Name owner;
  Type type = Type::kTxt;
  uint32_t ttl = 0;       // seconds
  std::string text;       // A, AAAA: the address as inet_ntop writes it. TXT: its strings, joined.
  Name target;            // CNAME, DNAME, NS; SOA: the primary server
  Caa caa;                // CAA
  uint32_t serial = 0;    // SOA
  uint32_t negative = 0;  // SOA: for how long a name's absence is kept, in seconds (RFC 2308 4)
};

struct Message {
  Rcode rcode = Rcode::kNoError;
  bool authoritative = false;
  bool truncated = false;
  bool authenticated = false;  // AD (RFC 4035 3.2.3)
  bool recursion_available = false;
  std::vector<Record> answers;
  std::vector<Record> authority;
  std::vector<Record> additional;

  // The records of this owner and type among the answers.
  std::vector<Record> Find(const Name& owner, Type type) const;
};

// A whole message may be up to 65535 bytes; more than this many records in it are refused.
inline constexpr size_t kMaxRecords = 512;
inline constexpr size_t kMaxTxt = 4096;

// Reads a reply. Records of types that are not listed above, of other classes than IN, or with
// names outside Name's alphabet are left out; TXT is cut at kMaxTxt. Compression pointers must lead
// backwards.
// INVALID_ARGUMENT, reason BAD_DNS_MESSAGE, for what is not a reply or has over kMaxRecords.
absl::StatusOr<Message> ParseReply(absl::string_view bytes);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_MESSAGE_H_
