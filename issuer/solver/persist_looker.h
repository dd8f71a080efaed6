#ifndef NORROY_ISSUER_SOLVER_PERSIST_LOOKER_H_
#define NORROY_ISSUER_SOLVER_PERSIST_LOOKER_H_

// Asks every validator at once to look at a dns-persist-01 record, each a viewpoint. Keeps nothing:
// each look is a new one.

#include "common/clock/clock.h"
#include "issuer/solver/call_registry.h"
#include "issuer/solver/solver.h"
#include "issuer/solver/validator_link.h"

namespace norroy::solver {

// Thread-safe.
class PersistLooker {
 public:
  // The references outlive the looker's Close.
  PersistLooker(const Validators& validators, Clock& clock)
      : validators_(validators), clock_(clock) {}

  // As Solver::LookPersist.
  void Look(const PersistLook& look, const Solver::PersistDone& done);
  // Cancels what is open and waits for it; what is cancelled is answered, too.
  void Close();

 private:
  const Validators& validators_;
  Clock& clock_;
  CallRegistry calls_;
};

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_PERSIST_LOOKER_H_
