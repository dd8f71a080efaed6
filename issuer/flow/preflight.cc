// PRESENTING, once everybody serves: viewpoints look as the CA will, before it is told.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/choice.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

using types::v1::View;

// What a look may take before callers are shown that it is what the order waits for.
constexpr absl::Duration kSlow = absl::Seconds(1);
// The solver wakes us; this is for a wake-up that got lost.
constexpr absl::Duration kPoll = absl::Seconds(20);
// The lease outlives a wait by this.
constexpr absl::Duration kLeaseMargin = absl::Seconds(30);

bool IsLookedAt(const NameProgress& progress, const Grades& grades) {
  return progress.state != NameState::kValid && !progress.responded && progress.type.has_value() &&
         OfferOf(progress, *progress.type) != nullptr && grades.Of(progress.name) != Grade::kOff;
}

// One entry for each name that is to be looked at, as it is served now.
void Enlist(Work& work, const Tools& tools, absl::Time now) {
  for (NameProgress& progress : work.order.progress) {
    if (!IsLookedAt(progress, tools.grades)) {
      work.looks.names.erase(progress.name);
      continue;
    }
    const NameLook fresh = {.type = *progress.type, .since = now, .next = now};
    NameLook& look = work.looks.names.try_emplace(progress.name, fresh).first->second;
    if (look.type == *progress.type) continue;
    look = fresh;
    progress.views.clear();
  }
}

absl::StatusOr<std::vector<challenge::Proof>> DueProofs(const Work& work, acme::Client& ca,
                                                        absl::Time now) {
  std::vector<challenge::Proof> proofs;
  const std::string thumbprint = ca.Thumbprint();
  for (const NameProgress& progress : work.order.progress) {
    const auto look = work.looks.names.find(progress.name);
    if (look == work.looks.names.end() || look->second.settled || look->second.next > now) continue;
    const NameProgress::Offer& offer = *OfferOf(progress, look->second.type);
    NORROY_ASSIGN_OR_RETURN(challenge::Proof proof, ProofOf(progress, offer, thumbprint));
    proofs.push_back(std::move(proof));
  }
  return proofs;
}

// A look that could not be begun.
std::vector<solver::NameView> NotSeen(const std::vector<challenge::Proof>& proofs,
                                      const absl::Status& why) {
  View view;
  view.set_viewpoint("issuer");
  view.set_verdict(types::v1::VERDICT_UNKNOWN);
  types::v1::Finding& finding = *view.add_findings();
  finding.set_severity(types::v1::SEVERITY_WARNING);
  finding.set_code("VIEWPOINT_UNREACHABLE");
  finding.set_message(
      absl::StrCat("no validator could be asked to look: ", Printable(why.message(), 256)));
  std::vector<solver::NameView> views;
  for (const challenge::Proof& proof : proofs) views.push_back({proof.name, proof.type, view});
  return views;
}

// What was seen of looks.asked; unset: the viewpoints are still at it.
std::optional<std::vector<solver::NameView>> LookNow(const Work& work, const Tools& tools,
                                                     acme::Client& ca) {
  const Looks& looks = work.looks;
  solver::LookOrder order;
  order.id = work.order.id;
  order.generation = looks.generation;
  order.round = looks.round;
  order.proofs = looks.asked;
  order.account_uri = ca.account_url();
  // Without it CAA records are shown, not judged.
  const absl::StatusOr<acme::Directory> directory = ca.GetDirectory();
  if (directory.ok()) order.caa_identities = directory->caa_identities;
  absl::StatusOr<std::optional<std::vector<solver::NameView>>> seen = tools.solver.Look(order);
  if (!seen.ok()) return NotSeen(looks.asked, seen.status());
  return *std::move(seen);
}

void NoteViews(Work& work, const Tools& tools, const std::vector<solver::NameView>& seen,
               absl::Time now) {
  for (NameProgress& progress : work.order.progress) {
    const auto look = work.looks.names.find(progress.name);
    if (look == work.looks.names.end()) continue;
    std::vector<View> views;
    for (const solver::NameView& one : seen) {
      if (one.name == progress.name && one.type == look->second.type) views.push_back(one.view);
    }
    const bool asked =
        std::any_of(work.looks.asked.begin(), work.looks.asked.end(),
                    [&](const challenge::Proof& proof) { return proof.name == progress.name; });
    if (!asked) continue;
    TakeIn(look->second, views, tools.grades.Of(progress.name), now);
    look->second.generation = work.looks.generation;
    look->second.revision = work.looks.revision;
    views.resize(std::min(views.size(), kMaxViews));
    progress.views = std::move(views);
  }
}

absl::Status Refused(const NameProgress& progress, types::v1::Verdict verdict) {
  const std::string name = progress.name.text();
  const types::v1::Finding finding = Explain(progress.views, verdict);
  const std::string advice = finding.advice().empty() ? "" : absl::StrCat("; ", finding.advice());
  const std::string seen = finding.message().empty() ? "no viewpoint can tell" : finding.message();
  if (verdict == types::v1::VERDICT_UNKNOWN) {
    return MakeError(
        absl::StatusCode::kUnavailable, "PREFLIGHT_UNKNOWN",
        absl::StrCat("nobody could see whether the CA would accept ", name, ": ", seen, advice),
        {{"name", name}, {"finding", finding.code()}});
  }
  return MakeError(absl::StatusCode::kUnavailable, "PREFLIGHT_FAILED",
                   absl::StrCat("the CA was not told to look at ", name, ": ", seen, advice),
                   {{"name", name}, {"finding", finding.code()}});
}

void LogView(absl::string_view what, const Order& order, const NameProgress& progress,
             types::v1::Verdict verdict) {
  const types::v1::Finding finding = Explain(progress.views, verdict);
  // Viewpoints that can never tell are a matter of the network, not of this order.
  const auto write = verdict == types::v1::VERDICT_UNKNOWN ? log::Info : log::Warning;
  write("order", what,
        {{"order_id", order.id},
         {"name", progress.name.text()},
         {"verdict", types::v1::Verdict_Name(verdict)},
         {"finding", finding.code()},
         {"seen", finding.message()}});
}

// For the first look that is due, with what it waits for.
absl::StatusOr<Next> WaitForNextLook(Work& work, const Tools& tools, absl::Time now) {
  Order& order = work.order;
  const NameProgress* first = nullptr;
  absl::Time next = now + kPoll;
  for (const NameProgress& progress : order.progress) {
    const auto look = work.looks.names.find(progress.name);
    if (look == work.looks.names.end() || look->second.settled) continue;
    if (first != nullptr && look->second.next >= next) continue;
    first = &progress;
    next = look->second.next;
  }
  const types::v1::Finding finding =
      first == nullptr ? types::v1::Finding()
                       : Explain(first->views, work.looks.names.at(first->name).verdict);
  const std::string waiting_for =
      absl::StrCat("preflight: ", first == nullptr ? "" : first->name.text(), ": ",
                   finding.message().empty() ? "a second look" : finding.message());
  order.waiting_for = waiting_for;
  order.due_time = next;
  const absl::Duration wait = std::max(next - now, absl::ZeroDuration());
  NORROY_RETURN_IF_ERROR(tools.KeepLease(work, wait + kLeaseMargin));
  // Who watches sees what was seen, and when the next look is.
  return Next::Wait(wait, /*save=*/true);
}

Next WaitForViews(Work& work, absl::Time now) {
  const absl::Duration passed = now - work.looks.asked_time;
  if (passed < kSlow) return Next::Wait(kSlow - passed, false);
  Order& order = work.order;
  const std::string waiting_for =
      absl::StrCat("preflight: looking at ", work.looks.asked.front().name.text());
  const bool news = order.waiting_for != waiting_for;
  order.waiting_for = waiting_for;
  return Next::Wait(kPoll, news);
}

// What follows from what is settled. Unset: the CA may be told.
absl::StatusOr<std::optional<Next>> Decide(Work& work, const Tools& tools, absl::Time now) {
  bool more = false;
  bool open = false;
  for (NameProgress& progress : work.order.progress) {
    const auto it = work.looks.names.find(progress.name);
    if (it == work.looks.names.end() || it->second.verdict == types::v1::VERDICT_PASS) {
      open = open || (it != work.looks.names.end() && !it->second.settled);
      continue;
    }
    const NameLook& look = it->second;
    if (!look.settled) {
      open = true;
    } else if (look.verdict == types::v1::VERDICT_FAIL && !OtherTypesLeft(work, progress).empty()) {
      LogView("the CA would not see a proof; the next type is tried", work.order, progress,
              look.verdict);
      NoteFailedType(work.order, progress);
      more = true;
    } else if (tools.grades.Of(progress.name) == Grade::kGate) {
      ForgetFailedTypes(work.order, progress.name);
      NORROY_ASSIGN_OR_RETURN(const Next next,
                              TakeBack(work, tools, Refused(progress, look.verdict)));
      return std::optional<Next>(next);
    }
  }
  if (more) return std::optional<Next>(PresentWhatIsLeft(work));
  if (!open) return std::optional<Next>();
  NORROY_ASSIGN_OR_RETURN(const Next next, WaitForNextLook(work, tools, now));
  return std::optional<Next>(next);
}

}  // namespace

void LogWhatIsNotSeen(const Work& work) {
  for (const NameProgress& progress : work.order.progress) {
    const auto look = work.looks.names.find(progress.name);
    if (look == work.looks.names.end() || look->second.verdict == types::v1::VERDICT_PASS) continue;
    LogView("the CA is told though no look passed", work.order, progress, look->second.verdict);
  }
}

absl::StatusOr<std::optional<Next>> Preflight(Work& work, const Tools& tools) {
  const absl::Time now = tools.clock.Now();
  Looks& looks = work.looks;
  Enlist(work, tools, now);
  if (looks.names.empty()) return std::optional<Next>();
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.accounts.ClientFor(work.order.ca));
  // What was looked at has been replaced.
  if (looks.generation != work.order.generation) looks.asked.clear();
  if (looks.asked.empty()) {
    NORROY_ASSIGN_OR_RETURN(looks.asked, DueProofs(work, *ca, now));
    looks.generation = work.order.generation;
    looks.revision = work.ready_revision.value_or(0);
    if (!looks.asked.empty()) ++looks.round;
    looks.asked_time = now;
  }
  if (!looks.asked.empty()) {
    const std::optional<std::vector<solver::NameView>> seen = LookNow(work, tools, *ca);
    if (!seen.has_value()) return std::optional<Next>(WaitForViews(work, now));
    NoteViews(work, tools, *seen, now);
    looks.asked.clear();
  }
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> held, Decide(work, tools, now));
  if (held.has_value()) return held;
  const int64_t revision = work.ready_revision.value_or(0);
  if (!LookOnceMore(looks, work.order.generation, revision, now)) return std::optional<Next>();
  return std::optional<Next>(Next::RunOnUnsaved());
}

}  // namespace norroy::flow
