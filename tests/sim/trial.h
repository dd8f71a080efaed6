#ifndef NORROY_TESTS_SIM_TRIAL_H_
#define NORROY_TESTS_SIM_TRIAL_H_

// One seed from its beginning to its verdict.

#include <cstdint>
#include <string>

#include "tests/sim/world.h"

namespace norroy::sim {

struct Verdict {
  // Of all that happened: the same for the same seed.
  uint64_t hash = 0;
  // Empty: every invariant held. Else what did not, and what happened before.
  std::string report;
};

// `coverage` may be null.
Verdict Try(Workshop& workshop, const SimOptions& options, Coverage* coverage);

// A new folder for journals, in memory if there is such a file system: every record is synced.
std::string NewJournalFolder();

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_TRIAL_H_
