#ifndef NORROY_TESTS_CHAOS_SCENES_H_
#define NORROY_TESTS_CHAOS_SCENES_H_

// Plays a row: so many rounds, in each of which so many orders are under way when it happens.

#include "tests/chaos/checks.h"
#include "tests/chaos/table.h"

namespace norroy::chaos {

struct Dose {
  int rounds = 5;
  int orders = 20;
  bool postgres = false;  // instead of SQLite
};

Result Play(const Row& row, const Dose& dose);

}  // namespace norroy::chaos

#endif  // NORROY_TESTS_CHAOS_SCENES_H_
