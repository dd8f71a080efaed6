#ifndef NORROY_VALIDATOR_PRESENTATION_PLAN_H_
#define NORROY_VALIDATOR_PRESENTATION_PLAN_H_

// Who would answer for a name, by what, and who is missing. Pure.

#include <utility>
#include <vector>

#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "norroy/validator/v1/presentation_service.pb.h"
#include "validator/agents/registry.h"

namespace norroy::validator {

using Candidates = std::vector<std::pair<challenge::ChallengeType, Candidate>>;

// Those of one type that count, in order: all that must answer if any of them must, else those of
// which one is enough.
struct RespondersOf {
  Responders mode = Responders::kOne;
  std::vector<Candidate> candidates;
};
RespondersOf RespondersByType(const Candidates& candidates, challenge::ChallengeType type);

validator::v1::NamePlan PlanName(const challenge::Name& name, const Candidates& candidates);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_PLAN_H_
