#ifndef NORROY_ISSUER_SOLVER_VALIDATOR_SOLVER_H_
#define NORROY_ISSUER_SOLVER_VALIDATOR_SOLVER_H_

// The real Solver: validators with their agents. Present answers from what it knows at once and
// keeps one held call at a validator for as long as the proofs are being put up; each answer of it
// updates what is known and calls OnChange. The validator whose plan was whole last is asked
// first; the next one when it cannot be reached. Looks go to all of them at once, each a viewpoint.
// Release is sent to every validator that was shown
// the presentation (to all, after a restart) and repeated until its lease has ended.

#include <memory>
#include <vector>

#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "issuer/solver/solver.h"
#include "issuer/solver/validator_link.h"

namespace norroy::solver {

struct ValidatorSolverOptions {
  Validators validators;  // at least one
  Timers& timers;
  Clock& clock;
};

// `timers` and `clock` outlive the solver. The destructor waits up to 2 s for releases that are on
// their way, then cancels what is left.
std::unique_ptr<Solver> MakeValidatorSolver(ValidatorSolverOptions options);

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_VALIDATOR_SOLVER_H_
