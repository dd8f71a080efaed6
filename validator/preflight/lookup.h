#ifndef NORROY_VALIDATOR_PREFLIGHT_LOOKUP_H_
#define NORROY_VALIDATOR_PREFLIGHT_LOOKUP_H_

// Questions to the configured resolvers, and their answers without the CNAMEs in between.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/dns/message.h"
#include "common/dns/name.h"
#include "validator/preflight/address.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

// At most so many addresses of a name are looked at, half of each family if it has more.
inline constexpr size_t kMaxAddresses = 8;

// As dns::Resolver, within the deadline. CANCELLED: nobody answered, and the look's end left less
// time than an answer may take.
absl::StatusOr<dns::Message> AskResolvers(const Viewpoint& viewpoint, const dns::Query& query,
                                          const Deadline& deadline);

// The records of `type` at the end of the CNAMEs that the answer itself holds.
std::vector<dns::Record> FollowedAnswers(const dns::Message& message, const dns::Name& name,
                                         dns::Type type);

// IPv6 first; none if the name has none. Fails if neither family could be asked for, or one could
// not and there is nothing of the other. Errors as AskResolvers.
absl::StatusOr<std::vector<Address>> LookUpAddresses(const Viewpoint& viewpoint,
                                                     const dns::Name& host,
                                                     const Deadline& deadline,
                                                     bool checking_disabled = false);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_LOOKUP_H_
