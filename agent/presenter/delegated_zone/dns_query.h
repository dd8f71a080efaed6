#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_QUERY_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_QUERY_H_

// Reads what strangers send to a DNS server: a header, one question, at most one OPT record
// (RFC 1035 4.1, RFC 6891 6.1), and nothing else. A pure function of the bytes.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::agent {

inline constexpr size_t kDnsHeader = 12;
// The longest messages that are looked at; no query that means something to this server comes near.
inline constexpr size_t kMaxUdpQuery = 512;
inline constexpr size_t kMaxTcpQuery = 4096;

enum class DnsParseState {
  // Not a query, or so broken that nobody can be waiting for an answer: nothing goes back, so two
  // servers never answer each other.
  kIgnore,
  // A query of a form that this server does not take: FORMERR.
  kFormErr,
  // Another opcode than QUERY: NOTIMP.
  kNotImp,
  kQuery,
};

struct DnsQuery {
  uint16_t id = 0;
  uint8_t opcode = 0;
  bool recursion_desired = false;
  // Name, type and class as they came; empty if not exactly one question was there.
  std::string question;
  // The question's name in wire form, lower case, uncompressed.
  std::string name;
  uint16_t type = 0;
  uint16_t klass = 0;
  // From the OPT record; all as if zero without one.
  bool edns = false;
  uint8_t edns_version = 0;
  uint16_t payload = 0;
  bool dnssec_ok = false;
};

struct DnsParse {
  DnsParseState state = DnsParseState::kIgnore;
  DnsQuery query;  // for kIgnore meaningless
};

// A message longer than `max` is ignored.
DnsParse ParseDnsQuery(absl::string_view bytes, size_t max);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_QUERY_H_
