#ifndef NORROY_VALIDATOR_PREFLIGHT_ALPN_LOOK_H_
#define NORROY_VALIDATOR_PREFLIGHT_ALPN_LOOK_H_

// TLS-ALPN-01 (RFC 8737, RFC 8738 6) as a CA sees it, at every address of the name.

#include <vector>

#include "common/challenge/proof.h"
#include "validator/preflight/address.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

// `proof` is of type tls-alpn-01, `addresses` are its name's.
Sight AlpnLook(const Viewpoint& viewpoint, const challenge::Proof& proof,
               const std::vector<Address>& addresses, const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_ALPN_LOOK_H_
