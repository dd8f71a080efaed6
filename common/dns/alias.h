#ifndef NORROY_COMMON_DNS_ALIAS_H_
#define NORROY_COMMON_DNS_ALIAS_H_

// Where a name leads by CNAMEs: how an _acme-challenge name is delegated to another zone.

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/dns/name.h"
#include "common/dns/resolver.h"

namespace norroy::dns {

inline constexpr int kMaxCnames = 8;
inline constexpr absl::Duration kFollowTimeout = absl::Seconds(10);

struct Alias {
  Name owner;              // the end of the chain: the name itself if it has no CNAME
  std::vector<Name> path;  // from the name to the owner, both included
};

// Follows CNAMEs through the resolver, one hop at a time, for at most `total` in all. An absent
// name (NXDOMAIN, no data) is its own end. FAILED_PRECONDITION: reason CNAME_LOOP; CNAME_TOO_LONG
// after 8 hops. DNS errors as Resolver gives them. Messages show the path.
absl::StatusOr<Alias> FollowCnames(Resolver& resolver, const Name& name,
                                   absl::Duration total = kFollowTimeout);

// "a -> b -> c"
std::string PathText(const std::vector<Name>& path);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_ALIAS_H_
