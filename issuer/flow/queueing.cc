// QUEUED: spend nothing at the CA before it is known that the names can be validated.

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/flow/budget.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

constexpr absl::Duration kMaxAgentWait = absl::Seconds(30);

// The agents without which `plan` cannot be carried out; empty if one of its types can be.
std::vector<std::string> MissingAgents(const solver::NamePlan& plan) {
  for (const solver::TypePlan& type : plan.types) {
    if (type.missing.empty() && !type.agents.empty()) return {};
  }
  return plan.types.front().missing;
}

absl::StatusOr<Next> WaitForAgents(Work& work, const Tools& tools, const challenge::Name& name,
                                   const std::vector<std::string>& missing) {
  Order& order = work.order;
  // An order that begins anew has it still.
  if (work.holds_flight) NORROY_RETURN_IF_ERROR(GiveFlightBack(work, tools));
  const std::string agents = absl::StrJoin(missing, ", ");
  order.error = OrderError::Of(MakeError(
      absl::StatusCode::kUnavailable, "AGENT_NOT_ATTACHED",
      absl::StrCat("agent ", agents, ", which must answer for ", name.text(),
                   ", is not attached; start it, or state with `norroy agent drain` that its host "
                   "gets no traffic"),
      {{"name", name.text()}, {"agent", agents}}));
  const absl::Duration wait =
      std::min(BackOff(order.attempt, tools.random.Fraction()), kMaxAgentWait);
  ++order.attempt;
  return ParkUntil(work, tools.clock.Now() + wait, absl::StrCat("agent ", agents));
}

// The moment until which our own guards keep the order back.
absl::StatusOr<absl::Time> HeldUntil(const Work& work, const Tools& tools, absl::Time now) {
  const Order& order = work.order;
  // A CA order that replaces one that failed is bounded by the limit on failures.
  store::Limits limits = tools.limits;
  limits.new_orders_per_set_per_hour += order.restarts;
  // CAs count a renewal apart (RFC 9773), and one that is refused as such comes once more.
  if (!order.renews.empty()) ++limits.new_orders_per_set_per_hour;
  NORROY_ASSIGN_OR_RETURN(const absl::Time orders, tools.store.MayOrder(order, limits, now));
  NORROY_ASSIGN_OR_RETURN(const absl::Time failures,
                          tools.store.MayBeginValidation(order, tools.limits, now));
  return std::max(orders, failures);
}

// The moment until which the CA takes no orders for these names.
absl::StatusOr<absl::Time> RefusedUntil(const Order& order, const Tools& tools) {
  return tools.store.GetHold(store::SetScope(order));
}

// As far as is known without asking the CA: an order that does not say so is counted.
bool SaysWhatItReplaces(const Work& work, const Tools& tools) {
  if (work.order.renews.empty()) return false;
  const absl::StatusOr<acme::Client*> ca = tools.accounts.ClientFor(work.order.ca);
  if (!ca.ok()) return false;
  const absl::StatusOr<std::string> replaced = ReplacesOf(work, tools, **ca);
  return replaced.ok() && !replaced->empty();
}

// Unset: what the order costs of the CA's rate limits is drawn. Else it is in line.
absl::StatusOr<std::optional<Next>> DrawFromBudget(Work& work, const Tools& tools, absl::Time now) {
  const Order& order = work.order;
  if (tools.budget == nullptr) return std::optional<Next>();
  // Whoever does not count need not be asked.
  const bool replaces = tools.budget->Counts(order.ca) && SaysWhatItReplaces(work, tools);
  NORROY_ASSIGN_OR_RETURN(const store::Drawn drawn,
                          tools.budget->Draw(order, replaces, work.lease, now));
  if (drawn.turn <= now) return std::optional<Next>();
  const std::string words =
      absl::StrCat("the rate limits of ", order.ca, "; its turn comes at about ",
                   absl::FormatTime(absl::RFC3339_sec, drawn.turn, absl::UTCTimeZone()),
                   drawn.turn < order.expire_time ? "" : ", which is after it expires");
  const absl::Status spent = MakeError(absl::StatusCode::kResourceExhausted, "BUDGET_SPENT",
                                       absl::StrCat("the order waits for ", words));
  NORROY_ASSIGN_OR_RETURN(std::optional<Next> next, FailOver(work, tools, spent, drawn.turn));
  if (next.has_value()) return next;
  ClearError(work.order);
  NORROY_RETURN_IF_ERROR(GiveFlightBack(work, tools));
  return std::optional<Next>(ParkUntil(work, drawn.look_again, words));
}

// The same as a failure; what waits for a human has his reason.
absl::StatusOr<absl::Status> Refusal(const Order& order, const Tools& tools, absl::Time until) {
  NORROY_ASSIGN_OR_RETURN(const std::string why, tools.store.WhyHeld(store::SetScope(order)));
  if (!why.empty()) return absl::FailedPreconditionError(why);
  return MakeError(absl::StatusCode::kResourceExhausted, "SET_ON_HOLD",
                   absl::StrCat("the CA ", order.ca, " takes no order for these names until ",
                                absl::FormatTime(until, absl::UTCTimeZone())));
}

}  // namespace

absl::StatusOr<Next> Queue(Work& work, const Tools& tools) {
  Order& order = work.order;
  NORROY_RETURN_IF_ERROR(tools.accounts.ClientFor(order.ca).status());
  NORROY_RETURN_IF_ERROR(AskPlan(work, tools));
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> refused, RefuseUnanswerable(work, tools));
  if (refused.has_value()) return *refused;
  NORROY_RETURN_IF_ERROR(CheckPaused(order, tools));
  const absl::Time now = tools.clock.Now();
  for (const solver::NamePlan& plan : *work.plan) {
    const std::vector<std::string> missing = MissingAgents(plan);
    if (!missing.empty()) return WaitForAgents(work, tools, plan.name, missing);
  }
  NORROY_ASSIGN_OR_RETURN(const bool ours, TakeFlight(work, tools));
  if (!ours) return WaitForFlight(work, tools);
  NORROY_ASSIGN_OR_RETURN(const absl::Time refused_until, RefusedUntil(order, tools));
  if (refused_until > now) {
    NORROY_ASSIGN_OR_RETURN(const absl::Status refusal, Refusal(order, tools, refused_until));
    NORROY_ASSIGN_OR_RETURN(const std::optional<Next> elsewhere,
                            FailOver(work, tools, refusal, refused_until));
    if (elsewhere.has_value()) return *elsewhere;
  }
  NORROY_ASSIGN_OR_RETURN(const absl::Time held, HeldUntil(work, tools, now));
  const absl::Time until = std::max(refused_until, held);
  if (until > now) return WaitForLimit(work, tools, until);
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> in_line, DrawFromBudget(work, tools, now));
  if (in_line.has_value()) return *in_line;
  ClearError(order);
  Enter(work, State::kOrdering, now);
  // Nothing happened yet that a restart in QUEUED would not find out again.
  return Next::RunOnUnsaved();
}

}  // namespace norroy::flow
