// An order that its CA cannot take goes to the next of its CAs.

#include <algorithm>
#include <optional>
#include <string>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"
#include "issuer/flow/budget.h"
#include "issuer/flow/failure.h"

namespace norroy::flow {
namespace {

// What is over sooner is waited for.
constexpr absl::Duration kWorthWaiting = absl::Minutes(1);
// A CA that could not take an order is not tried again for so long.
constexpr absl::Duration kNotAgain = absl::Minutes(10);
// Failures in a row: of a CA that says it is not well, and of one that is not reached, which may be
// our own network's fault, and is then all CAs' (half a minute).
constexpr int kMaxUnwell = 2;
constexpr int kMaxUnreached = 6;

// Nothing of the order is the CA's yet.
bool IsUnplaced(const Order& order) {
  return (order.state == State::kQueued || order.state == State::kOrdering) &&
         order.ca_order_url.empty() && order.finalize_intent_url.empty();
}

bool IsOfTheNetwork(const absl::Status& failure) {
  return IsUnreached(failure) || ErrorReason(failure) == "CONNECTION_LOST";
}

bool IsHold(const std::string& reason) {
  return reason == "CA_ON_HOLD" || reason == "SET_ON_HOLD" || reason == "BUDGET_SPENT";
}

bool HasLasted(const Order& order, const absl::Status& failure, absl::Duration left) {
  if (left >= kWorthWaiting) return true;
  if (IsHold(ErrorReason(failure))) return false;
  return order.attempt + 1 >= (IsOfTheNetwork(failure) ? kMaxUnreached : kMaxUnwell);
}

// There is an account, it did not fail the order lately, and nothing is known that keeps it from
// taking it now.
absl::StatusOr<bool> MayTake(const Order& order, const Tools& tools, const std::string& ca,
                             const absl::Status& failure, absl::Time now) {
  if (!tools.accounts.ClientFor(ca).ok()) return false;
  for (const FailedCa& failed : order.failed_cas) {
    if (failed.ca == ca && now - failed.time < kNotAgain) return false;
  }
  Order there = order;
  there.ca = ca;
  for (const std::string& scope : {store::CaScope(ca), store::SetScope(there)}) {
    NORROY_ASSIGN_OR_RETURN(const absl::Time hold, tools.store.GetHold(scope));
    if (hold - now >= kWorthWaiting) return false;
  }
  // Out of one line into another it would go round for days.
  if (ErrorReason(failure) != "BUDGET_SPENT") return true;
  NORROY_ASSIGN_OR_RETURN(const bool waits, tools.budget->WouldWait(order, ca, now));
  return !waits;
}

void NoteFailed(Order& order, const absl::Status& failure, absl::Time now) {
  for (FailedCa& failed : order.failed_cas) {
    if (failed.ca != order.ca) continue;
    failed = {order.ca, OrderError::Of(failure), now};
    return;
  }
  order.failed_cas.push_back({order.ca, OrderError::Of(failure), now});
}

Next GoTo(Work& work, const std::string& ca, const absl::Status& failure, absl::Time now) {
  Order& order = work.order;
  NoteFailed(order, failure, now);
  log::Warning(
      "order", "goes to another CA",
      {{"order_id", order.id}, {"from", order.ca}, {"to", ca}, {"error", failure.message()}});
  order.next_cas.erase(std::find(order.next_cas.begin(), order.next_cas.end(), ca));
  order.next_cas.push_back(order.ca);
  order.ca = ca;
  const Next next = StartAnew(work, now);
  order.attempt = 0;
  order.error = OrderError::Of(failure);
  // Of the CA that it leaves.
  order.replaces_refused = false;
  order.failed_types.clear();
  order.discarded_orders.clear();
  order.restarts = 0;
  order.retries = 0;
  return next;
}

}  // namespace

bool IsForAnotherCa(const absl::Status& failure) {
  if (const std::optional<acme::Problem> problem = acme::ProblemOf(failure)) {
    return problem->status >= 500 || problem->status == 429 ||
           problem->acme_type() == "rateLimited" || problem->acme_type() == "serverInternal";
  }
  const std::string reason = ErrorReason(failure);
  // A hold without an end waits for a human.
  if (reason == "CA_ON_HOLD") return ErrorMetadataOf(failure).count("retry_at") > 0;
  return IsOfTheNetwork(failure) || reason == "SET_ON_HOLD" || reason == "BUDGET_SPENT" ||
         reason == "REPLY_TIMEOUT";
}

absl::StatusOr<std::optional<Next>> FailOver(Work& work, const Tools& tools,
                                             const absl::Status& failure, absl::Time retry_at) {
  const Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  const bool goes = !order.next_cas.empty() && IsUnplaced(order) && IsForAnotherCa(failure) &&
                    HasLasted(order, failure, retry_at - now);
  if (!goes) return std::optional<Next>();
  for (const std::string& ca : order.next_cas) {
    NORROY_ASSIGN_OR_RETURN(const bool may, MayTake(order, tools, ca, failure, now));
    if (!may) continue;
    // It is held for each CA apart.
    NORROY_RETURN_IF_ERROR(GiveFlightBack(work, tools));
    return std::optional<Next>(GoTo(work, std::string(ca), failure, now));
  }
  return std::optional<Next>();
}

}  // namespace norroy::flow
