#ifndef NORROY_VALIDATOR_PREFLIGHT_PROOF_LOOK_H_
#define NORROY_VALIDATOR_PREFLIGHT_PROOF_LOOK_H_

// Everything that a CA looks at before it believes a proof: the challenge's own answer, CAA, and
// DNSSEC under both. What the deadline cut short says nothing of the other side: it is UNKNOWN,
// LOOK_TIMED_OUT, beside what was found before.

#include "common/challenge/proof.h"
#include "validator/preflight/caa_look.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

Sight LookAtProof(const Viewpoint& viewpoint, const challenge::Proof& proof, const CaFacts& ca,
                  const Deadline& deadline);

// What can be said without a resolver.
Sight NoResolver();

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_PROOF_LOOK_H_
