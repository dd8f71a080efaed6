#ifndef NORROY_TESTS_CHAOS_CHECKS_H_
#define NORROY_TESTS_CHAOS_CHECKS_H_

// What must hold when all has calmed down, whatever was killed:
//
//   I1  every accepted order has ended, once, as it should
//   I2  the CA finalized at most one order for each of ours, and has no more orders than the row's
//       kills may have cost; a finalize that was sent again was the same CSR
//   I3  the certificate of a VALID order is that of its key and name, the CA's, and the same bytes
//       when it is asked for again
//   I4  five seconds after the last lease no proof is served anywhere, and journals are empty
//   I5  the CA found nothing that RFC 8555 forbids
//   I8  every process is alive

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "norroy/issuer/v1/order_service.pb.h"
#include "tests/chaos/caller.h"
#include "tests/chaos/table.h"
#include "tests/chaos/world.h"

namespace norroy::chaos {

// Of all rounds of a row.
struct Result {
  int kills = 0;
  int orders = 0;
  int lost = 0;
  int double_finalizes = 0;
  int proofs_left = 0;
  absl::Duration time;
  std::vector<std::string> findings;
};

// Until every order is in a final state, for a while.
bool WaitForEnds(World& world, const std::vector<Placed>& placed);
// After one round, whose orders these are and in which `kills` processes died.
void Check(World& world, const Row& row, const std::vector<Placed>& placed, int kills,
           issuer::v1::OrderState expected, Result& result);
// I4, I5 and I8 alone.
void CheckCalm(World& world, Result& result);

}  // namespace norroy::chaos

#endif  // NORROY_TESTS_CHAOS_CHECKS_H_
