#ifndef NORROY_ISSUER_SERVICE_PLAN_CHECK_H_
#define NORROY_ISSUER_SERVICE_PLAN_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "issuer/solver/solver.h"

namespace norroy::service {

// Whether somebody would answer for every name. FAILED_PRECONDITION, reason NO_RESPONDER (no
// challenge grant covers a name) or AGENT_NOT_ATTACHED (agents that must answer are not attached),
// with each name that lacks one, what it lacks, and what would help.
absl::Status CheckPlans(const std::vector<solver::NamePlan>& plans);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_PLAN_CHECK_H_
