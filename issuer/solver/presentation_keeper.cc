#include "issuer/solver/presentation_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/challenge/seal.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/solver/presentation_convert.h"

namespace norroy::solver {
namespace {

using validator::v1::PresentResponse;

// The validator holds an answer for 20 s.
constexpr absl::Duration kPresentTimeout = absl::Seconds(25);
constexpr absl::Duration kRecheckTimeout = absl::Seconds(5);
// Between two calls that brought nothing new, if the validator did not hold the first.
constexpr absl::Duration kRest = absl::Seconds(1);
constexpr size_t kPruneAbove = 4096;

bool SameTypes(const std::vector<FailedType>& a, const std::vector<FailedType>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const FailedType& x, const FailedType& y) {
                      return x.name == y.name && x.type == y.type;
                    });
}

// Before a validator said anything.
PresentationStatus Unknown(const Presentation& presentation) {
  PresentationStatus status;
  std::set<challenge::Name> names;
  for (const types::v1::SealedProof& sealed : presentation.proofs) {
    const absl::StatusOr<challenge::SealBody> body = challenge::ReadUnverified(sealed);
    if (body.ok()) names.insert(body->proof.name);
  }
  for (const challenge::Name& name : names) {
    status.names.push_back({name, std::nullopt, PresentationState::kPuttingUp, {}, {}, ""});
  }
  return status;
}

}  // namespace

absl::Status PresentationKeeper::Wish(const Presentation& presentation, Entry& entry) {
  const bool fresh = presentation.generation > entry.generation;
  if (presentation.generation < entry.generation) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION",
                     absl::StrCat("presentation ", presentation.id, " is at generation ",
                                  entry.generation, ", not ", presentation.generation));
  }
  if (!fresh && SameTypes(presentation.failed_types, entry.failed_types)) return absl::OkStatus();
  EndCalls(entry);
  if (entry.generation == 0) {
    entry.validator = planner_.preferred();
    // Whoever had the order before may have shown earlier generations to any of them.
    if (presentation.generation > 1) entry.shown = AllValidators();
  }
  entry.generation = presentation.generation;
  entry.not_after = presentation.not_after;
  entry.failed_types = presentation.failed_types;
  entry.request = ToPresentRequest(presentation);
  entry.request.set_wait(true);
  entry.status = Unknown(presentation);
  entry.error = absl::OkStatus();
  entry.rechecked.reset();
  entry.revision = 0;
  entry.tried = 0;
  return absl::OkStatus();
}

absl::StatusOr<PresentationStatus> PresentationKeeper::Present(const Presentation& presentation) {
  Action action;
  PresentationStatus known;
  {
    MutexLock lock(&mutex_);
    if (entries_.count(presentation.id) == 0) Prune();
    Entry& entry = entries_[presentation.id];
    NORROY_RETURN_IF_ERROR(Wish(presentation, entry));
    if (!entry.error.ok()) return std::exchange(entry.error, absl::OkStatus());
    if (entry.status.state == PresentationState::kPuttingUp && entry.held.turn == 0) {
      action = StartCall(presentation.id, entry);
    }
    known = entry.status;
  }
  if (action) action();
  return known;
}

PresentationKeeper::Action PresentationKeeper::StartCall(const std::string& id, Entry& entry) {
  const uint64_t call = calls_.Begin();
  if (call == 0) return nullptr;
  const uint64_t turn = ++last_turn_;
  entry.held = {turn, call};
  entry.call_began = clock_.Monotonic();
  entry.shown.insert(entry.validator);
  entry.request.set_known_revision(entry.revision);
  ValidatorLink& validator = *validators_[entry.validator];
  return [this, id, turn, call, &validator, request = entry.request] {
    calls_.Made(call, validator.Present(request, kPresentTimeout, [=, this](const Answer& answer) {
      Answered(id, turn, answer);
      calls_.End(call);
    }));
  };
}

PresentationKeeper::Action PresentationKeeper::Rest(const std::string& id, Entry& entry) {
  const uint64_t turn = ++last_turn_;
  entry.held = {turn, 0};
  return [this, id, turn] {
    timers_.After(kRest, [weak = weak_from_this(), id, turn] {
      if (const std::shared_ptr<PresentationKeeper> keeper = weak.lock()) keeper->Rested(id, turn);
    });
  };
}

void PresentationKeeper::Rested(const std::string& id, uint64_t turn) {
  Action action;
  {
    MutexLock lock(&mutex_);
    const auto it = entries_.find(id);
    if (it == entries_.end() || it->second.held.turn != turn) return;
    it->second.held.turn = 0;
    action = StartCall(id, it->second);
  }
  if (action) action();
}

void PresentationKeeper::EndCalls(Entry& entry) {
  for (Call* const open : {&entry.held, &entry.recheck}) {
    if (open->call != 0) calls_.Cancel(open->call);
    *open = {};
  }
}

void PresentationKeeper::Answered(const std::string& id, uint64_t turn, const Answer& answer) {
  Action next;
  std::function<void(const std::string& id)> changed;
  {
    MutexLock lock(&mutex_);
    const auto it = entries_.find(id);
    if (it == entries_.end() || it->second.held.turn != turn) return;
    Entry& entry = it->second;
    entry.held = {};
    const bool news = answer.ok() ? TakeAnswer(id, entry, *answer, next)
                                  : TakeFailure(id, entry, answer.status(), next);
    if (news) changed = changed_;
  }
  if (next) next();
  if (changed) changed(id);
}

bool PresentationKeeper::TakeFailure(const std::string& id, Entry& entry,
                                     const absl::Status& status, Action& next) {
  const ValidatorLink& validator = *validators_[entry.validator];
  if (!IsPassing(status)) {
    entry.error = WithContext(status, absl::StrCat("validator ", validator.address()));
    return true;
  }
  entry.validator = (entry.validator + 1) % validators_.size();
  entry.revision = 0;
  if (++entry.tried < validators_.size()) {
    next = StartCall(id, entry);
    return false;
  }
  entry.tried = 0;
  entry.error = Unreachable(validator, status);
  return true;
}

bool PresentationKeeper::TakeAnswer(const std::string& id, Entry& entry,
                                    const PresentResponse& answer, Action& next) {
  absl::StatusOr<PresentationStatus> status = FromProto(answer);
  if (!status.ok()) {
    entry.error = status.status();
    return true;
  }
  const bool news = answer.revision() != entry.revision || status->state != entry.status.state;
  entry.tried = 0;
  entry.revision = answer.revision();
  entry.status = *std::move(status);
  if (entry.status.state != PresentationState::kPuttingUp) return news;
  const bool was_held = clock_.Monotonic() - entry.call_began >= kRest;
  next = news || was_held ? StartCall(id, entry) : Rest(id, entry);
  return news;
}

absl::StatusOr<std::optional<PresentationStatus>> PresentationKeeper::Recheck(const std::string& id,
                                                                              int64_t generation) {
  using Result = absl::StatusOr<std::optional<PresentationStatus>>;
  Action action;
  {
    MutexLock lock(&mutex_);
    const auto it = entries_.find(id);
    if (it == entries_.end() || it->second.generation != generation) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition, "UNKNOWN_PRESENTATION",
          absl::StrCat("presentation ", id, " generation ", generation, " is not known here"));
    }
    Entry& entry = it->second;
    if (entry.rechecked.has_value()) {
      const absl::StatusOr<PresentationStatus> known =
          *std::exchange(entry.rechecked, std::nullopt);
      return known.ok() ? Result(*known) : Result(known.status());
    }
    if (entry.recheck.turn == 0) action = StartRecheck(id, entry);
  }
  if (action) action();
  return Result(std::nullopt);
}

PresentationKeeper::Action PresentationKeeper::StartRecheck(const std::string& id, Entry& entry) {
  const uint64_t call = calls_.Begin();
  if (call == 0) return nullptr;
  const uint64_t turn = ++last_turn_;
  entry.recheck = {turn, call};
  // Revisions are one validator's own.
  ValidatorLink& validator = *validators_[entry.validator];
  validator::v1::PresentRequest request = entry.request;
  request.set_wait(false);
  return [this, id, turn, call, &validator, request = std::move(request)] {
    calls_.Made(call, validator.Present(request, kRecheckTimeout, [=, this](const Answer& answer) {
      Rechecked(id, turn, answer);
      calls_.End(call);
    }));
  };
}

void PresentationKeeper::Rechecked(const std::string& id, uint64_t turn, const Answer& answer) {
  std::function<void(const std::string& id)> changed;
  {
    MutexLock lock(&mutex_);
    const auto it = entries_.find(id);
    if (it == entries_.end() || it->second.recheck.turn != turn) return;
    it->second.recheck = {};
    it->second.rechecked =
        answer.ok() ? FromProto(*answer) : absl::StatusOr<PresentationStatus>(answer.status());
    changed = changed_;
  }
  if (changed) changed(id);
}

std::set<size_t> PresentationKeeper::AllValidators() const {
  std::set<size_t> all;
  for (size_t i = 0; i < validators_.size(); ++i) all.insert(i);
  return all;
}

std::set<size_t> PresentationKeeper::Forget(const std::string& id, int64_t generation) {
  MutexLock lock(&mutex_);
  const auto it = entries_.find(id);
  if (it == entries_.end()) return AllValidators();
  const std::set<size_t> shown = it->second.shown;
  if (it->second.generation <= generation) {
    EndCalls(it->second);
    entries_.erase(it);
  }
  return shown;
}

void PresentationKeeper::OnChange(std::function<void(const std::string& id)> changed) {
  MutexLock lock(&mutex_);
  changed_ = std::move(changed);
}

void PresentationKeeper::Prune() {
  if (entries_.size() < kPruneAbove) return;
  const absl::Time now = clock_.Now();
  for (auto it = entries_.begin(); it != entries_.end();) {
    const bool ended = it->second.not_after <= now;
    if (ended) EndCalls(it->second);
    it = ended ? entries_.erase(it) : std::next(it);
  }
}

void PresentationKeeper::Close() {
  OnChange(nullptr);
  calls_.Close(absl::ZeroDuration());
}

}  // namespace norroy::solver
