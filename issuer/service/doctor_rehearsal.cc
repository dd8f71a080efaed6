#include "issuer/service/doctor_rehearsal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::service {
namespace {

using solver::PresentationState;

constexpr size_t kTokenBytes = 16;
// The agents' clocks may be behind ours.
constexpr absl::Duration kClockSkew = absl::Minutes(1);
// Between two questions to the solver.
constexpr absl::Duration kFirstDelay = absl::Milliseconds(20);
constexpr absl::Duration kLongestDelay = absl::Milliseconds(500);
// Who is ready waits that long for others to be looked at with.
constexpr absl::Duration kGather = absl::Milliseconds(250);
constexpr absl::Duration kShortestWait = absl::Milliseconds(500);

absl::Status Cancelled() {
  return MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                   "the rehearsal was given up: the client is gone, or the server stops");
}

}  // namespace

absl::Status Rehearsal::Add(const challenge::Name& name, challenge::ChallengeType type) {
  const std::string token = crypto::Base64Url(o_.random.Bytes(kTokenBytes));
  NORROY_ASSIGN_OR_RETURN(const challenge::Token parsed, challenge::Token::Parse(token));
  Part part;
  part.proof = challenge::Proof{name, type, parsed, challenge::KeyAuthorization::Rehearsal(parsed)};
  part.presentation.id = absl::StrCat("rehearsal-", o_.random.Id());
  const absl::Time now = o_.clock.Now();
  part.presentation.not_after = now + kRehearsalLease;
  NORROY_ASSIGN_OR_RETURN(
      types::v1::SealedProof sealed,
      o_.sealer.Seal(part.presentation.id, part.presentation.generation, *part.proof,
                     now - kClockSkew, part.presentation.not_after));
  part.presentation.proofs.push_back(std::move(sealed));
  part.result.set_name(name.text());
  part.result.set_challenge_type(challenge::ToProto(type));
  part.state = State::kPuttingUp;
  MutexLock lock(&mutex_);
  parts_.push_back(std::move(part));
  return absl::OkStatus();
}

void Rehearsal::AddFinding(const challenge::Name& name,
                           std::optional<challenge::ChallengeType> type,
                           const types::v1::Finding& finding) {
  Part part;
  part.result.set_name(name.text());
  if (type.has_value()) part.result.set_challenge_type(challenge::ToProto(*type));
  *part.result.add_findings() = finding;
  MutexLock lock(&mutex_);
  parts_.push_back(std::move(part));
}

int Rehearsal::parts() const {
  MutexLock lock(&mutex_);
  return static_cast<int>(parts_.size());
}

void Rehearsal::Start() { Tick(); }

void Rehearsal::SetCa(CaFacts facts) {
  MutexLock lock(&mutex_);
  if (!ca_.has_value()) ca_ = std::move(facts);
}

void Rehearsal::Cancel() {
  Done done;
  {
    MutexLock lock(&mutex_);
    done = End();
  }
  if (done) done(Cancelled());
}

Rehearsal::Done Rehearsal::End() {
  for (Part& part : parts_) Settle(part);
  looks_.clear();
  return std::exchange(done_, nullptr);
}

void Rehearsal::Tick() {
  Done done;
  issuer::v1::RehearseResponse response;
  {
    MutexLock lock(&mutex_);
    if (!done_) return;
    const absl::Duration now = o_.clock.Monotonic();
    bool changed = false;
    for (Part& part : parts_) {
      if (part.state == State::kPuttingUp) changed |= PollPart(part, now);
    }
    changed |= PollLooks(now);
    changed |= StartLook(now);
    SettleLate(now);
    if (!AllSettled()) return Schedule(changed);
    response = Answer();
    done = End();
  }
  done(std::move(response));
}

void Rehearsal::Schedule(bool changed) {
  delay_ = changed ? kFirstDelay : std::clamp(delay_ * 3 / 2, kFirstDelay, kLongestDelay);
  o_.timers.After(delay_, [weak = weak_from_this()] {
    if (const std::shared_ptr<Rehearsal> rehearsal = weak.lock()) rehearsal->Tick();
  });
}

bool Rehearsal::PollPart(Part& part, absl::Duration now) {
  const absl::StatusOr<solver::PresentationStatus> status = o_.solver.Present(part.presentation);
  return status.ok() ? TakeStatus(part, *status, now) : TakeFailure(part, status.status(), now);
}

bool Rehearsal::TakeFailure(Part& part, const absl::Status& why, absl::Duration now) {
  if (!part.unreachable.has_value()) part.unreachable = now;
  // It may be repeated; any other error would be the same again.
  if (absl::IsUnavailable(why) && now - *part.unreachable < kUnreachableTime) return false;
  SettleWith(part, NoValidator(why));
  return true;
}

bool Rehearsal::TakeStatus(Part& part, const solver::PresentationStatus& status,
                           absl::Duration now) {
  part.unreachable.reset();
  if (status.names.empty()) return false;
  const solver::PresentedName& presented = status.names.front();
  part.presented = presented;
  switch (presented.state) {
    case PresentationState::kPuttingUp:
      return false;
    case PresentationState::kReady:
      part.state = State::kReady;
      part.due = now;
      break;
    case PresentationState::kFailed:
      SettleWith(part, NotServed(presented));
      break;
    case PresentationState::kReleased:
      SettleWith(part, NoValidator(absl::FailedPreconditionError(absl::StrCat(
                           "the validator says that presentation ", part.presentation.id,
                           " was taken down before anybody looked"))));
      break;
  }
  return true;
}

bool Rehearsal::PollLooks(absl::Duration now) {
  bool changed = false;
  for (auto look = looks_.begin(); look != looks_.end();) {
    const auto views = o_.solver.Look(look->order);
    if (views.ok() && !views->has_value()) {
      ++look;
      continue;
    }
    changed = true;
    for (const size_t i : look->parts) {
      if (views.ok()) {
        TakeViews(parts_[i], **views, now);
      } else {
        SettleWith(parts_[i], NotLookedAt(views.status().message()));
      }
    }
    look = looks_.erase(look);
  }
  return changed;
}

void Rehearsal::TakeViews(Part& part, const std::vector<solver::NameView>& views,
                          absl::Duration now) {
  part.result.clear_views();
  part.verdict = types::v1::VERDICT_PASS;
  absl::Duration wait = kShortestWait;
  for (const solver::NameView& seen : views) {
    if (seen.name != part.proof->name || seen.type != part.proof->type) continue;
    *part.result.add_views() = seen.view;
    part.verdict = Worse(part.verdict, seen.view.verdict());
    if (seen.view.verdict() != types::v1::VERDICT_WAIT) continue;
    wait = std::max(wait, absl::Milliseconds(seen.view.again_after_ms()));
  }
  if (part.result.views().empty()) {
    return SettleWith(part, NotLookedAt("no viewpoint answered"));
  }
  // What takes longer than there is time for is told as it is now.
  const bool again = part.verdict == types::v1::VERDICT_WAIT && now + wait < o_.began + kLookTime;
  if (!again) return Settle(part);
  part.state = State::kReady;
  part.due = now + wait;
}

bool Rehearsal::MayLook(absl::Duration now) const {
  if (!ca_.has_value() && now - o_.began < kCaTime) return false;
  bool putting_up = false;
  absl::Duration oldest = absl::InfiniteDuration();
  for (const Part& part : parts_) {
    putting_up |= part.state == State::kPuttingUp;
    if (part.state == State::kReady) oldest = std::min(oldest, part.due);
  }
  return oldest <= (putting_up ? now - kGather : now);
}

bool Rehearsal::StartLook(absl::Duration now) {
  if (!MayLook(now)) return false;
  Look look;
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (part.state != State::kReady || part.due > now) continue;
    part.state = State::kLooking;
    look.parts.push_back(i);
    look.order.proofs.push_back(*part.proof);
  }
  NORROY_CHECK(!look.parts.empty());
  look.order.id = parts_[look.parts.front()].presentation.id;
  look.order.generation = parts_[look.parts.front()].presentation.generation;
  look.order.round = ++last_round_;
  if (ca_.has_value()) {
    look.order.caa_identities = ca_->identities;
    look.order.account_uri = ca_->account_url;
  }
  looks_.push_back(std::move(look));
  // Begins it; the answer may be there already.
  PollLooks(now);
  return true;
}

void Rehearsal::SettleLate(absl::Duration now) {
  const bool end = now >= o_.end;
  for (Part& part : parts_) {
    if (part.state == State::kPuttingUp && (end || now - o_.began >= kPutUpTime)) {
      const auto* presented = part.presented.has_value() ? &*part.presented : nullptr;
      SettleWith(part, NotInTime(presented, now - o_.began));
    }
    if (!end || part.state == State::kSettled) continue;
    // What was seen last counts.
    if (part.result.views().empty()) {
      SettleWith(part, NotLookedAt("there was no time left"));
    } else {
      Settle(part);
    }
  }
}

void Rehearsal::SettleWith(Part& part, const types::v1::Finding& finding) {
  *part.result.add_findings() = finding;
  Settle(part);
}

void Rehearsal::Settle(Part& part) {
  if (part.state == State::kSettled) return;
  part.state = State::kSettled;
  const solver::Presentation& presentation = part.presentation;
  const absl::Status released =
      o_.solver.Release(presentation.id, presentation.generation, presentation.not_after);
  if (!released.ok()) {
    log::Warning("doctor", "release failed",
                 {{"presentation_id", presentation.id}, {"error", released.message()}});
  }
}

bool Rehearsal::AllSettled() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.state == State::kSettled; });
}

issuer::v1::RehearseResponse Rehearsal::Answer() {
  issuer::v1::RehearseResponse response;
  response.set_passed(true);
  CaFacts late;
  late.findings.push_back(CaUnreachable(o_.ca, "it has not answered yet"));
  const CaFacts& ca = ca_.has_value() ? *ca_ : late;
  for (Part& part : parts_) {
    issuer::v1::Rehearsal& result = *response.add_rehearsals();
    result = part.result;
    types::v1::Verdict verdict = part.verdict;
    for (const types::v1::Finding& finding : result.findings()) {
      verdict = Worse(verdict, VerdictOf(finding));
    }
    result.set_verdict(verdict);
    if (verdict != types::v1::VERDICT_PASS) response.set_passed(false);
    if (part.presented.has_value()) {
      result.mutable_agents()->Assign(part.presented->agents.begin(), part.presented->agents.end());
      result.mutable_missing()->Assign(part.presented->missing.begin(),
                                       part.presented->missing.end());
    }
    if (!result.views().empty()) {
      for (const types::v1::Finding& finding : ca.findings) *result.add_findings() = finding;
    }
    std::stable_sort(result.mutable_findings()->begin(), result.mutable_findings()->end(),
                     [](const auto& a, const auto& b) { return a.severity() > b.severity(); });
  }
  return response;
}

}  // namespace norroy::service
