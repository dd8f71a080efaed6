// GIVING_UP: first the CA's pending authorizations, then the proofs, then the flight.

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/budget.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

bool IsLeftPending(const NameProgress& progress) {
  const bool pending = progress.state == NameState::kPending ||
                       progress.state == NameState::kPresenting ||
                       progress.state == NameState::kValidating;
  return pending && !progress.authorization_url.empty();
}

// A pending authorization that stays behind costs the account room at the CA, and may become valid
// if the CA was told of its proof: Withdrawal deactivates it when the CA can be asked again.
absl::Status LeaveToWithdrawal(Work& work, const Tools& tools) {
  const absl::StatusOr<acme::Client*> ca = tools.accounts.ClientFor(work.order.ca);
  std::vector<store::Authorization> left;
  for (NameProgress& progress : work.order.progress) {
    if (!IsLeftPending(progress)) continue;
    if (ca.ok()) {
      left.push_back({.url = progress.authorization_url,
                      .ca = work.order.ca,
                      .account_url = (*ca)->account_url(),
                      .name = progress.name.text(),
                      .expire_time = tools.clock.Now() + store::kLongestAuthorization,
                      .order_id = "",
                      .reason = absl::StrCat("ORDER_ENDED: order/", work.order.id,
                                             " ended before it was valid")});
    }
    progress.authorization_url.clear();
  }
  return tools.authorizations.Note(left);
}

// RFC 8555 7.5.2. One request a step. False: nothing is left to be done.
absl::StatusOr<bool> DeactivateOne(Work& work, const Tools& tools) {
  for (NameProgress& progress : work.order.progress) {
    if (!IsLeftPending(progress)) continue;
    const absl::StatusOr<acme::Client*> ca = tools.Ca(work);
    absl::Status done = ca.status();
    if (ca.ok()) done = (*ca)->DeactivateAuthorization(progress.authorization_url);
    NORROY_FAILPOINT("issuer.deactivated");
    if (!done.ok()) {
      log::Warning("order", "authorization left pending",
                   {{"order_id", work.order.id},
                    {"authorization", progress.authorization_url},
                    {"error", done.message()}});
    }
    // A CA that does not answer is not asked once more for every name.
    if (!done.ok() && IsWorthRepeating(done)) {
      NORROY_RETURN_IF_ERROR(LeaveToWithdrawal(work, tools));
      return false;
    }
    progress.authorization_url.clear();
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<Next> CleanUp(Work& work, const Tools& tools) {
  Order& order = work.order;
  NORROY_ASSIGN_OR_RETURN(const bool more, DeactivateOne(work, tools));
  if (more) return Next::RunOnUnsaved();
  ReleasePresentation(work, tools);
  NORROY_RETURN_IF_ERROR(GiveFlightBack(work, tools));
  if (tools.budget != nullptr) NORROY_RETURN_IF_ERROR(tools.budget->GiveBack(order));
  Enter(work, order.ending, tools.clock.Now());
  order.due_time = absl::InfiniteFuture();
  log::Info("order", "ended without a certificate",
            {{"order_id", order.id},
             {"state", StateName(order.state)},
             {"error", order.error.has_value() ? order.error->message : ""}});
  return Next::Park();
}

}  // namespace norroy::flow
