// VALIDATING: the CA is told to look; its order says how it went.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/choice.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// Tries of a challenge that the CA refuses to look at though it is pending.
constexpr int kMaxRefusals = 3;
constexpr absl::Duration kRefusedPause = absl::Seconds(2);

absl::Status ReadAuthorization(Work& work, const Tools& tools, NameProgress& progress) {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
  NORROY_ASSIGN_OR_RETURN(const acme::Authorization authorization,
                          ca->GetAuthorization(progress.authorization_url));
  NoteRetryAfter(work, tools, authorization.retry_after);
  progress.responded = authorization.status != acme::AuthorizationStatus::kPending;
  if (authorization.status == acme::AuthorizationStatus::kValid) {
    progress.state = NameState::kValid;
  }
  for (const acme::Challenge& challenge : authorization.challenges) {
    if (challenge.status != acme::ChallengeStatus::kPending) progress.responded = true;
  }
  if (authorization.status == acme::AuthorizationStatus::kPending) {
    progress.state = progress.responded ? NameState::kValidating : NameState::kPresenting;
  }
  if (authorization.status != acme::AuthorizationStatus::kInvalid) return absl::OkStatus();
  progress.state = NameState::kInvalid;
  // Whoever is to blame: the order may end before that is asked.
  return tools.store.NoteFailure(work.order, progress.name, progress.authorization_url,
                                 tools.clock.Now());
}

// After a restart nobody knows what was sent: a challenge is answered only while it is pending
// (RFC 8555 7.5.1; a second answer is an error at some CAs).
absl::Status ReadAuthorizations(Work& work, const Tools& tools) {
  // What is known to have been answered is left alone while the CA asks for it.
  const bool early = WaitForPollTime(work, tools).has_value();
  for (NameProgress& progress : work.order.progress) {
    if (progress.state == NameState::kValid) continue;
    if (early && progress.state == NameState::kValidating) {
      progress.responded = true;
      continue;
    }
    NORROY_RETURN_IF_ERROR(ReadAuthorization(work, tools, progress));
  }
  work.authorizations_read = true;
  return absl::OkStatus();
}

// The CA's order is dead (RFC 8555 7.1.6): it is told nothing more.
bool HasInvalid(const Order& order) {
  return std::any_of(
      order.progress.begin(), order.progress.end(),
      [](const NameProgress& progress) { return progress.state == NameState::kInvalid; });
}

// Another order of ours may share the authorization and have told the CA of it: then it is not
// pending any more, and its verdict is ours too.
absl::StatusOr<Next> OnRefused(Work& work, const Tools& tools, NameProgress& progress,
                               const absl::Status& refused) {
  if (IsWorthRepeating(refused)) {
    // It may have arrived; that is read before it is said again, also where nothing can be stored.
    work.authorizations_read = false;
    return refused;
  }
  NORROY_RETURN_IF_ERROR(ReadAuthorization(work, tools, progress));
  if (progress.state == NameState::kValid || progress.responded) {
    log::Info("order", "the CA knew of the proof already",
              {{"order_id", work.order.id}, {"name", progress.name.text()}});
    return Next::RunOnUnsaved();
  }
  if (++work.refusals >= kMaxRefusals) return refused;
  return Next::Wait(kRefusedPause, false);
}

// One challenge at a time (RFC 8555 7.5.1). Unset: all were told.
absl::StatusOr<std::optional<Next>> TellTheCa(Work& work, const Tools& tools) {
  if (HasInvalid(work.order)) return std::optional<Next>();
  for (NameProgress& progress : work.order.progress) {
    if (progress.state == NameState::kValid || progress.responded) continue;
    const NameProgress::Offer* const offer =
        progress.type.has_value() ? OfferOf(progress, *progress.type) : nullptr;
    if (offer == nullptr) {
      // The solver chose a type that this authorization does not have: begin again.
      return std::optional<Next>(StartAnew(work, tools.clock.Now()));
    }
    NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
    NORROY_FAILPOINT("issuer.proofs_seen");
    const absl::Status told = ca->RespondToChallenge(offer->url);
    NORROY_FAILPOINT("issuer.ca_told");
    if (!told.ok()) {
      NORROY_ASSIGN_OR_RETURN(const Next next, OnRefused(work, tools, progress, told));
      return std::optional<Next>(next);
    }
    progress.responded = true;
    progress.state = NameState::kValidating;
    return std::optional<Next>(Next::RunOnUnsaved());
  }
  return std::optional<Next>();
}

bool SomebodyWaitsToBeTold(const Order& order) {
  if (HasInvalid(order)) return false;
  for (const NameProgress& progress : order.progress) {
    if (progress.state != NameState::kValid && !progress.responded) return true;
  }
  return false;
}

absl::StatusOr<Next> Poll(Work& work, const Tools& tools) {
  // Woken by something else than time: the CA is left alone until it is due (RFC 8555 7.5.1).
  if (const std::optional<Next> early = WaitForPollTime(work, tools)) return *early;
  const absl::Duration begin = tools.clock.Monotonic();
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
  NORROY_ASSIGN_OR_RETURN(acme::Order order, ca->GetOrder(work.order.ca_order_url));
  const absl::Duration end = tools.clock.Monotonic();
  work.ca_order = std::move(order);
  switch (work.ca_order->status) {
    case acme::OrderStatus::kPending: {
      const Next next = PollAgain(work, end - begin, work.ca_order->retry_after, tools.clock.Now(),
                                  "the CA's validation");
      work.poll_at = end + next.wait;
      return next;
    }
    case acme::OrderStatus::kInvalid:
      return Blame(work, tools);
    case acme::OrderStatus::kReady:
    case acme::OrderStatus::kProcessing:
    case acme::OrderStatus::kValid:
      return AfterValidation(work, tools);
  }
  return absl::InternalError("unknown order status");
}

}  // namespace

absl::StatusOr<Next> Validate(Work& work, const Tools& tools) {
  // The verdict is in; only who is to blame is not known yet.
  if (work.ca_order.has_value() && work.ca_order->status == acme::OrderStatus::kInvalid) {
    return Blame(work, tools);
  }
  if (!work.authorizations_read) {
    NORROY_RETURN_IF_ERROR(ReadAuthorizations(work, tools));
    if (SomebodyWaitsToBeTold(work.order)) {
      // The barrier held in an earlier life; it must hold now.
      Enter(work, State::kPresenting, tools.clock.Now());
    }
    // What the CA asked for is stored before it is waited for.
    return Next::RunOn();
  }
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> told, TellTheCa(work, tools));
  if (told.has_value()) return *told;
  if (IsRenewalDue(work, tools)) {
    NORROY_RETURN_IF_ERROR(SealProofs(work, tools));
    return Next::RunOn();
  }
  if (work.presentation.has_value() && work.shown_generation != work.order.generation) {
    // Ready again or not: the CA looks when it looks.
    NORROY_RETURN_IF_ERROR(tools.solver.Present(*work.presentation).status());
    work.shown_generation = work.order.generation;
  }
  return Poll(work, tools);
}

absl::StatusOr<Next> AfterValidation(Work& work, const Tools& tools) {
  Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  for (NameProgress& progress : order.progress) {
    progress.state = NameState::kValid;
    progress.offers.clear();
  }
  NORROY_FAILPOINT("issuer.validated");
  ReleasePresentation(work, tools);
  NORROY_FAILPOINT("issuer.released");
  order.error.reset();
  order.failed_types.clear();
  if (!order.csr.empty()) {
    Enter(work, State::kFinalizing, now);
    // The next that is stored is the intent to finalize.
    return Next::RunOnUnsaved();
  }
  return BecomeReady(work, tools);
}

absl::StatusOr<Next> WaitForCsr(Work& work, const Tools&) {
  return ParkUntil(work, work.order.expire_time, "a CSR");
}

}  // namespace norroy::flow
