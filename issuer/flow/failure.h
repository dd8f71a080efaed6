#ifndef NORROY_ISSUER_FLOW_FAILURE_H_
#define NORROY_ISSUER_FLOW_FAILURE_H_

// What becomes of an order whose step failed: the world's fault waits and is tried again, a refusal
// is final. One place decides, by status code.

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "issuer/flow/step.h"

namespace norroy::flow {

// UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL (a reply that made no
// sense) and what waits for an operator's hand (NO_ACCOUNT, ACCOUNT_REFUSED, USER_ACTION_REQUIRED)
// may be repeated.
bool IsWorthRepeating(const absl::Status& failure);

// Nobody is there, or somebody else: what other orders would find, too. Nothing was sent.
bool IsUnreached(const absl::Status& failure);

// The moment that the CA or a limit named ("retry_at"), else InfinitePast.
absl::Time RetryAt(const absl::Status& failure);

// 1 s doubling to 10 min, with a fifth of jitter.
absl::Duration BackOff(int attempt, double fraction);

// Another CA may take the order: this one cannot be reached, does not work, or gives no more for
// now. Whatever is our own fault, or waits for a hand at our account, is not among it.
bool IsForAnotherCa(const absl::Status& failure);

// Where the CA cannot take the order and another may: begins anew there, at once if the failure is
// to last (`retry_at`), else when it has lasted. Unset: it stays. An order that no CA can take goes
// round, to each at most once in ten minutes.
absl::StatusOr<std::optional<Next>> FailOver(Work& work, const Tools& tools,
                                             const absl::Status& failure, absl::Time retry_at);

// Waits (noting the error, counting the attempt, storing the hold that a 429 or 503 asks for) or
// gives up. What only a human can lift holds the names (CA_PAUSED) or the whole CA for a day, or
// until `norroy order retry`: no order asks the CA meanwhile.
absl::StatusOr<Next> AfterFailure(Work& work, const Tools& tools, const absl::Status& failure);

// One of the order's names is paused at the CA: why. OK: none is.
absl::Status CheckPaused(const Order& order, const Tools& tools);

// The CA's certificate is not what was asked for: another for the same names is not ordered at
// once, since it would hardly be better (an hour; a day where that happened lately, too).
absl::Status HoldSet(const Order& order, const Tools& tools, const absl::Status& why);

// A human has looked at what this order waits or ended for: the holds that wait for that are
// lifted.
absl::Status LiftHolds(const Order& order, store::Store& store);

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_FAILURE_H_
