// GIVING_UP: first the CA's pending authorizations, then the proofs, then the flight.

#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// RFC 8555 7.5.2. Best effort, one request a step: a pending authorization that stays behind costs
// the account room at the CA until it expires.
absl::StatusOr<bool> DeactivateOne(Work& work, const Tools& tools) {
  for (NameProgress& progress : work.order.progress) {
    const bool pending = progress.state == NameState::kPending ||
                         progress.state == NameState::kPresenting ||
                         progress.state == NameState::kValidating;
    if (!pending || progress.authorization_url.empty()) continue;
    const absl::StatusOr<acme::Client*> ca = tools.Ca(work);
    absl::Status done = ca.status();
    if (ca.ok()) done = (*ca)->DeactivateAuthorization(progress.authorization_url);
    if (!done.ok()) {
      log::Warning("order", "authorization left pending",
                   {{"order_id", work.order.id},
                    {"authorization", progress.authorization_url},
                    {"error", done.message()}});
    }
    progress.authorization_url.clear();
    // A CA that does not answer is not asked once more for every name.
    if (!done.ok() && IsWorthRepeating(done)) return false;
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
  Enter(work, order.ending, tools.clock.Now());
  order.due_time = absl::InfiniteFuture();
  log::Info("order", "ended without a certificate",
            {{"order_id", order.id},
             {"state", StateName(order.state)},
             {"error", order.error.has_value() ? order.error->message : ""}});
  return Next::Park();
}

}  // namespace norroy::flow
