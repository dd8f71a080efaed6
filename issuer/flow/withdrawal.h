#ifndef NORROY_ISSUER_FLOW_WITHDRAWAL_H_
#define NORROY_ISSUER_FLOW_WITHDRAWAL_H_

// Gives back what must not be used any more: an authorization that is valid at the CA lets an order
// be issued without a proof, so it must not outlive the challenge grants that it was proved under.
//
// On a thread of its own, never in a caller's way: the validators are asked for which of the names
// with valid authorizations nobody may answer any more (a grant was withdrawn, an agent removed;
// one that is only not attached may). Twice, at least kSure apart, and by every validator: where
// one cannot be asked, nothing is known and nothing is done. What is marked then, by an order that
// was refused, or because the order that alone might use it has ended, is deactivated at the CA
// (RFC 8555 7.5.2), a few a minute, under the CA's holds, repeated until the CA has done it, and
// audited ("authorization.withdraw", "authorization.deactivate"). Orders that are under way with
// such a name ask for themselves.

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "issuer/keys/accounts.h"
#include "issuer/solver/solver.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/store.h"

namespace norroy::flow {

// Why a name's authorizations must go when nobody may answer for it.
inline constexpr char kNobodyMayAnswer[] =
    "NO_RESPONDER: no agent may answer for the name any more";

struct WithdrawalOptions {
  store::Authorizations& authorizations;
  store::Store& store;  // for the CAs' holds
  keys::Accounts& accounts;
  solver::Solver& solver;
  Clock& clock;
  // Between two looks at the names, of which one takes in at most kNamesALook.
  absl::Duration interval = absl::Seconds(30);
  // After Start, so that agents are known again when everything starts at once.
  absl::Duration first = absl::Seconds(5);
  // Of one CA.
  int requests_per_minute = 30;

  static constexpr absl::Duration kSure = absl::Seconds(5);
  static constexpr int kNamesAPage = 100;
  static constexpr int kNamesALook = 1000;
};

// Thread-safe.
class Withdrawal {
 public:
  // Does nothing yet. What the options refer to outlives it.
  static std::unique_ptr<Withdrawal> Make(const WithdrawalOptions& options);
  // Stops.
  virtual ~Withdrawal() = default;

  virtual void Start() = 0;
  // Something was marked, or an order has ended: look soon.
  virtual void Wake() = 0;
  // Waits until nothing runs; nothing starts after it.
  virtual void Stop() = 0;

  // Does what is due now, on this thread; for tests, instead of Start. Returns after how long
  // something is due again.
  virtual absl::Duration RunDue() = 0;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_WITHDRAWAL_H_
