// PRESENTING: the CA is told only when every responder serves.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// How long a presentation may exist without being renewed. DNS changes take longer to be seen.
constexpr absl::Duration kHttpLease = absl::Minutes(15);
constexpr absl::Duration kDnsLease = absl::Minutes(30);
// The agents' clocks may be behind ours.
constexpr absl::Duration kClockSkew = absl::Minutes(1);
// The solver wakes us; this is for a wake-up that got lost.
constexpr absl::Duration kPoll = absl::Seconds(20);
constexpr absl::Duration kSlow = absl::Seconds(1);

// Half an hour only where every pending name is proved by DNS, as far as that is known.
absl::Duration LeaseFor(const Order& order) {
  for (const NameProgress& progress : order.progress) {
    if (progress.state == NameState::kValid) continue;
    for (const NameProgress::Offer& offer : progress.offers) {
      const bool counts = !progress.type.has_value() || progress.type == offer.type;
      if (counts && offer.type != challenge::ChallengeType::kDns01) return kHttpLease;
    }
  }
  return kDnsLease;
}

NameProgress* ProgressOf(Order& order, const challenge::Name& name) {
  for (NameProgress& progress : order.progress) {
    if (progress.name == name) return &progress;
  }
  return nullptr;
}

// Takes over what the solver knows; returns whom the order waits for.
std::string TakeOver(Order& order, const solver::PresentationStatus& status) {
  std::vector<std::string> missing;
  for (const solver::PresentedName& presented : status.names) {
    NameProgress* const progress = ProgressOf(order, presented.name);
    if (progress == nullptr || progress->state == NameState::kValid) continue;
    progress->state = NameState::kPresenting;
    progress->type = presented.type;
    progress->agents = presented.agents;
    missing.insert(missing.end(), presented.missing.begin(), presented.missing.end());
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  return missing.empty() ? "the agents" : absl::StrCat("agent ", absl::StrJoin(missing, ", "));
}

absl::Status WhyFailed(const solver::PresentationStatus& status) {
  for (const solver::PresentedName& name : status.names) {
    if (name.state != solver::PresentationState::kFailed) continue;
    return MakeError(
        absl::StatusCode::kUnavailable, "PRESENT_FAILED",
        absl::StrCat("the proof for ", name.name.text(), " is not served: ", name.error),
        {{"name", name.name.text()}, {"agent", absl::StrJoin(name.missing, ",")}});
  }
  return MakeError(absl::StatusCode::kUnavailable, "PRESENT_FAILED", "the proofs are not served");
}

// Nothing was told to the CA: take down what is up, wait, read the authorizations again.
absl::StatusOr<Next> TryAgainLater(Work& work, const Tools& tools, const absl::Status& why) {
  ReleasePresentation(work, tools);
  work.authorizations_read = false;
  const int attempt = work.order.attempt;
  Enter(work, State::kOrdering, tools.clock.Now());
  work.order.attempt = attempt;
  return AfterFailure(work, tools, why);
}

// A proof of a type that nobody would put up is not made.
bool IsPlanned(const std::vector<solver::NamePlan>& plans, const challenge::Name& name,
               challenge::ChallengeType type) {
  for (const solver::NamePlan& plan : plans) {
    if (plan.name != name) continue;
    for (const solver::TypePlan& planned : plan.types) {
      if (planned.type == type) return true;
    }
  }
  return false;
}

absl::Status NoCommonType(const challenge::Name& name) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_CHALLENGE",
                   absl::StrCat("the CA offers no challenge for ", name.text(),
                                " of a type by which an agent answers for it"),
                   {{"name", name.text()}});
}

}  // namespace

bool IsRenewalDue(const Order& order, absl::Time now) {
  return order.lease_not_after - now < LeaseFor(order) / 2;
}

absl::Status SealProofs(Work& work, const Tools& tools) {
  Order& order = work.order;
  if (!work.plan.has_value()) {
    NORROY_ASSIGN_OR_RETURN(work.plan, tools.solver.Plan(order.names));
  }
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.accounts.ClientFor(order.ca));
  const std::string thumbprint = ca->Thumbprint();
  const absl::Time now = tools.clock.Now();
  solver::Presentation presentation;
  presentation.id = order.id;
  presentation.generation = order.generation + 1;
  presentation.not_after = now + LeaseFor(order);
  for (const NameProgress& progress : order.progress) {
    if (progress.state == NameState::kValid) continue;
    const size_t before = presentation.proofs.size();
    for (const NameProgress::Offer& offer : progress.offers) {
      if (!IsPlanned(*work.plan, progress.name, offer.type)) continue;
      NORROY_ASSIGN_OR_RETURN(const challenge::Token token, challenge::Token::Parse(offer.token));
      NORROY_ASSIGN_OR_RETURN(const challenge::KeyAuthorization key_authorization,
                              challenge::KeyAuthorization::Make(token, thumbprint));
      const challenge::Proof proof{progress.name, offer.type, token, key_authorization};
      NORROY_ASSIGN_OR_RETURN(types::v1::SealedProof sealed,
                              tools.sealer.Seal(order.id, presentation.generation, proof,
                                                now - kClockSkew, presentation.not_after));
      presentation.proofs.push_back(std::move(sealed));
    }
    if (presentation.proofs.size() == before) return NoCommonType(progress.name);
  }
  order.generation = presentation.generation;
  order.lease_not_after = presentation.not_after;
  order.released = false;
  work.presentation = std::move(presentation);
  return absl::OkStatus();
}

void ReleasePresentation(Work& work, const Tools& tools) {
  Order& order = work.order;
  if (order.released) return;
  const absl::Status released =
      tools.solver.Release(order.id, order.generation, order.lease_not_after);
  if (!released.ok()) {
    // The lease ends it at the latest.
    log::Warning("order", "release failed",
                 {{"order_id", order.id}, {"error", released.message()}});
  }
  order.released = true;
  work.presentation.reset();
}

absl::StatusOr<Next> Present(Work& work, const Tools& tools) {
  Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  if (!work.presentation.has_value() || IsRenewalDue(order, now)) {
    // Whoever takes the order anew seals anew: a seal's bytes are not stored.
    NORROY_RETURN_IF_ERROR(SealProofs(work, tools));
    return Next::RunOn();
  }
  const absl::StatusOr<solver::PresentationStatus> status =
      tools.solver.Present(*work.presentation);
  if (!status.ok()) {
    if (IsWorthRepeating(status.status())) return TryAgainLater(work, tools, status.status());
    // STALE_GENERATION or RELEASED: an earlier life was further on; a new generation is welcome.
    if (ErrorReason(status.status()) == "STALE_GENERATION" ||
        ErrorReason(status.status()) == "RELEASED") {
      work.presentation.reset();
      return Next::RunOnUnsaved();
    }
    return status.status();
  }
  work.shown_generation = order.generation;
  const std::string waiting_for = TakeOver(order, *status);
  switch (status->state) {
    case solver::PresentationState::kReady:
      order.error.reset();
      Enter(work, State::kValidating, now);
      // A restart in PRESENTING comes here again, and reads the authorizations before it tells
      // the CA anything.
      return Next::RunOnUnsaved();
    case solver::PresentationState::kFailed:
      return TryAgainLater(work, tools, WhyFailed(*status));
    case solver::PresentationState::kReleased:
      work.presentation.reset();
      return Next::RunOnUnsaved();
    case solver::PresentationState::kPuttingUp:
      break;
  }
  // Ordinarily the agents answer in milliseconds; whom a slow order waits for is for callers to
  // see.
  if (now - order.state_time < kSlow) return Next::Wait(kSlow, false);
  const bool news = order.waiting_for != waiting_for;
  order.waiting_for = waiting_for;
  return Next::Wait(kPoll, news);
}

}  // namespace norroy::flow
