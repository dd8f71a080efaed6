#ifndef NORROY_ISSUER_FLOW_CHOICE_H_
#define NORROY_ISSUER_FLOW_CHOICE_H_

// By which challenge type a name is proved: what the CA offers, in the order in which somebody
// would answer, without what has failed.

#include <vector>

#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "issuer/flow/step.h"

namespace norroy::flow {

// Wildcards are proved by dns-01 alone, addresses by anything else (RFC 8738 7).
bool Fits(const challenge::Name& name, challenge::ChallengeType type);

// The types left for a pending name, the next one first. work.plan must be set.
std::vector<challenge::ChallengeType> TypesLeft(const Work& work, const NameProgress& progress);
// The same without the one by which it is being proved.
std::vector<challenge::ChallengeType> OtherTypesLeft(const Work& work,
                                                     const NameProgress& progress);

// The offer of that type; null if the CA made none.
const NameProgress::Offer* OfferOf(const NameProgress& progress, challenge::ChallengeType type);

// The present type of the name does not get another turn.
void NoteFailedType(Order& order, NameProgress& progress);
void ForgetFailedTypes(Order& order, const challenge::Name& name);

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_CHOICE_H_
