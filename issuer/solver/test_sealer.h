#ifndef NORROY_ISSUER_SOLVER_TEST_SEALER_H_
#define NORROY_ISSUER_SOLVER_TEST_SEALER_H_

#include "issuer/solver/sealer.h"

namespace norroy::solver {

// A sealer of deployment "test", for tests; its key lives as long as the process.
const Sealer& TestSealer();

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_TEST_SEALER_H_
