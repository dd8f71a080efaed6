#ifndef NORROY_VALIDATOR_PREFLIGHT_DNSSEC_LOOK_H_
#define NORROY_VALIDATOR_PREFLIGHT_DNSSEC_LOOK_H_

// Whether the configured resolvers answer for a name at all, and if not, whether DNSSEC is why
// (RFC 4035 5.5): a validating resolver says SERVFAIL to what is bogus, and answers the same
// question with checking disabled.

#include <vector>

#include "common/dns/client.h"
#include "common/dns/message.h"
#include "common/dns/name.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

struct ResolverReplies {
  // Of those that answered, in the order of the configuration.
  std::vector<dns::Message> messages;
  std::vector<dns::Server> answering;
  // DNSSEC_BOGUS, or RESOLVER_FAILS if none answered.
  Sight sight;
};

// Asks every resolver at the same time.
ResolverReplies AskEveryResolver(const Viewpoint& viewpoint, const dns::Name& name, dns::Type type,
                                 const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_DNSSEC_LOOK_H_
