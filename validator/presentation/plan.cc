#include "validator/presentation/plan.h"

#include <algorithm>

#include "validator/presentation/wish.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;

v1::TypePlan PlanType(const Candidates& candidates, ChallengeType type) {
  const RespondersOf responders = RespondersByType(candidates, type);
  v1::TypePlan plan;
  plan.set_type(challenge::ToProto(type));
  for (const Candidate& candidate : responders.candidates) {
    if (candidate.attached) plan.add_agents(candidate.agent);
  }
  // Where one is enough, nobody is missing as long as there is one.
  if (responders.mode == Responders::kOne && !plan.agents().empty()) return plan;
  for (const Candidate& candidate : responders.candidates) {
    if (!candidate.attached) plan.add_missing(candidate.agent);
  }
  return plan;
}

}  // namespace

RespondersOf RespondersByType(const Candidates& candidates, ChallengeType type) {
  RespondersOf result;
  for (const auto& [candidate_type, candidate] : candidates) {
    if (candidate_type != type) continue;
    if (candidate.responders == Responders::kAll) result.mode = Responders::kAll;
    result.candidates.push_back(candidate);
  }
  if (result.mode == Responders::kAll) {
    const auto optional = [](const Candidate& c) { return c.responders == Responders::kOne; };
    auto& all = result.candidates;
    all.erase(std::remove_if(all.begin(), all.end(), optional), all.end());
  }
  return result;
}

v1::NamePlan PlanName(const challenge::Name& name, const Candidates& candidates) {
  v1::NamePlan plan;
  *plan.mutable_name() = ToPlanned(name);
  std::vector<ChallengeType> seen;
  for (const auto& [type, candidate] : candidates) {
    if (std::find(seen.begin(), seen.end(), type) != seen.end()) continue;
    seen.push_back(type);
    *plan.add_types() = PlanType(candidates, type);
  }
  return plan;
}

}  // namespace norroy::validator
