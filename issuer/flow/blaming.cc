// The CA's verdict was bad: who is to blame, and whether another try may do better.

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"
#include "issuer/flow/choice.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// Tries by the same type that follow a failed one.
constexpr int kMaxRetries = 2;
// Longer than the solver takes for a recheck; it wakes us.
constexpr absl::Duration kRecheckWait = absl::Seconds(6);

absl::Status ValidationFailed(const NameProgress& progress, const acme::Problem* problem) {
  const std::string name = progress.name.text();
  if (problem == nullptr) {
    return MakeError(absl::StatusCode::kFailedPrecondition, kValidationFailed,
                     absl::StrCat("the CA could not validate ", name, " and did not say why"),
                     {{"name", name}});
  }
  absl::Status status = acme::ToStatus(*problem);
  absl::Status failed =
      MakeError(absl::StatusCode::kFailedPrecondition, kValidationFailed,
                absl::StrCat("the CA could not validate ", name, ": ", problem->ToString()),
                {{"name", name}, {"acme_type", std::string(problem->acme_type())}});
  const absl::optional<absl::Cord> payload = status.GetPayload(kProblemPayload);
  if (payload.has_value()) failed.SetPayload(kProblemPayload, *payload);
  return failed;
}

// Whether what was READY still is and always was, as far as can be known. Unset: being asked.
std::optional<bool> StillWhole(const Work& work, const Tools& tools) {
  if (!work.presentation.has_value() || !work.ready_revision.has_value()) return true;
  const absl::StatusOr<std::optional<solver::PresentationStatus>> now =
      tools.solver.Recheck(work.order.id, work.order.generation);
  if (!now.ok()) return true;
  if (!now->has_value()) return std::nullopt;
  return (*now)->state == solver::PresentationState::kReady &&
         (*now)->revision == *work.ready_revision;
}

struct Failures {
  absl::Status first;      // OK if no name failed
  std::string taken_away;  // a name whose authorization ended without a failure
  std::vector<store::Authorization> valid;
};

// Notes which names failed, and counts it.
absl::StatusOr<Failures> NoteFailures(Work& work, const Tools& tools) {
  Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  Failures failures;
  for (NameProgress& progress : order.progress) {
    if (progress.state == NameState::kValid || progress.authorization_url.empty()) continue;
    NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
    NORROY_ASSIGN_OR_RETURN(const acme::Authorization authorization,
                            ca->GetAuthorization(progress.authorization_url));
    NoteRetryAfter(work, tools, authorization.retry_after);
    if (authorization.status == acme::AuthorizationStatus::kValid) {
      progress.state = NameState::kValid;
      failures.valid.push_back(Known(order, *ca, authorization, now));
      if (order.reuse_never) failures.valid.back().order_id = order.id;
      continue;
    }
    if (authorization.status != acme::AuthorizationStatus::kInvalid) {
      const bool over = authorization.status != acme::AuthorizationStatus::kPending;
      if (over) failures.taken_away = progress.name.text();
      continue;
    }
    const absl::Status failed = ValidationFailed(progress, authorization.problem());
    progress.state = NameState::kInvalid;
    progress.error = OrderError::Of(failed);
    if (failures.first.ok()) failures.first = failed;
    NORROY_RETURN_IF_ERROR(
        tools.store.NoteFailure(order, progress.name, progress.authorization_url, now));
  }
  return failures;
}

// One of those who served the name is not attached now.
bool HasLostAResponder(const Work& work, const NameProgress& progress) {
  for (const solver::NamePlan& plan : *work.plan) {
    if (plan.name != progress.name) continue;
    for (const solver::TypePlan& type : plan.types) {
      if (type.type != progress.type) continue;
      return !std::all_of(
          progress.agents.begin(), progress.agents.end(), [&](const std::string& agent) {
            return std::find(type.agents.begin(), type.agents.end(), agent) != type.agents.end();
          });
    }
  }
  return false;
}

// What may have been the reason and is, or will be, gone; empty: nothing that we know of.
std::string WhyAgain(const Work& work, const Tools& tools, const NameProgress& progress,
                     bool whole) {
  if (!whole || HasLostAResponder(work, progress)) return "an agent was lost meanwhile";
  const Grade grade = tools.grades.Of(progress.name);
  if (grade != Grade::kOff && Combine(progress.views, grade) == types::v1::VERDICT_PASS) {
    return "our own look had seen its proof";
  }
  return "";
}

// What the next try does about each name that failed, in words; unset: nothing can be done about
// one of them.
std::optional<std::string> Remedy(Work& work, const Tools& tools, bool whole) {
  Order& order = work.order;
  std::set<std::string> words;
  bool retried = false;
  for (NameProgress& progress : order.progress) {
    if (progress.state != NameState::kInvalid) continue;
    const std::vector<challenge::ChallengeType> others = OtherTypesLeft(work, progress);
    if (!others.empty()) {
      NoteFailedType(order, progress);
      words.insert(absl::StrCat(progress.name.text(), " is tried by ",
                                challenge::ChallengeTypeName(others.front())));
      continue;
    }
    const std::string why = WhyAgain(work, tools, progress, whole);
    if (why.empty() || order.retries >= kMaxRetries) return std::nullopt;
    retried = true;
    words.insert(absl::StrCat(progress.name.text(), " is tried again, as ", why));
  }
  if (retried) ++order.retries;
  return absl::StrJoin(words, ", ");
}

absl::StatusOr<Next> TryAgain(Work& work, const Tools& tools, const absl::Status& failed,
                              const std::string& remedy) {
  Order& order = work.order;
  ReleasePresentation(work, tools);
  ++order.restarts;
  order.error = OrderError::Of(failed);
  order.error->message = absl::StrCat(failed.message(), "; ", remedy);
  log::Warning(
      "order", "the CA's validation failed, another try is made",
      {{"order_id", order.id}, {"restarts", order.restarts}, {"error", order.error->message}});
  const Next next = StartAnew(work, tools.clock.Now());
  order.waiting_for = absl::StrCat("another try: ", remedy);
  return next;
}

// Nothing failed: an authorization was deactivated or revoked meanwhile, or it expired. QUEUED asks
// whether somebody may still answer.
absl::StatusOr<Next> BeginAgain(Work& work, const Tools& tools, const Failures& failures) {
  if (work.order.retries >= kMaxRetries) {
    return GiveUp(work, WhyInvalid(*work.ca_order), tools.clock.Now());
  }
  ++work.order.retries;
  return TryAgain(work, tools,
                  MakeError(absl::StatusCode::kFailedPrecondition, kValidationFailed,
                            absl::StrCat("the authorization for ", failures.taken_away,
                                         " was ended at the CA before its proof was seen"),
                            {{"name", failures.taken_away}}),
                  absl::StrCat(failures.taken_away, " is proved anew"));
}

bool IsOf(const acme::Subproblem& subproblem, const challenge::Name& name) {
  return subproblem.identifier_value == name.text() ||
         (!name.wildcard() && subproblem.identifier_value == name.identifier().value());
}

// Made if it is not there: the CA may refuse names before it has authorizations for them.
NameProgress& ProgressOf(Order& order, const challenge::Name& name) {
  for (NameProgress& progress : order.progress) {
    if (progress.name == name) return progress;
  }
  order.progress.push_back({.name = name});
  return order.progress.back();
}

}  // namespace

void BlameNames(Order& order, const absl::Status& failure) {
  const std::optional<acme::Problem> problem = acme::ProblemOf(failure);
  if (!problem.has_value()) return;
  for (const acme::Subproblem& subproblem : problem->subproblems) {
    for (const challenge::Name& name : order.names) {
      if (!IsOf(subproblem, name)) continue;
      NameProgress& progress = ProgressOf(order, name);
      progress.state = NameState::kInvalid;
      progress.error = OrderError::Of(
          MakeError(absl::StatusCode::kFailedPrecondition, "CA_REFUSED",
                    absl::StrCat("the CA says ", subproblem.type, ": ", subproblem.detail),
                    {{"name", name.text()}}));
    }
  }
}

absl::StatusOr<Next> Blame(Work& work, const Tools& tools) {
  Order& order = work.order;
  // A try that broke off has read some of its authorizations.
  if (const std::optional<Next> early = WaitForPollTime(work, tools)) return *early;
  const std::optional<bool> whole = StillWhole(work, tools);
  if (!whole.has_value()) return Next::Wait(kRecheckWait, false);
  NORROY_ASSIGN_OR_RETURN(const Failures failures, NoteFailures(work, tools));
  // What another try forgets may be valid for long.
  NORROY_RETURN_IF_ERROR(tools.authorizations.Note(failures.valid));
  const absl::Status& failed = failures.first;
  const absl::Time now = tools.clock.Now();
  if (failed.ok() && !failures.taken_away.empty()) return BeginAgain(work, tools, failures);
  if (failed.ok()) return GiveUp(work, WhyInvalid(*work.ca_order), now);
  NORROY_ASSIGN_OR_RETURN(const absl::Time held, tools.store.MayValidate(order, tools.limits, now));
  if (held > now) return GiveUp(work, failed, now);
  // Unknown: as it was last.
  if (!AskPlan(work, tools).ok() && !work.plan.has_value()) return GiveUp(work, failed, now);
  const std::optional<std::string> remedy = Remedy(work, tools, *whole);
  if (!remedy.has_value()) return GiveUp(work, failed, now);
  return TryAgain(work, tools, failed, *remedy);
}

}  // namespace norroy::flow
