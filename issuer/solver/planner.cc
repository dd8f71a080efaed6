#include "issuer/solver/planner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/solver/presentation_convert.h"

namespace norroy::solver {
namespace {

constexpr absl::Duration kPlanTime = absl::Seconds(10);

// Somebody answers for every name, and nobody that must is missing.
bool IsWhole(const std::vector<NamePlan>& plans) {
  return std::all_of(plans.begin(), plans.end(), [](const NamePlan& plan) {
    return std::any_of(plan.types.begin(), plan.types.end(), [](const TypePlan& type) {
      return !type.agents.empty() && type.missing.empty();
    });
  });
}

// How many names nobody may answer for.
size_t Empty(const std::vector<NamePlan>& plans) {
  return static_cast<size_t>(std::count_if(
      plans.begin(), plans.end(), [](const NamePlan& plan) { return plan.types.empty(); }));
}

}  // namespace

absl::Status Unreachable(const ValidatorLink& validator, const absl::Status& status) {
  const absl::Status known =
      absl::IsUnavailable(status)
          ? status
          : MakeError(absl::StatusCode::kUnavailable, ErrorReason(status), status.message());
  return WithContext(known, absl::StrCat("validator ", validator.address()));
}

absl::StatusOr<std::vector<NamePlan>> Planner::Plan(const std::vector<challenge::Name>& names) {
  const size_t first = preferred_;
  const absl::Duration timeout = kPlanTime / static_cast<int64_t>(validators_.size());
  const validator::v1::PlanRequest request = ToPlanRequest(names);
  absl::StatusOr<std::vector<NamePlan>> best = absl::UnavailableError("no validator");
  for (size_t i = 0; i < validators_.size(); ++i) {
    const size_t index = (first + i) % validators_.size();
    ValidatorLink& validator = *validators_[index];
    const absl::StatusOr<validator::v1::PlanResponse> answer = validator.Plan(request, timeout);
    if (!answer.ok()) {
      if (!IsPassing(answer.status())) {
        return WithContext(answer.status(), absl::StrCat("validator ", validator.address()));
      }
      if (!best.ok()) best = Unreachable(validator, answer.status());
      continue;
    }
    NORROY_ASSIGN_OR_RETURN(std::vector<NamePlan> plans, FromProto(names, *answer));
    const bool whole = IsWhole(plans);
    // Who may answer is known to one of them at least; that one gets the presentation.
    if (whole || !best.ok() || Empty(plans) < Empty(*best)) {
      best = std::move(plans);
      preferred_ = index;
    }
    if (whole) break;
  }
  return best;
}

absl::StatusOr<std::vector<challenge::Name>> Planner::Unanswerable(
    const std::vector<challenge::Name>& names) {
  const absl::Duration timeout = kPlanTime / static_cast<int64_t>(validators_.size());
  std::vector<challenge::Name> left = names;
  for (const std::unique_ptr<ValidatorLink>& validator : validators_) {
    const absl::StatusOr<validator::v1::PlanResponse> answer =
        validator->Plan(ToPlanRequest(names), timeout);
    if (!answer.ok()) return Unreachable(*validator, answer.status());
    const absl::StatusOr<std::vector<NamePlan>> plans = FromProto(names, *answer);
    if (!plans.ok()) return Unreachable(*validator, plans.status());
    for (const NamePlan& plan : *plans) {
      if (!plan.types.empty())
        left.erase(std::remove(left.begin(), left.end(), plan.name), left.end());
    }
  }
  return left;
}

}  // namespace norroy::solver
