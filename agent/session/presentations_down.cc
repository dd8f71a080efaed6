// What is to be taken down, and what was.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/session/presentations.h"
#include "agent/session/presentations_parts.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

void LogProof(absl::string_view what, const std::string& id, const challenge::Proof& proof,
              const absl::Status& why) {
  log::Warning("session", what,
               {{"presentation_id", id},
                {"name", proof.name.text()},
                {"type", challenge::ChallengeTypeName(proof.type)},
                {"error", why.message()}});
}

absl::Duration RetryAfter(int failures) {
  absl::Duration wait = kSweepEvery;
  for (int i = 1; i < failures && wait < kLongestRetry; ++i) wait *= 2;
  return std::min(wait, kLongestRetry);
}

}  // namespace

bool Presentations::Ended(const Held& held) const {
  return clock_.Monotonic() >= held.monotonic_end;
}

absl::StatusOr<bool> Presentations::Release(const std::string& id, int64_t generation,
                                            absl::Time until) {
  const auto at = presentations_.find(id);
  const bool known = at != presentations_.end();
  // A newer lease stands, and already refuses older ones.
  if (known && at->second.generation > generation) return false;
  const auto old = tombstones_.find(id);
  const bool again = old != tombstones_.end() && old->second.generation >= generation;
  if (!known && again) return false;
  if (!known && !again && tombstones_.size() >= kMaxTombstones) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kMaxTombstones, " released presentations are remembered already"));
  }
  const absl::Time now = clock_.Now();
  Tombstone tombstone = {.id = id, .generation = generation, .until = until};
  if (again) tombstone = old->second;
  if (known) {
    for (const Held& held : at->second.proofs) {
      tombstone.until = std::max(tombstone.until, held.end);
    }
  }
  tombstone.until = std::clamp(tombstone.until, now, now + kMaxTombstone);
  tombstones_.insert_or_assign(id, tombstone);
  next_tombstone_end_ = std::min(next_tombstone_end_, tombstone.until);
  if (!known) {
    const absl::Status noted = journal_.NoteGone(id, &tombstone);
    if (noted.ok()) return false;
    // Not written down yet: Sweep tries again.
    presentations_[id] = Presentation{.generation = generation, .released = true};
    return noted;
  }
  at->second.released = true;
  at->second.release_noted = false;
  const bool may_wait =
      std::any_of(at->second.proofs.begin(), at->second.proofs.end(),
                  [this](const Held& held) { return board_.MayWait(held.proof.type); });
  // A crash meanwhile must not bring it back.
  if (may_wait) {
    const absl::Status noted = journal_.NoteReleased(tombstone);
    LogIfFailed("cannot note in the journal", id, noted);
    at->second.release_noted = noted.ok();
  }
  return true;
}

bool Presentations::IsDue(const Presentation& presentation, const Held& held) const {
  return !held.up || presentation.released || held.generation < presentation.generation ||
         Ended(held);
}

std::vector<Presentations::ToTakeDown> Presentations::PlanTakeDown(const std::string& id,
                                                                   bool all) {
  std::vector<ToTakeDown> planned;
  const auto at = presentations_.find(id);
  if (at == presentations_.end()) return planned;
  const absl::Duration now = clock_.Monotonic();
  for (const Held& held : at->second.proofs) {
    if (!IsDue(at->second, held) || (!all && held.next_try > now)) continue;
    planned.push_back({.proof = held.proof, .held = held.up, .spots = held.spots});
  }
  return planned;
}

absl::Status Presentations::NoteTakenDown(const std::string& id,
                                          const std::vector<ToTakeDown>& planned,
                                          const std::vector<Board::Down>& down) {
  const auto at = presentations_.find(id);
  if (at == presentations_.end()) return absl::OkStatus();
  Presentation& presentation = at->second;
  absl::Status failed;
  bool ended = false;
  for (size_t i = 0; i < planned.size(); ++i) {
    const auto held = FindProof(presentation.proofs, planned[i].proof);
    if (held == presentation.proofs.end()) continue;
    if (!down[i].status.ok()) failed = down[i].status;
    const bool lease_ended = held->up && Ended(*held);
    if (!NoteDown(id, down[i], *held)) continue;
    ended = ended || lease_ended;
    presentation.proofs.erase(held);
  }
  if (ended && !presentation.released) {
    log::Info("session", "lease ended", {{"presentation_id", id}});
  }
  if (!presentation.released) {
    NoteAfter(id);
    return failed;
  }
  if (presentation.proofs.empty()) {
    const absl::Status noted = NoteReleased(id);
    return failed.ok() ? noted : failed;
  }
  const auto tombstone = tombstones_.find(id);
  if (!presentation.release_noted && tombstone != tombstones_.end()) {
    const absl::Status noted = journal_.NoteReleased(tombstone->second);
    LogIfFailed("cannot note in the journal", id, noted);
    presentation.release_noted = noted.ok();
  }
  return failed;
}

// True: nothing of it is left, or nobody asks after it any more.
bool Presentations::NoteDown(const std::string& id, const Board::Down& down, Held& held) {
  if (down.status.ok()) return true;
  const absl::Duration now = clock_.Monotonic();
  if (ErrorReason(down.status) == kPresenterGone) {
    if (clock_.Now() >= held.end + kForgetGoneAfter) {
      LogProof("forgets what it cannot take down", id, held.proof, down.status);
      return true;
    }
    if (held.up || held.spots.has_value()) held.spots = down.left;
    held.up = false;
    held.next_try = now + kLongestRetry;
    LogProof("cannot take down without its presenter", id, held.proof, down.status);
    return false;
  }
  if (!held.up && held.spots.has_value()) held.spots = down.left;
  held.next_try = now + RetryAfter(++held.failures);
  LogProof("cannot take down", id, held.proof, down.status);
  return false;
}

// A release that could not be written down is kept, with nothing left of it, until that is done: a
// restart must not bring back what was released.
absl::Status Presentations::NoteReleased(const std::string& id) {
  const auto tombstone = tombstones_.find(id);
  const absl::Status noted =
      journal_.NoteGone(id, tombstone == tombstones_.end() ? nullptr : &tombstone->second);
  if (noted.ok()) presentations_.erase(id);
  return noted;
}

std::vector<Presentations::ToTakeDown> Presentations::PlanStop(const std::string& id) {
  std::vector<ToTakeDown> planned;
  const auto at = presentations_.find(id);
  if (at == presentations_.end()) return planned;
  for (const Held& held : at->second.proofs) {
    // What other servers answer stays: another agent may have put the same value there, and
    // validators count it as served until its lease ends.
    if (!held.up || board_.MayWait(held.proof.type)) continue;
    planned.push_back({.proof = held.proof, .held = true, .spots = {}});
  }
  return planned;
}

void Presentations::NoteStopped(const std::string& id, const std::vector<ToTakeDown>& planned,
                                const std::vector<Board::Down>& down) {
  const auto at = presentations_.find(id);
  if (at == presentations_.end()) return;
  Presentation& presentation = at->second;
  for (size_t i = 0; i < planned.size(); ++i) {
    const auto held = FindProof(presentation.proofs, planned[i].proof);
    LogIfFailed("cannot take down", id, down[i].status);
    const bool gone = ErrorReason(down[i].status) == kPresenterGone;
    if (!down[i].status.ok() && !gone) continue;
    held->up = false;
    held->spots = down[i].left;
  }
  // Within its lease it is put up again by whatever the next start has configured.
  LogIfFailed("cannot note in the journal", id, journal_.NotePresented(EntryOf(id, presentation)));
}

std::vector<std::string> Presentations::Sweep() {
  const absl::Time now = clock_.Now();
  for (auto tombstone = tombstones_.begin(); tombstone != tombstones_.end();) {
    tombstone =
        tombstone->second.until <= now ? tombstones_.erase(tombstone) : std::next(tombstone);
  }
  LogIfFailed("cannot rewrite the journal", "", journal_.Sweep(now));
  for (const std::string& id : ids()) {
    const Presentation& presentation = presentations_.at(id);
    if (!presentation.released || !presentation.proofs.empty()) continue;
    LogIfFailed("cannot note in the journal", id, NoteReleased(id));
  }
  FindNextEnd();
  std::vector<std::string> due;
  for (const auto& [id, presentation] : presentations_) {
    if (!PlanTakeDown(id).empty()) due.push_back(id);
  }
  return due;
}

void Presentations::FindNextEnd() {
  next_lease_end_ = absl::InfiniteDuration();
  for (const auto& [id, presentation] : presentations_) {
    for (const Held& held : presentation.proofs) {
      // What has ended is still here because it could not be taken down.
      if (held.up && !Ended(held)) {
        next_lease_end_ = std::min(next_lease_end_, held.monotonic_end);
      }
    }
  }
  next_tombstone_end_ = absl::InfiniteFuture();
  for (const auto& [id, tombstone] : tombstones_) {
    next_tombstone_end_ = std::min(next_tombstone_end_, tombstone.until);
  }
}

absl::Duration Presentations::UntilSweep() const {
  const absl::Duration wait =
      std::max(std::min(next_lease_end_ - clock_.Monotonic(), next_tombstone_end_ - clock_.Now()),
               absl::ZeroDuration());
  return presentations_.empty() ? wait : std::min(wait, kSweepEvery);
}

}  // namespace norroy::agent
