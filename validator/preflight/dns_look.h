#ifndef NORROY_VALIDATOR_PREFLIGHT_DNS_LOOK_H_
#define NORROY_VALIDATOR_PREFLIGHT_DNS_LOOK_H_

// DNS-01 (RFC 8555 8.4) as a CA's resolver may see it: from _acme-challenge.<name> along its CNAMEs
// to the zone where the TXT record is, where every server with authority is asked by each of its
// addresses, because a CA's resolver may ask any. Where all have the value, the configured
// resolvers are asked, too: they may have kept an older answer.

#include "common/challenge/proof.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

inline constexpr absl::Duration kLookAgainForMissing = absl::Seconds(2);
inline constexpr absl::Duration kLookAgainForLagging = absl::Seconds(5);
inline constexpr absl::Duration kLookAgainForCached = absl::Seconds(60);  // at most
// More TXT values than this at one name, or more bytes, do not fit where they should.
inline constexpr size_t kManyValues = 10;
inline constexpr size_t kManyBytes = 4096;

// `proof` is of type dns-01.
Sight DnsLook(const Viewpoint& viewpoint, const challenge::Proof& proof, const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_DNS_LOOK_H_
