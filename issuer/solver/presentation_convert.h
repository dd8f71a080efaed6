#ifndef NORROY_ISSUER_SOLVER_PRESENTATION_CONVERT_H_
#define NORROY_ISSUER_SOLVER_PRESENTATION_CONVERT_H_

// The solver's values as the validator's API writes them. Pure functions. What a validator answers
// is checked: INTERNAL, reason VALIDATOR_PROTOCOL.

#include <vector>

#include "absl/status/statusor.h"
#include "issuer/solver/solver.h"
#include "norroy/validator/v1/presentation_service.pb.h"

namespace norroy::solver {

validator::v1::PlanRequest ToPlanRequest(const std::vector<challenge::Name>& names);
// One plan for each of `names`, in their order.
absl::StatusOr<std::vector<NamePlan>> FromProto(const std::vector<challenge::Name>& names,
                                                const validator::v1::PlanResponse& response);

validator::v1::PresentRequest ToPresentRequest(const Presentation& presentation);
absl::StatusOr<PresentationStatus> FromProto(const validator::v1::PresentResponse& response);

validator::v1::ReleaseRequest ToReleaseRequest(const std::string& id, int64_t generation,
                                               absl::Time tombstone_until);

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_PRESENTATION_CONVERT_H_
