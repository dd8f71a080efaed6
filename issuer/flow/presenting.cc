// PRESENTING: the CA is told only when every responder serves, and viewpoints see it.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/choice.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// Many times what an hour brings, and read once.
constexpr int kReleasedAgain = 500;

// The solver wakes us; this is for a wake-up that got lost.
constexpr absl::Duration kPoll = absl::Seconds(20);
constexpr absl::Duration kSlow = absl::Seconds(1);
// READY is taken for granted for so long.
constexpr absl::Duration kReadyHolds = absl::Seconds(1);
// Longer than the solver takes for a recheck; it wakes us.
constexpr absl::Duration kRecheckWait = absl::Seconds(6);

NameProgress* ProgressOf(Order& order, const challenge::Name& name) {
  for (NameProgress& progress : order.progress) {
    if (progress.name == name) return &progress;
  }
  return nullptr;
}

std::string InWords(std::vector<std::string> agents) {
  std::sort(agents.begin(), agents.end());
  agents.erase(std::unique(agents.begin(), agents.end()), agents.end());
  return agents.empty() ? "the agents" : absl::StrCat("agent ", absl::StrJoin(agents, ", "));
}

// Takes over what the solver knows; returns whom the order waits for.
std::string TakeOver(Order& order, const solver::PresentationStatus& status) {
  std::vector<std::string> missing;
  for (const solver::PresentedName& presented : status.names) {
    NameProgress* const progress = ProgressOf(order, presented.name);
    if (progress == nullptr || progress->state == NameState::kValid) continue;
    // What the CA was told of in an earlier life stays told.
    if (progress->state != NameState::kValidating) progress->state = NameState::kPresenting;
    progress->type = presented.type;
    progress->agents = presented.agents;
    missing.insert(missing.end(), presented.missing.begin(), presented.missing.end());
  }
  return InWords(std::move(missing));
}

absl::Status WhyFailed(const solver::PresentedName& name) {
  return MakeError(absl::StatusCode::kUnavailable, "PRESENT_FAILED",
                   absl::StrCat("the proof for ", name.name.text(), " is not served: ", name.error),
                   {{"name", name.name.text()}, {"agent", absl::StrJoin(name.missing, ",")}});
}

// Names that cannot be served by one type get their next one; those that have none left wait, and
// every type gets another chance.
absl::StatusOr<Next> OnFailed(Work& work, const Tools& tools,
                              const solver::PresentationStatus& status) {
  absl::Status why;
  bool more = false;
  for (const solver::PresentedName& name : status.names) {
    if (name.state != solver::PresentationState::kFailed) continue;
    NameProgress* const progress = ProgressOf(work.order, name.name);
    if (progress != nullptr && progress->type.has_value() &&
        !OtherTypesLeft(work, *progress).empty()) {
      log::Warning("order", "a type of proof is not served; the next one is tried",
                   {{"order_id", work.order.id},
                    {"name", name.name.text()},
                    {"type", challenge::ChallengeTypeName(*progress->type)},
                    {"error", name.error}});
      NoteFailedType(work.order, *progress);
      more = true;
      continue;
    }
    if (why.ok()) why = WhyFailed(name);
    ForgetFailedTypes(work.order, name.name);
  }
  if (!why.ok()) return TakeBack(work, tools, why);
  if (more) return PresentWhatIsLeft(work);
  return TakeBack(
      work, tools,
      MakeError(absl::StatusCode::kUnavailable, "PRESENT_FAILED", "the proofs are not served"));
}

absl::StatusOr<Next> OnError(Work& work, const Tools& tools, const absl::Status& error) {
  if (IsWorthRepeating(error)) return TakeBack(work, tools, error);
  // An earlier life was further on, or the solver has forgotten it; a new generation is welcome.
  const std::string reason = ErrorReason(error);
  if (reason == "STALE_GENERATION" || reason == "RELEASED" || reason == "UNKNOWN_PRESENTATION") {
    work.presentation.reset();
    return Next::RunOnUnsaved();
  }
  // By our clock they had not: SealProofs has seen to that. A clock is set right sooner or later.
  if (reason == "EXPIRED" || reason == "NOT_YET_VALID") {
    return TakeBack(work, tools,
                    MakeError(absl::StatusCode::kUnavailable, "CLOCK_SKEW",
                              absl::StrCat("proofs sealed just now are refused for their times; "
                                           "compare the clocks of issuer and validator: ",
                                           error.message())));
  }
  return error;
}

// The agents by which a name is proved and that do not answer now, of those that served it or must.
std::vector<std::string> NotAttached(const Work& work) {
  std::vector<std::string> lost;
  for (const NameProgress& progress : work.order.progress) {
    if (progress.state == NameState::kValid) continue;
    std::vector<std::string> there;
    for (const solver::NamePlan& plan : *work.plan) {
      if (plan.name != progress.name) continue;
      for (const solver::TypePlan& type : plan.types) {
        if (type.type != progress.type) continue;
        there.insert(there.end(), type.agents.begin(), type.agents.end());
        lost.insert(lost.end(), type.missing.begin(), type.missing.end());
      }
    }
    for (const std::string& agent : progress.agents) {
      if (std::find(there.begin(), there.end(), agent) == there.end()) lost.push_back(agent);
    }
  }
  return lost;
}

// It is not as it was when it was READY: under a new generation everybody is asked and looked at
// anew.
Next PresentAnew(Work& work, std::string waiting_for) {
  log::Warning("order", "the proofs are not served as they were; they are presented anew",
               {{"order_id", work.order.id}, {"waiting_for", waiting_for}});
  work.order.waiting_for = std::move(waiting_for);
  work.presentation.reset();
  work.ready_revision.reset();
  work.looks.names.clear();
  work.looks.asked.clear();
  return Next::RunOnUnsaved();
}

// The solver says nothing new of what was READY, and looks may have taken minutes: it is asked.
// Unset: READY still.
absl::StatusOr<std::optional<Next>> Confirm(Work& work, const Tools& tools) {
  if (tools.clock.Monotonic() - work.ready_at < kReadyHolds) return std::optional<Next>();
  const auto then = [](absl::StatusOr<Next> next) -> absl::StatusOr<std::optional<Next>> {
    if (!next.ok()) return next.status();
    return std::optional<Next>(*next);
  };
  const absl::StatusOr<std::optional<solver::PresentationStatus>> now =
      tools.solver.Recheck(work.order.id, work.order.generation);
  work.rechecking = now.ok() && !now->has_value();
  if (!now.ok()) return then(OnError(work, tools, now.status()));
  if (work.rechecking) return then(Next::Wait(kRecheckWait, false));
  const solver::PresentationStatus& status = **now;
  const std::string waiting_for = TakeOver(work.order, status);
  const bool ready = status.state == solver::PresentationState::kReady;
  if (!ready || status.revision != work.ready_revision) return then(PresentAnew(work, waiting_for));
  const absl::Status asked = AskPlan(work, tools);
  if (!asked.ok()) return then(OnError(work, tools, asked));
  std::vector<std::string> lost = NotAttached(work);
  if (!lost.empty()) return then(PresentAnew(work, InWords(std::move(lost))));
  work.ready_at = tools.clock.Monotonic();
  return std::optional<Next>();
}

// In an earlier life the CA was told of some names, and has not looked yet.
bool IsLookedAtByTheCa(const Order& order) {
  return std::any_of(order.progress.begin(), order.progress.end(),
                     [](const NameProgress& progress) {
                       return progress.responded && progress.state != NameState::kValid;
                     });
}

// Some names may not be told yet, others were: these stay served until the CA has its verdict.
Next ServeMeanwhile(Work& work, absl::Time until, absl::Time now) {
  Enter(work, State::kValidating, now);
  work.authorizations_read = false;
  work.order.waiting_for = "the CA's validation of some names, and a limit for others";
  return Next::Wait(std::min(until - now, kPoll), true);
}

// The last of our own guards before something can fail at the CA: other orders with these names
// may have failed there since QUEUED, or are being looked at.
absl::StatusOr<Next> GoToTheCa(Work& work, const Tools& tools) {
  Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const absl::Time held,
                          tools.store.BeginValidation(order, work.lease, tools.limits, now));
  if (held > now) {
    if (!work.authorizations_read) {
      // Who was told in an earlier life is for VALIDATING to read.
      Enter(work, State::kValidating, now);
      return Next::RunOnUnsaved();
    }
    if (IsLookedAtByTheCa(order)) return ServeMeanwhile(work, held, now);
    ReleasePresentation(work, tools);
    Enter(work, State::kQueued, now);
    return WaitForLimit(work, tools, held);
  }
  LogWhatIsNotSeen(work);
  ClearError(order);
  Enter(work, State::kValidating, now);
  // A restart in PRESENTING comes here again, and reads the authorizations before it tells the CA
  // anything.
  return Next::RunOnUnsaved();
}

absl::StatusOr<Next> OnReady(Work& work, const Tools& tools,
                             const solver::PresentationStatus& status) {
  NORROY_FAILPOINT("issuer.proofs_served");
  if (work.ready_revision != status.revision) {
    work.ready_revision = status.revision;
    work.ready_at = tools.clock.Monotonic();
    work.rechecking = false;
  }
  if (!work.rechecking) {
    NORROY_ASSIGN_OR_RETURN(const std::optional<Next> held, Preflight(work, tools));
    if (held.has_value()) return *held;
  }
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> held, Confirm(work, tools));
  if (held.has_value()) return *held;
  return GoToTheCa(work, tools);
}

// Ordinarily the agents answer in milliseconds; whom a slow order waits for is for callers to see.
Next WaitForAgents(Work& work, absl::Time now, const std::string& waiting_for) {
  Order& order = work.order;
  if (now - order.state_time < kSlow) return Next::Wait(kSlow, false);
  const bool news = order.waiting_for != waiting_for;
  order.waiting_for = waiting_for;
  return Next::Wait(kPoll, news);
}

}  // namespace

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
  work.looks = {};
}

void ReleaseAgain(const Tools& tools) {
  const auto orders = tools.store.ListOrders({}, {}, kReleasedAgain);
  if (!orders.ok()) {
    log::Warning("order", "what may still be presented is not known; its lease ends it",
                 {{"error", orders.status().message()}});
    return;
  }
  const absl::Time now = tools.clock.Now();
  for (const Order& order : *orders) {
    if (!order.released || order.generation == 0 || order.lease_not_after <= now) continue;
    const absl::Status released =
        tools.solver.Release(order.id, order.generation, order.lease_not_after);
    if (!released.ok()) {
      log::Warning("order", "release failed",
                   {{"order_id", order.id}, {"error", released.message()}});
    }
  }
}

absl::StatusOr<Next> TakeBack(Work& work, const Tools& tools, const absl::Status& why) {
  ReleasePresentation(work, tools);
  work.authorizations_read = false;
  const int attempt = work.order.attempt;
  Enter(work, State::kOrdering, tools.clock.Now());
  work.order.attempt = attempt;
  return AfterFailure(work, tools, why);
}

Next PresentWhatIsLeft(Work& work) {
  std::vector<solver::FailedType> failed;
  for (const FailedType& type : work.order.failed_types) failed.push_back({type.name, type.type});
  for (const NameProgress& progress : work.order.progress) {
    if (progress.state == NameState::kValid || progress.type.has_value()) continue;
    const std::vector<challenge::ChallengeType> left = TypesLeft(work, progress);
    if (left.empty()) continue;
    const FailedType next = {progress.name, left.front()};
    if (std::find(work.sealed.begin(), work.sealed.end(), next) != work.sealed.end()) continue;
    // There was no room for it: sealed anew.
    work.presentation.reset();
    return Next::RunOnUnsaved();
  }
  work.presentation->failed_types = std::move(failed);
  work.ready_revision.reset();
  return Next::RunOnUnsaved();
}

absl::StatusOr<Next> Present(Work& work, const Tools& tools) {
  const absl::Time now = tools.clock.Now();
  NORROY_RETURN_IF_ERROR(tools.KeepLease(work, kRequestLimit));
  if (!work.presentation.has_value() || IsRenewalDue(work, tools)) {
    // Whoever takes the order anew seals anew: a seal's bytes are not stored.
    NORROY_RETURN_IF_ERROR(SealProofs(work, tools));
    return Next::RunOn();
  }
  NORROY_FAILPOINT("issuer.proofs_sealed");
  const absl::StatusOr<solver::PresentationStatus> status =
      tools.solver.Present(*work.presentation);
  if (!status.ok()) return OnError(work, tools, status.status());
  work.shown_generation = work.order.generation;
  const std::string waiting_for = TakeOver(work.order, *status);
  switch (status->state) {
    case solver::PresentationState::kReady:
      return OnReady(work, tools, *status);
    case solver::PresentationState::kFailed:
      return OnFailed(work, tools, *status);
    case solver::PresentationState::kReleased:
      work.presentation.reset();
      return Next::RunOnUnsaved();
    case solver::PresentationState::kPuttingUp:
      break;
  }
  return WaitForAgents(work, now, waiting_for);
}

}  // namespace norroy::flow
