#ifndef NORROY_ISSUER_SOLVER_PLANNER_H_
#define NORROY_ISSUER_SOLVER_PLANNER_H_

// Asks validators who would answer, and remembers whose plan was whole last: that one is asked
// first, for plans and for presentations.

#include <atomic>
#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "issuer/solver/solver.h"
#include "issuer/solver/validator_link.h"

namespace norroy::solver {

// Thread-safe.
class Planner {
 public:
  // `validators` outlives the planner.
  explicit Planner(const Validators& validators) : validators_(validators) {}

  // As Solver::Plan.
  absl::StatusOr<std::vector<NamePlan>> Plan(const std::vector<challenge::Name>& names);
  // As Solver::Unanswerable.
  absl::StatusOr<std::vector<challenge::Name>> Unanswerable(
      const std::vector<challenge::Name>& names);
  // Of `validators`.
  size_t preferred() const { return preferred_; }

 private:
  const Validators& validators_;
  std::atomic<size_t> preferred_ = 0;
};

// `status` as UNAVAILABLE, by the validator's address.
absl::Status Unreachable(const ValidatorLink& validator, const absl::Status& status);

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_PLANNER_H_
