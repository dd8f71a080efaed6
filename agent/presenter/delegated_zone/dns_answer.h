#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_ANSWER_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_ANSWER_H_

// What an authoritative server says to a query (RFC 1034 4.3.2 without CNAME, wildcard, delegation
// and cache, which its zone has not; RFC 2308; RFC 6891). No sockets, no time.

#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/presenter/delegated_zone/dns_query.h"
#include "agent/presenter/delegated_zone/zone_table.h"

namespace norroy::agent {

enum class DnsTransport { kUdp, kTcp };

// The most that is sent by UDP, and what the OPT record offers to take: no fragments on any usual
// path (1280 bytes of IPv6, less its and UDP's headers).
inline constexpr uint16_t kMaxDnsPayload = 1232;
// RFC 1035 4.2.1: what every requester can take.
inline constexpr uint16_t kMinDnsPayload = 512;

// Of a challenge value: nobody may keep it. RFC 1035 3.2.1: zero is for the transaction in progress
// only. One second would let a CA's resolver that asked just before a value was added miss it.
inline constexpr uint32_t kTxtTtl = 0;
// For how long a name's absence may be kept, in seconds (RFC 2308 4): the validators wait it out
// before they ask the CA, and it takes the edge off a resolver that asks in a loop.
inline constexpr uint32_t kNegativeTtl = 1;
// Of SOA and NS, in seconds: an agent that is replaced is forgotten soon.
inline constexpr uint32_t kApexTtl = 300;

struct DnsAnswer {
  std::string bytes;     // empty: nothing goes back
  bool served = false;   // TXT values went out, all of the owner
  bool unknown = false;  // TXT values were asked for where there are none
};

DnsAnswer AnswerDns(const DnsParse& parse, DnsTransport transport, const ZoneTable& table);

// "Ask again by TCP": an answer without records for who asks too often by UDP, and may be somebody
// else than the address says. Empty for what is no well-formed query.
std::string TruncatedDnsAnswer(const DnsParse& parse);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_ANSWER_H_
