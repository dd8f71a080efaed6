#ifndef NORROY_VALIDATOR_PREFLIGHT_DELEGATION_H_
#define NORROY_VALIDATOR_PREFLIGHT_DELEGATION_H_

// Where a validation record lives: the name, the CNAMEs from it, and the zone at their end with
// what each of its servers says.

#include <vector>

#include "common/dns/name.h"
#include "validator/preflight/authorities.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

struct Delegation {
  std::vector<dns::Name> path;  // from the name to the owner, both included
  Zone zone;                    // that the owner is in
  std::vector<Reply> replies;   // to the question for the owner's TXT records
  bool found = false;           // else `sight` says why not
  Sight sight;                  // CNAME_PATH, CNAME_LOOP, CNAME_TOO_LONG, RESOLVER_FAILS, NO_ZONE

  const dns::Name& owner() const { return path.back(); }
};

Delegation FollowDelegation(const Viewpoint& viewpoint, const dns::Name& name,
                            const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_DELEGATION_H_
