#ifndef NORROY_VALIDATOR_PREFLIGHT_HTTP_LOOK_H_
#define NORROY_VALIDATOR_PREFLIGHT_HTTP_LOOK_H_

// HTTP-01 (RFC 8555 8.3) as a CA sees it: every address of the name, by its own connection; where
// the first answer is right, a few more connections, because a balancer may have several backends.

#include <vector>

#include "common/challenge/proof.h"
#include "validator/preflight/address.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

// Fresh connections to an address that was right at first.
inline constexpr int kFurtherConnections = 4;

// `proof` is of type http-01, `addresses` are its name's.
Sight HttpLook(const Viewpoint& viewpoint, const challenge::Proof& proof,
               const std::vector<Address>& addresses, const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_HTTP_LOOK_H_
