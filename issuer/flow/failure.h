#ifndef NORROY_ISSUER_FLOW_FAILURE_H_
#define NORROY_ISSUER_FLOW_FAILURE_H_

// What becomes of an order whose step failed: the world's fault waits and is tried again, a refusal
// is final. One place decides, by status code.

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "issuer/flow/step.h"

namespace norroy::flow {

// UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL (a reply that made no
// sense) and what waits for an operator's hand (NO_ACCOUNT) may be repeated.
bool IsWorthRepeating(const absl::Status& failure);

// The moment that the CA or a limit named ("retry_at"), else InfinitePast.
absl::Time RetryAt(const absl::Status& failure);

// 1 s doubling to 10 min, with a fifth of jitter.
absl::Duration BackOff(int attempt, double fraction);

// Waits (noting the error, counting the attempt, storing the hold that a 429 or 503 asks for) or
// gives up.
absl::StatusOr<Next> AfterFailure(Work& work, const Tools& tools, const absl::Status& failure);

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_FAILURE_H_
