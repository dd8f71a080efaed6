#include "agent/session/presentations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

void LogIfFailed(absl::string_view what, const std::string& id, const absl::Status& status) {
  if (status.ok()) return;
  log::Warning("session", what, {{"presentation_id", id}, {"error", status.message()}});
}

}  // namespace

bool Presentations::Ended(const Held& held) const {
  return clock_.Now() >= held.end || clock_.Monotonic() >= held.monotonic_end;
}

// What forbids the whole message; an empty reason: nothing.
Presentations::Refusal Presentations::WhyNot(const Admission& admission) const {
  const auto tombstone = tombstones_.find(admission.id);
  if (tombstone != tombstones_.end() && admission.generation <= tombstone->second.generation) {
    return {kReleased, absl::StrCat("generation ", tombstone->second.generation,
                                    " and older ones of this presentation were released")};
  }
  const auto at = presentations_.find(admission.id);
  if (at != presentations_.end() && admission.generation < at->second.generation) {
    return {kStaleGeneration, absl::StrCat("generation ", at->second.generation, " is up already")};
  }
  if (at == presentations_.end() && presentations_.size() >= kMaxPresentations) {
    return {kPresenterFailed, absl::StrCat(kMaxPresentations, " presentations are up already")};
  }
  return {};
}

void Presentations::Put(Admission& admission) {
  const bool any = std::any_of(admission.proofs.begin(), admission.proofs.end(),
                               [](const JudgedProof& proof) { return proof.body.has_value(); });
  if (!any) return;
  Refusal refusal = WhyNot(admission);
  Presentation& presentation = presentations_[admission.id];
  if (refusal.reason.empty()) {
    const absl::Status noted = NoteBefore(admission, presentation);
    if (!noted.ok()) refusal = {kPresenterFailed, std::string(noted.message())};
  }
  if (!refusal.reason.empty()) {
    for (JudgedProof& proof : admission.proofs) {
      if (proof.body.has_value()) Refuse(proof, refusal.reason, refusal.detail);
    }
    if (presentation.proofs.empty()) presentations_.erase(admission.id);
    return;
  }
  presentation.generation = admission.generation;
  presentation.released = false;
  for (JudgedProof& proof : admission.proofs) {
    if (proof.body.has_value()) Hold(proof, presentation);
  }
  DropOlder(admission.id, presentation);
  NoteAfter(admission.id);
}

// Everything that may be up soon: what was admitted, and what is up until it is taken down.
absl::Status Presentations::NoteBefore(const Admission& admission,
                                       const Presentation& presentation) {
  JournalPresentation entry = {
      .id = admission.id, .generation = admission.generation, .proofs = {}};
  bool news = admission.generation != presentation.generation;
  for (const JudgedProof& proof : admission.proofs) {
    if (!proof.body.has_value()) continue;
    news = news || std::none_of(presentation.proofs.begin(), presentation.proofs.end(),
                                [&proof](const Held& held) {
                                  return held.sealed.body() == proof.sealed.body();
                                });
    entry.proofs.push_back(proof.sealed);
  }
  if (!news) return absl::OkStatus();
  for (const Held& held : presentation.proofs) {
    const bool renewed = std::any_of(
        admission.proofs.begin(), admission.proofs.end(), [&held](const JudgedProof& proof) {
          return proof.body.has_value() && proof.body->proof == held.proof;
        });
    if (!renewed) entry.proofs.push_back(held.sealed);
  }
  return journal_.NotePresented(entry);
}

void Presentations::Hold(JudgedProof& proof, Presentation& presentation) {
  const challenge::SealBody& body = *proof.body;
  auto held = std::find_if(presentation.proofs.begin(), presentation.proofs.end(),
                           [&body](const Held& held) { return held.proof == body.proof; });
  if (held == presentation.proofs.end()) {
    const auto place = board_.Hold(body.proof);
    if (!place.ok()) {
      Refuse(proof, kPresenterFailed, place.status().message());
      return;
    }
    held = presentation.proofs.insert(held, Held{.proof = body.proof,
                                                 .sealed = {},
                                                 .generation = 0,
                                                 .end = absl::InfinitePast(),
                                                 .monotonic_end = absl::ZeroDuration()});
  }
  // Of two seals of one generation the one that lasts longer counts.
  if (body.generation > held->generation || body.not_after > held->end) {
    held->sealed = proof.sealed;
    held->generation = body.generation;
    held->end = body.not_after;
    held->monotonic_end = clock_.Monotonic() + (body.not_after - clock_.Now());
    next_end_ = std::min(next_end_, held->end);
  }
  proof.result.set_served(true);
  proof.result.set_place(board_.PlaceOf(body.proof));
}

// What only an older generation had. The journal keeps what could not be taken down, and Sweep
// tries again.
void Presentations::DropOlder(const std::string& id, Presentation& presentation) {
  auto& proofs = presentation.proofs;
  for (auto held = proofs.begin(); held != proofs.end();) {
    const bool older = held->generation < presentation.generation || Ended(*held);
    const absl::Status dropped = older ? board_.Drop(held->proof) : absl::OkStatus();
    LogIfFailed("cannot take down an older proof", id, dropped);
    held = older && dropped.ok() ? proofs.erase(held) : std::next(held);
  }
}

// Brings the journal to what is up, and forgets a presentation of which nothing is. If that cannot
// be written, the journal says more than is up, which the next start puts right.
void Presentations::NoteAfter(const std::string& id) {
  const auto at = presentations_.find(id);
  if (at->second.proofs.empty()) {
    LogIfFailed("cannot note in the journal", id, journal_.NoteGone(id, nullptr));
    presentations_.erase(at);
    return;
  }
  JournalPresentation entry = {.id = id, .generation = at->second.generation, .proofs = {}};
  for (const Held& held : at->second.proofs) entry.proofs.push_back(held.sealed);
  const auto& noted = journal_.state().presented;
  const auto last = std::find_if(noted.begin(), noted.end(),
                                 [&id](const JournalPresentation& p) { return p.id == id; });
  if (last != noted.end() && last->proofs.size() == entry.proofs.size()) return;
  LogIfFailed("cannot note in the journal", id, journal_.NotePresented(entry));
}

absl::Status Presentations::Release(const std::string& id, int64_t generation, absl::Time until) {
  const auto at = presentations_.find(id);
  const bool known = at != presentations_.end();
  // A newer lease stands, and already refuses older ones.
  if (known && at->second.generation > generation) return absl::OkStatus();
  const auto old = tombstones_.find(id);
  const bool again = old != tombstones_.end() && old->second.generation >= generation;
  if (!known && again) return absl::OkStatus();
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
  next_end_ = std::min(next_end_, tombstone.until);
  if (!known) return journal_.NoteGone(id, &tombstone);
  at->second.released = true;
  NORROY_RETURN_IF_ERROR(DropAll(at->second));
  return NoteReleased(id);
}

absl::Status Presentations::DropAll(Presentation& presentation) {
  absl::Status failed;
  auto& proofs = presentation.proofs;
  for (auto held = proofs.begin(); held != proofs.end();) {
    const absl::Status dropped = board_.Drop(held->proof);
    if (!dropped.ok()) failed = dropped;
    held = dropped.ok() ? proofs.erase(held) : std::next(held);
  }
  return failed;
}

absl::Status Presentations::NoteReleased(const std::string& id) {
  presentations_.erase(id);
  const auto tombstone = tombstones_.find(id);
  return journal_.NoteGone(id, tombstone == tombstones_.end() ? nullptr : &tombstone->second);
}

void Presentations::Sweep() {
  std::vector<std::string> ids;
  for (const auto& [id, presentation] : presentations_) ids.push_back(id);
  for (const std::string& id : ids) {
    Presentation& presentation = presentations_[id];
    if (presentation.released) {
      const absl::Status dropped = DropAll(presentation);
      LogIfFailed("cannot take down a released proof", id, dropped);
      if (dropped.ok()) LogIfFailed("cannot note in the journal", id, NoteReleased(id));
      continue;
    }
    const size_t before = presentation.proofs.size();
    DropOlder(id, presentation);
    if (presentation.proofs.size() == before) continue;
    log::Info("session", "lease ended", {{"presentation_id", id}});
    NoteAfter(id);
  }
  SweepLeftovers();
  SweepTombstones();
  FindNextEnd();
}

void Presentations::SweepLeftovers() {
  for (auto proof = leftovers_.begin(); proof != leftovers_.end();) {
    const absl::Status cleared = board_.Clear(*proof);
    LogIfFailed("cannot take down what an earlier process put up", "", cleared);
    proof = cleared.ok() ? leftovers_.erase(proof) : std::next(proof);
  }
}

void Presentations::SweepTombstones() {
  const absl::Time now = clock_.Now();
  for (auto tombstone = tombstones_.begin(); tombstone != tombstones_.end();) {
    tombstone =
        tombstone->second.until <= now ? tombstones_.erase(tombstone) : std::next(tombstone);
  }
  LogIfFailed("cannot rewrite the journal", "", journal_.Sweep(now));
}

void Presentations::FindNextEnd() {
  next_end_ = absl::InfiniteFuture();
  for (const auto& [id, presentation] : presentations_) {
    for (const Held& held : presentation.proofs) {
      // What has ended is still here because it could not be taken down.
      if (!Ended(held)) next_end_ = std::min(next_end_, held.end);
    }
  }
  for (const auto& [id, tombstone] : tombstones_) next_end_ = std::min(next_end_, tombstone.until);
}

absl::Duration Presentations::UntilSweep() const {
  const absl::Duration wait = std::max(next_end_ - clock_.Now(), absl::ZeroDuration());
  const bool something_up = !presentations_.empty() || !leftovers_.empty();
  return something_up ? std::min(wait, kSweepEvery) : wait;
}

void Presentations::TakeAllDown() {
  for (auto& [id, presentation] : presentations_) {
    LogIfFailed("cannot take down", id, DropAll(presentation));
  }
}

std::vector<v1::Presented> Presentations::list() const {
  std::vector<v1::Presented> list;
  for (const auto& [id, presentation] : presentations_) {
    if (presentation.proofs.empty()) continue;
    v1::Presented& entry = list.emplace_back();
    entry.set_presentation_id(id);
    entry.set_generation(presentation.generation);
  }
  return list;
}

void Presentations::Recover(const Admitter& admit) {
  for (const Tombstone& tombstone : journal_.state().tombstones) {
    tombstones_.insert_or_assign(tombstone.id, tombstone);
    next_end_ = std::min(next_end_, tombstone.until);
  }
  const std::vector<JournalPresentation> entries = journal_.state().presented;
  for (const JournalPresentation& entry : entries) RecoverOne(entry, admit);
}

void Presentations::RecoverOne(const JournalPresentation& entry, const Admitter& admit) {
  Presentation& presentation = presentations_[entry.id];
  presentation.generation = entry.generation;
  for (const auto& sealed : entry.proofs) {
    v1::PutUp message;
    *message.add_proofs() = sealed;
    Admission admission = admit(message);
    JudgedProof& proof = admission.proofs.front();
    // A proof of an older generation was on its way down.
    if (proof.body.has_value() && admission.id == entry.id &&
        admission.generation == entry.generation) {
      Hold(proof, presentation);
      if (proof.result.served()) continue;
    }
    log::Info("session", "not put up again after the restart",
              {{"presentation_id", entry.id},
               {"reason", proof.result.reason()},
               {"detail", proof.result.detail()}});
    const auto body = challenge::ReadUnverified(sealed);
    if (body.ok()) leftovers_.push_back(body->proof);
  }
  SweepLeftovers();
  if (leftovers_.empty()) {
    NoteAfter(entry.id);
    return;
  }
  // The journal keeps it until it could be taken down.
  if (presentation.proofs.empty()) presentations_.erase(entry.id);
}

}  // namespace norroy::agent
