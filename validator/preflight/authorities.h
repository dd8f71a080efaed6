#ifndef NORROY_VALIDATOR_PREFLIGHT_AUTHORITIES_H_
#define NORROY_VALIDATOR_PREFLIGHT_AUTHORITIES_H_

// Which servers answer for a name with authority, and what each of them says. Resolvers are asked
// only for what is there anyway (the zones above the name, their servers and addresses), never for
// the name itself: a resolver that hears "no such name" keeps that, and a look must not spoil the
// next one.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dns/client.h"
#include "common/dns/message.h"
#include "common/dns/name.h"
#include "validator/preflight/address.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

// Of one zone; more are left out.
inline constexpr size_t kMaxNameServers = 13;
inline constexpr size_t kMaxAuthorities = 32;

// One address of one name server.
struct Authority {
  dns::Name name;
  Address address;

  // "ns1.example.com (192.0.2.53)"
  std::string text() const;
};

struct Zone {
  dns::Name apex;
  std::vector<Authority> authorities;
  std::vector<dns::Name> without_address;  // name servers that have none
};

// The zone that the name's parent is in, by the resolvers, with DNSSEC checking off: a bogus zone
// has servers, too. Errors as dns::Resolver's; NOT_FOUND, reason NO_ZONE.
absl::StatusOr<Zone> FindZone(const Viewpoint& viewpoint, const dns::Name& name,
                              const Deadline& deadline);

enum class ReplyKind {
  kAnswer,     // with authority: NOERROR or NXDOMAIN
  kReferral,   // the name is in a zone below
  kLame,       // REFUSED, NOTAUTH, or without AA
  kFails,      // SERVFAIL and the like
  kSilent,     // no answer in time, or unreachable
  kForbidden,  // not asked: AddressGuard
  kCutShort,   // no answer, and the look's end left less time than one may take
};

struct Reply {
  Authority authority;
  ReplyKind kind = ReplyKind::kSilent;
  dns::Message message;  // kAnswer, kReferral
  std::string problem;   // of all but kAnswer, in words: "does not answer"
};

// Every authority of the zone, asked at the same time without recursion (RD=0).
std::vector<Reply> AskAuthorities(const Viewpoint& viewpoint, const Zone& zone,
                                  const dns::Name& name, dns::Type type, const Deadline& deadline);

// The zone that a referral leads to.
Zone FollowReferral(const Viewpoint& viewpoint, const dns::Name& name, const dns::Message& referral,
                    const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_AUTHORITIES_H_
