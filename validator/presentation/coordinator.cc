#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "validator/presentation/level_coordinator.h"
#include "validator/presentation/messages.h"
#include "validator/presentation/plan.h"

namespace norroy::validator {
namespace {

using v1::PresentRequest;
using v1::PresentResponse;

constexpr size_t kMaxPresentations = 10000;
constexpr size_t kMaxTombstones = 200000;
constexpr size_t kMaxWaiters = 10000;
constexpr absl::Duration kClockSkew = absl::Minutes(5);
constexpr absl::Duration kSweepInterval = absl::Hours(1);
constexpr char kLog[] = "presentation";

absl::Status ReleasedAlready(const std::string& id, int64_t generation) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "RELEASED",
                   absl::StrCat("presentation ", id, " was released up to generation ", generation,
                                ": present under a higher one"),
                   {{"generation", absl::StrCat(generation)}});
}

absl::Status LeaseEnded(const std::string& id) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "EXPIRED",
                   absl::StrCat("the lease of presentation ", id,
                                " has ended: present under a higher generation with new seals"));
}

absl::Status TooMany(absl::string_view what) {
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_PRESENTATIONS",
                   absl::StrCat("the validator holds as many ", what,
                                " as it takes: release what is done, and try again"));
}

// The request as it is stored: what the caller waits for is no part of the wish.
std::string StoredForm(const PresentRequest& request) {
  PresentRequest stored = request;
  stored.clear_wait();
  stored.clear_known_revision();
  return stored.SerializeAsString();
}

// The same answers: sealed anew (after a restart of the issuer, say) they are the same wish.
bool SameProofs(const Wish& a, const Wish& b) {
  return std::equal(a.proofs.begin(), a.proofs.end(), b.proofs.begin(), b.proofs.end(),
                    [](const WishedProof& x, const WishedProof& y) { return x.proof == y.proof; });
}

}  // namespace

absl::Status StaleGeneration(const std::string& id, int64_t known) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION",
                   absl::StrCat("presentation ", id, " has generation ", known,
                                " by now: a lower one comes too late"),
                   {{"generation", absl::StrCat(known)}});
}

LevelCoordinator::~LevelCoordinator() {
  {
    // No timer's task runs from here on.
    MutexLock lock(&life_->mutex);
    life_->self = nullptr;
  }
  const absl::Status stopping =
      MakeError(absl::StatusCode::kUnavailable, "STOPPING", "the validator stops");
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (Waiter& waiter : waiters_.TakeAll()) {
      effects.answers.emplace_back(std::move(waiter.done), stopping);
    }
  });
}

void LevelCoordinator::After(absl::Duration delay, std::function<void(LevelCoordinator&)> task) {
  options_.timers.After(delay, [life = life_, task = std::move(task)] {
    MutexLock lock(&life->mutex);
    if (life->self != nullptr) task(*life->self);
  });
}

void LevelCoordinator::CarryOut(Effects effects) {
  for (const WirePtr& wire : effects.wires) Drain(wire);
  for (auto& [done, answer] : effects.answers) done(std::move(answer));
}

void LevelCoordinator::Drain(const WirePtr& wire) {
  bool ours = false;
  while (true) {
    agent::v1::AttachResponse message;
    {
      MutexLock lock(&mutex_);
      // Whoever is at it sees what was added.
      if (wire->draining && !ours) return;
      ours = wire->draining = !wire->outbox.empty();
      if (!ours) return;
      message = std::move(wire->outbox.front());
      wire->outbox.pop_front();
    }
    // A link that does not take it is being closed; the agent attaches anew and is asked again.
    wire->link->Send(message);
  }
}

absl::Status LevelCoordinator::Load() {
  const absl::Time now = options_.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const std::vector<StoredPresentation> stored,
                          options_.store.LoadPresentations(now));
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (const StoredPresentation& one : stored) {
      if (one.released) {
        Entomb(one.id, one.generation, one.not_after, effects);
        continue;
      }
      absl::StatusOr<Wish> wish = WishOf(one);
      if (wish.ok()) {
        Apply(*std::move(wish), effects);
      } else {
        log::Warning(kLog, "a stored presentation is not taken up again",
                     {{"presentation_id", one.id}, {"error", wish.status().message()}});
      }
    }
  });
  After(kSweepInterval, [](LevelCoordinator& self) { self.Sweep(); });
  return absl::OkStatus();
}

absl::StatusOr<Wish> LevelCoordinator::WishOf(const StoredPresentation& stored) const {
  PresentRequest request;
  if (!request.ParseFromString(stored.request)) return absl::DataLossError("not a PresentRequest");
  return ParseWish(request, options_.deployment, options_.clock.Now());
}

void LevelCoordinator::Sweep() {
  const absl::Status swept = options_.store.SweepPresentations(options_.clock.Now());
  if (!swept.ok()) {
    log::Warning(kLog, "old presentations stay in the store", {{"error", swept.message()}});
  }
  After(kSweepInterval, [](LevelCoordinator& self) { self.Sweep(); });
}

absl::StatusOr<v1::PlanResponse> LevelCoordinator::Plan(const v1::PlanRequest& request) {
  if (request.names().empty() || request.names_size() > challenge::kMaxNamesPerOrder) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PLAN",
                     absl::StrCat(request.names_size(), " names: 1 to ",
                                  challenge::kMaxNamesPerOrder, " are needed"));
  }
  v1::PlanResponse response;
  for (int i = 0; i < request.names_size(); ++i) {
    const absl::StatusOr<challenge::Name> name = NameOf(request.names(i));
    if (!name.ok()) return WithContext(name.status(), absl::StrCat("names[", i, "]"));
    *response.add_names() = PlanName(*name, options_.registry.CandidatesFor(*name));
  }
  return response;
}

void LevelCoordinator::Present(const PresentRequest& request, PresentDone done) {
  absl::StatusOr<Wish> wish = ParseWish(request, options_.deployment, options_.clock.Now());
  if (!wish.ok()) {
    done(wish.status());
    return;
  }
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const std::string& id = request.presentation_id();
    Reserve(id);
    const absl::Status accepted = Accept(request, *std::move(wish), effects);
    Unreserve(id);
    if (accepted.ok()) {
      AnswerOrWait(request, std::move(done), effects);
    } else {
      effects.answers.emplace_back(std::move(done), accepted);
    }
  });
}

void LevelCoordinator::Reserve(const std::string& id) {
  while (reserved_.contains(id)) unreserved_.Wait(&mutex_);
  reserved_.insert(id);
}

void LevelCoordinator::Unreserve(const std::string& id) {
  reserved_.erase(id);
  unreserved_.SignalAll();
}

absl::Status LevelCoordinator::Put(const StoredPresentation& stored) {
  mutex_.Unlock();
  absl::Status status = options_.store.PutPresentation(stored);
  mutex_.Lock();
  return WithContext(status, absl::StrCat("storing presentation ", stored.id));
}

absl::Status LevelCoordinator::Accept(const PresentRequest& request, Wish wish, Effects& effects) {
  NORROY_ASSIGN_OR_RETURN(const bool changed, Judge(wish));
  if (!changed) return absl::OkStatus();
  NORROY_RETURN_IF_ERROR(Put({.id = wish.id,
                              .generation = wish.generation,
                              .not_after = wish.not_after,
                              .released = false,
                              .request = StoredForm(request)}));
  NORROY_FAILPOINT("validator.wish_stored");
  Apply(std::move(wish), effects);
  return absl::OkStatus();
}

absl::StatusOr<bool> LevelCoordinator::Judge(const Wish& wish) {
  const auto buried = tombstones_.find(wish.id);
  if (buried != tombstones_.end() && wish.generation <= buried->second.generation) {
    return ReleasedAlready(wish.id, buried->second.generation);
  }
  const auto it = leases_.find(wish.id);
  if (it == leases_.end()) {
    if (leases_.size() >= kMaxPresentations) return TooMany("presentations");
    return true;
  }
  const Wish& known = it->second.presentation.wish();
  if (wish.generation < known.generation) return StaleGeneration(wish.id, known.generation);
  if (wish.generation > known.generation) return true;
  if (SameProofs(wish, known)) return wish.failed != known.failed;
  return MakeError(absl::StatusCode::kInvalidArgument, "GENERATION_REUSED",
                   absl::StrCat("presentation ", wish.id, " generation ", wish.generation,
                                " was for other proofs: other proofs need a higher generation"));
}

void LevelCoordinator::Apply(Wish wish, Effects& effects) {
  const auto it = leases_.find(wish.id);
  const bool same =
      it != leases_.end() && it->second.presentation.wish().generation == wish.generation;
  if (same) it->second.presentation.SetFailed(std::move(wish.failed));
  Lease& lease = same ? it->second : Replace(std::move(wish), effects);
  Route(lease);
  Step(lease, effects);
}

Lease& LevelCoordinator::Replace(Wish wish, Effects& effects) {
  const std::string id = wish.id;
  const int64_t generation = wish.generation;
  const absl::Duration left = wish.not_after - options_.clock.Now();
  // Higher than what any caller has seen, of us before a restart too.
  int64_t revision = absl::ToUnixMillis(options_.clock.Now());
  std::set<std::string> sent_to;
  const auto before = leases_.extract(id);
  if (!before.empty()) {
    const Presentation& older = before.mapped().presentation;
    revision = std::max(revision, older.answer().revision() + 1);
    sent_to = older.sent_to();
    Wake(
        id, StaleGeneration(id, generation), [](const Waiter&) { return true; }, effects);
  }
  // Whoever has yet to take a released generation down holds something until then.
  auto buried = tombstones_.extract(id);
  if (!buried.empty()) sent_to.merge(buried.mapped().pending);
  Lease& lease = leases_.emplace(id, Lease{Presentation(std::move(wish), revision), std::nullopt})
                     .first->second;
  for (const std::string& agent : sent_to) lease.presentation.NoteSentTo(agent);
  After(left, [id, generation](LevelCoordinator& self) { self.EndLease(id, generation); });
  return lease;
}

void LevelCoordinator::AnswerOrWait(const PresentRequest& request, PresentDone done,
                                    Effects& effects) {
  const std::string& id = request.presentation_id();
  const auto it = leases_.find(id);
  if (it == leases_.end()) {
    effects.answers.emplace_back(std::move(done), LeaseEnded(id));
    return;
  }
  const PresentResponse& answer = it->second.presentation.answer();
  if (!request.wait() || request.known_revision() != answer.revision() ||
      waiters_.size() >= kMaxWaiters) {
    effects.answers.emplace_back(std::move(done), answer);
    return;
  }
  const Waiters::Key key = waiters_.Add(id, {answer.revision(), std::move(done)});
  After(kPresentHold, [key](LevelCoordinator& self) { self.EndWait(key); });
}

void LevelCoordinator::Wake(const std::string& id, const absl::StatusOr<PresentResponse>& answer,
                            const std::function<bool(const Waiter&)>& wanted, Effects& effects) {
  for (Waiter& waiter : waiters_.Take(id, wanted)) {
    effects.answers.emplace_back(std::move(waiter.done), answer);
  }
}

void LevelCoordinator::EndWait(const Waiters::Key& key) {
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::optional<Waiter> waiter = waiters_.Take(key);
    if (!waiter.has_value()) return;
    const auto it = leases_.find(key.first);
    if (it == leases_.end()) {
      effects.answers.emplace_back(std::move(waiter->done), LeaseEnded(key.first));
    } else {
      effects.answers.emplace_back(std::move(waiter->done), it->second.presentation.answer());
    }
  });
}

absl::Status LevelCoordinator::Release(const v1::ReleaseRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckPresentationId(request.presentation_id()));
  NORROY_RETURN_IF_ERROR(CheckGeneration(request.generation()));
  const absl::Time until = FromTimestamp(request.tombstone_until());
  if (until > options_.clock.Now() + kMaxTombstone + kClockSkew) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PRESENTATION",
                     "tombstone_until is more than 24 h ahead");
  }
  absl::Status status;
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Reserve(request.presentation_id());
    status = Bury(request.presentation_id(), request.generation(), until, effects);
    Unreserve(request.presentation_id());
  });
  return status;
}

absl::Status LevelCoordinator::Bury(const std::string& id, int64_t generation, absl::Time until,
                                    Effects& effects) {
  NORROY_ASSIGN_OR_RETURN(const bool bury, TakeUpToBury(id, generation, effects));
  if (!bury) return absl::OkStatus();
  const auto lease = leases_.find(id);
  if (lease != leases_.end()) {
    const Wish& wish = lease->second.presentation.wish();
    // A renewed lease is not ended by the release of what it replaced.
    if (wish.generation > generation) return absl::OkStatus();
    until = std::max(until, wish.not_after);
  }
  // All seals are over and nothing is up: nothing could come back.
  if (until <= options_.clock.Now()) return absl::OkStatus();
  const auto buried = tombstones_.find(id);
  if (buried != tombstones_.end() && buried->second.generation >= generation &&
      buried->second.until >= until) {
    return absl::OkStatus();
  }
  if (lease == leases_.end() && tombstones_.size() >= kMaxTombstones) return TooMany("tombstones");
  NORROY_RETURN_IF_ERROR(Put(
      {.id = id, .generation = generation, .not_after = until, .released = true, .request = ""}));
  Entomb(id, generation, until, effects);
  return absl::OkStatus();
}

void LevelCoordinator::Entomb(const std::string& id, int64_t generation, absl::Time until,
                              Effects& effects) {
  Tombstone& tombstone = tombstones_[id];
  tombstone.generation = std::max(tombstone.generation, generation);
  tombstone.until = std::max(tombstone.until, until);
  const auto lease = leases_.extract(id);
  if (!lease.empty()) {
    const Presentation& presentation = lease.mapped().presentation;
    tombstone.pending.insert(presentation.sent_to().begin(), presentation.sent_to().end());
    PresentResponse answer = presentation.answer();
    answer.set_state(v1::PRESENTATION_STATE_RELEASED);
    answer.set_revision(answer.revision() + 1);
    for (v1::PresentedName& name : *answer.mutable_names()) {
      name.set_state(v1::PRESENTATION_STATE_RELEASED);
    }
    Wake(
        id, answer, [](const Waiter&) { return true; }, effects);
  }
  for (const std::string& agent : tombstone.pending) {
    SendTakeDown(agent, id, tombstone.generation, tombstone.until, effects);
  }
  After(tombstone.until - options_.clock.Now(),
        [id, generation = tombstone.generation](LevelCoordinator& self) {
          self.EndTombstone(id, generation);
        });
}

void LevelCoordinator::EndLease(const std::string& id, int64_t generation) {
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto it = leases_.find(id);
    if (it == leases_.end() || it->second.presentation.wish().generation != generation) return;
    const absl::Duration left = it->second.presentation.wish().not_after - options_.clock.Now();
    if (left > absl::ZeroDuration()) {
      // Somebody has set the clock back.
      After(left, [id, generation](LevelCoordinator& self) { self.EndLease(id, generation); });
      return;
    }
    leases_.erase(it);
    Wake(
        id, LeaseEnded(id), [](const Waiter&) { return true; }, effects);
    log::Info(kLog, "a lease ended by itself", {{"presentation_id", id}});
  });
}

void LevelCoordinator::EndTombstone(const std::string& id, int64_t generation) {
  MutexLock lock(&mutex_);
  const auto it = tombstones_.find(id);
  if (it == tombstones_.end() || it->second.generation != generation) return;
  const absl::Duration left = it->second.until - options_.clock.Now();
  if (left <= absl::ZeroDuration()) {
    tombstones_.erase(it);
    return;
  }
  After(left, [id, generation](LevelCoordinator& self) { self.EndTombstone(id, generation); });
}

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(const CoordinatorOptions& options) {
  auto coordinator = std::make_unique<LevelCoordinator>(options);
  NORROY_RETURN_IF_ERROR(coordinator->Load());
  return coordinator;
}

}  // namespace norroy::validator
