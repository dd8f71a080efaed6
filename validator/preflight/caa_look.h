#ifndef NORROY_VALIDATOR_PREFLIGHT_CAA_LOOK_H_
#define NORROY_VALIDATOR_PREFLIGHT_CAA_LOOK_H_

// Whether CAA records (RFC 8659) let this CA issue for a name, for this account and by this method
// (RFC 8657). Addresses have no CAA.

#include <string>
#include <vector>

#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

// What the records are judged by.
struct CaFacts {
  // The CA's issuer domain names. Empty: records are shown, not judged.
  std::vector<std::string> identities;
  std::string account_uri;  // empty: not judged
};

Sight CaaLook(const Viewpoint& viewpoint, const challenge::Name& name,
              challenge::ChallengeType method, const CaFacts& ca, const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_CAA_LOOK_H_
