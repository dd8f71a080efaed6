#include "issuer/solver/validator_solver.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/challenge/seal.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"
#include "issuer/solver/call_registry.h"
#include "issuer/solver/presentation_convert.h"
#include "issuer/solver/release_sender.h"

namespace norroy::solver {
namespace {

using validator::v1::PresentResponse;

constexpr absl::Duration kPlanTime = absl::Seconds(10);
// The validator holds an answer for 20 s.
constexpr absl::Duration kPresentTimeout = absl::Seconds(30);
// Between two calls that brought nothing new, if the validator did not hold the first.
constexpr absl::Duration kRest = absl::Seconds(1);
constexpr size_t kPruneAbove = 4096;
constexpr absl::Duration kReleasesAtEnd = absl::Seconds(2);

absl::Status Unreachable(const ValidatorLink& validator, const absl::Status& status) {
  const absl::Status known =
      absl::IsUnavailable(status)
          ? status
          : MakeError(absl::StatusCode::kUnavailable, ErrorReason(status), status.message());
  return WithContext(known, absl::StrCat("validator ", validator.address()));
}

bool SameTypes(const std::vector<FailedType>& a, const std::vector<FailedType>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const FailedType& x, const FailedType& y) {
                      return x.name == y.name && x.type == y.type;
                    });
}

// Somebody answers for every name, and nobody that must is missing.
bool IsWhole(const std::vector<NamePlan>& plans) {
  return std::all_of(plans.begin(), plans.end(), [](const NamePlan& plan) {
    return std::any_of(plan.types.begin(), plan.types.end(), [](const TypePlan& type) {
      return !type.agents.empty() && type.missing.empty();
    });
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

// A presentation as this process knows it.
struct Entry {
  int64_t generation = 0;
  absl::Time not_after;
  std::vector<FailedType> failed_types;
  validator::v1::PresentRequest request;
  PresentationStatus status;
  absl::Status error;  // for the next Present
  int64_t revision = 0;
  size_t validator = 0;  // that is asked
  size_t tried = 0;      // validators in a row that could not be reached
  std::set<size_t> shown;
  // The held call, or the rest before the next; 0: none. Only its own answer counts.
  uint64_t turn = 0;
  uint64_t call = 0;  // of the registry; 0 while resting
  absl::Duration call_began;
};

// A call to be made once the lock is given back; empty: none.
using Action = std::function<void()>;

// What is known of presentations. Held by the solver, weakly by timers.
class Core : public std::enable_shared_from_this<Core> {
 public:
  explicit Core(ValidatorSolverOptions options)
      : validators_(std::move(options.validators)),
        timers_(options.timers),
        clock_(options.clock),
        releases_(std::make_shared<ReleaseSender>(options.timers, options.clock)) {
    NORROY_CHECK(!validators_.empty());
  }

  absl::StatusOr<std::vector<NamePlan>> Plan(const std::vector<challenge::Name>& names);
  absl::StatusOr<PresentationStatus> Present(const Presentation& presentation);
  void Release(const std::string& id, int64_t generation, absl::Time tombstone_until);
  void OnChange(std::function<void(const std::string& id)> changed);
  void Stop();

 private:
  // Makes the entry wish what `presentation` says; forgets what was known of another wish.
  absl::Status Wish(const Presentation& presentation, Entry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action StartCall(const std::string& id, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Action Rest(const std::string& id, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rested(const std::string& id, uint64_t turn);
  void EndCall(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answered(const std::string& id, uint64_t turn, absl::StatusOr<PresentResponse> answer);
  // Takes an answer in. True: something changed.
  bool TakeFailure(const std::string& id, Entry& entry, const absl::Status& status, Action& next)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeAnswer(const std::string& id, Entry& entry, const PresentResponse& answer, Action& next)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Entries whose orders never came back to release them: their leases have ended.
  void Prune() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::vector<std::unique_ptr<ValidatorLink>> validators_;
  Timers& timers_;
  Clock& clock_;
  const std::shared_ptr<ReleaseSender> releases_;
  CallRegistry calls_;
  std::atomic<size_t> preferred_ = 0;

  Mutex mutex_;
  std::function<void(const std::string& id)> changed_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_turn_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::StatusOr<std::vector<NamePlan>> Core::Plan(const std::vector<challenge::Name>& names) {
  const size_t first = preferred_;
  const absl::Duration timeout = kPlanTime / static_cast<int64_t>(validators_.size());
  const validator::v1::PlanRequest request = ToPlanRequest(names);
  absl::StatusOr<std::vector<NamePlan>> best = absl::UnavailableError("no validator");
  for (size_t i = 0; i < validators_.size(); ++i) {
    const size_t index = (first + i) % validators_.size();
    ValidatorLink& validator = *validators_[index];
    const absl::StatusOr<validator::v1::PlanResponse> answer = validator.Plan(request, timeout);
    if (!answer.ok()) {
      if (!IsPassing(answer.status())) {
        return WithContext(answer.status(), absl::StrCat("validator ", validator.address()));
      }
      if (!best.ok()) best = Unreachable(validator, answer.status());
      continue;
    }
    NORROY_ASSIGN_OR_RETURN(std::vector<NamePlan> plans, FromProto(names, *answer));
    const bool whole = IsWhole(plans);
    if (whole || !best.ok()) {
      best = std::move(plans);
      preferred_ = index;
    }
    if (whole) break;
  }
  return best;
}

absl::Status Core::Wish(const Presentation& presentation, Entry& entry) {
  const bool fresh = presentation.generation > entry.generation;
  if (presentation.generation < entry.generation) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION",
                     absl::StrCat("presentation ", presentation.id, " is at generation ",
                                  entry.generation, ", not ", presentation.generation));
  }
  if (!fresh && SameTypes(presentation.failed_types, entry.failed_types)) return absl::OkStatus();
  EndCall(entry);
  if (entry.generation == 0) entry.validator = preferred_;
  entry.generation = presentation.generation;
  entry.not_after = presentation.not_after;
  entry.failed_types = presentation.failed_types;
  entry.request = ToPresentRequest(presentation);
  entry.request.set_wait(true);
  entry.status = Unknown(presentation);
  entry.error = absl::OkStatus();
  entry.revision = 0;
  entry.tried = 0;
  return absl::OkStatus();
}

absl::StatusOr<PresentationStatus> Core::Present(const Presentation& presentation) {
  Action action;
  PresentationStatus known;
  {
    MutexLock lock(&mutex_);
    if (entries_.count(presentation.id) == 0) Prune();
    Entry& entry = entries_[presentation.id];
    NORROY_RETURN_IF_ERROR(Wish(presentation, entry));
    if (!entry.error.ok()) return std::exchange(entry.error, absl::OkStatus());
    if (entry.status.state == PresentationState::kPuttingUp && entry.turn == 0) {
      action = StartCall(presentation.id, entry);
    }
    known = entry.status;
  }
  if (action) action();
  return known;
}

Action Core::StartCall(const std::string& id, Entry& entry) {
  const uint64_t call = calls_.Begin();
  if (call == 0) return nullptr;
  const uint64_t turn = ++last_turn_;
  entry.turn = turn;
  entry.call = call;
  entry.call_began = clock_.Monotonic();
  entry.shown.insert(entry.validator);
  entry.request.set_known_revision(entry.revision);
  ValidatorLink& validator = *validators_[entry.validator];
  return [this, id, turn, call, &validator, request = entry.request] {
    calls_.Made(call, validator.Present(request, kPresentTimeout,
                                        [=, this](absl::StatusOr<PresentResponse> answer) {
                                          Answered(id, turn, std::move(answer));
                                          calls_.End(call);
                                        }));
  };
}

Action Core::Rest(const std::string& id, Entry& entry) {
  const uint64_t turn = ++last_turn_;
  entry.turn = turn;
  return [this, id, turn] {
    timers_.After(kRest, [weak = weak_from_this(), id, turn] {
      if (const std::shared_ptr<Core> core = weak.lock()) core->Rested(id, turn);
    });
  };
}

void Core::Rested(const std::string& id, uint64_t turn) {
  Action action;
  {
    MutexLock lock(&mutex_);
    const auto it = entries_.find(id);
    if (it == entries_.end() || it->second.turn != turn) return;
    it->second.turn = 0;
    action = StartCall(id, it->second);
  }
  if (action) action();
}

void Core::EndCall(Entry& entry) {
  entry.turn = 0;
  if (entry.call != 0) calls_.Cancel(std::exchange(entry.call, 0));
}

void Core::Answered(const std::string& id, uint64_t turn, absl::StatusOr<PresentResponse> answer) {
  Action next;
  std::function<void(const std::string& id)> changed;
  {
    MutexLock lock(&mutex_);
    const auto it = entries_.find(id);
    if (it == entries_.end() || it->second.turn != turn) return;
    Entry& entry = it->second;
    entry.turn = 0;
    entry.call = 0;
    const bool news = answer.ok() ? TakeAnswer(id, entry, *answer, next)
                                  : TakeFailure(id, entry, answer.status(), next);
    if (news) changed = changed_;
  }
  if (next) next();
  if (changed) changed(id);
}

bool Core::TakeFailure(const std::string& id, Entry& entry, const absl::Status& status,
                       Action& next) {
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

bool Core::TakeAnswer(const std::string& id, Entry& entry, const PresentResponse& answer,
                      Action& next) {
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

void Core::Release(const std::string& id, int64_t generation, absl::Time tombstone_until) {
  std::set<size_t> targets;
  {
    MutexLock lock(&mutex_);
    const auto it = entries_.find(id);
    if (it == entries_.end()) {
      for (size_t i = 0; i < validators_.size(); ++i) targets.insert(i);
    } else {
      targets = it->second.shown;
      if (it->second.generation <= generation) {
        EndCall(it->second);
        entries_.erase(it);
      }
    }
  }
  const auto request = ToReleaseRequest(id, generation, tombstone_until);
  for (const size_t target : targets) {
    releases_->Send(*validators_[target], request, tombstone_until);
  }
}

void Core::OnChange(std::function<void(const std::string& id)> changed) {
  MutexLock lock(&mutex_);
  changed_ = std::move(changed);
}

void Core::Prune() {
  if (entries_.size() < kPruneAbove) return;
  const absl::Time now = clock_.Now();
  for (auto it = entries_.begin(); it != entries_.end();) {
    const bool ended = it->second.not_after <= now;
    if (ended) EndCall(it->second);
    it = ended ? entries_.erase(it) : std::next(it);
  }
}

void Core::Stop() {
  OnChange(nullptr);
  releases_->Close(kReleasesAtEnd);
  calls_.Close(absl::ZeroDuration());
}

class ValidatorSolver final : public Solver {
 public:
  explicit ValidatorSolver(ValidatorSolverOptions options)
      : core_(std::make_shared<Core>(std::move(options))) {}
  ~ValidatorSolver() override { core_->Stop(); }

  absl::StatusOr<std::vector<NamePlan>> Plan(const std::vector<challenge::Name>& names) override {
    return core_->Plan(names);
  }
  absl::StatusOr<PresentationStatus> Present(const Presentation& presentation) override {
    return core_->Present(presentation);
  }
  absl::Status Release(const std::string& id, int64_t generation,
                       absl::Time tombstone_until) override {
    core_->Release(id, generation, tombstone_until);
    return absl::OkStatus();
  }
  void OnChange(std::function<void(const std::string& id)> changed) override {
    core_->OnChange(std::move(changed));
  }

 private:
  const std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<Solver> MakeValidatorSolver(ValidatorSolverOptions options) {
  return std::make_unique<ValidatorSolver>(std::move(options));
}

}  // namespace norroy::solver
