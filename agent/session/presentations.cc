// What is to be put up, and what was; taking down is in presentations_down.cc.

#include "agent/session/presentations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/session/presentations_parts.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/log/log.h"

namespace norroy::agent {
namespace {

const JournalPresentation* FindEntry(const JournalState& state, const std::string& id) {
  const auto at = std::find_if(state.presented.begin(), state.presented.end(),
                               [&id](const JournalPresentation& entry) { return entry.id == id; });
  return at == state.presented.end() ? nullptr : &*at;
}

constexpr int kMaxNamedStuck = 3;

// "www.example.com at rfc2136 example.com: _acme-challenge.www.example.com"
std::string StuckText(const challenge::Proof& proof, const JournalProof& noted) {
  std::string text = proof.name.text();
  if (!noted.spots.has_value() || noted.spots->empty()) return text;
  const Spot& spot = noted.spots->front();
  absl::StrAppend(&text, " at ", spot.presenter);
  if (!spot.location.empty()) absl::StrAppend(&text, ": ", spot.location);
  return text;
}

}  // namespace

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
  return at == presentations_.end() ? WhyFull() : Refusal();
}

bool Presentations::IsStuck(const Presentation& presentation) const {
  // Without a release it is just being put up.
  if (presentation.proofs.empty()) return presentation.released;
  return std::all_of(presentation.proofs.begin(), presentation.proofs.end(), [&](const Held& held) {
    return held.next_try > absl::ZeroDuration() && IsDue(presentation, held);
  });
}

Presentations::Refusal Presentations::WhyFull() const {
  if (presentations_.size() < static_cast<size_t>(kMaxPresentations)) return {};
  int stuck = 0;
  std::vector<std::string> named;
  for (const auto& [id, presentation] : presentations_) {
    if (!IsStuck(presentation)) continue;
    ++stuck;
    if (static_cast<int>(named.size()) >= kMaxNamedStuck) continue;
    named.push_back(presentation.proofs.empty() ? absl::StrCat(id, " (not written down)")
                                                : StuckText(presentation.proofs[0].proof,
                                                            ToJournal(presentation.proofs[0])));
  }
  const int total = static_cast<int>(presentations_.size());
  if (total - std::min(stuck, kMaxStuck) < kMaxPresentations) return {};
  std::string detail = absl::StrCat(total - stuck, " presentations are up already");
  if (stuck > 0) {
    absl::StrAppend(&detail, ", and ", stuck,
                    " could not be taken down: ", absl::StrJoin(named, "; "),
                    stuck > kMaxNamedStuck ? "; ..." : "");
  }
  return {kPresenterFailed, detail};
}

std::vector<Presentations::ToPutUp> Presentations::PlanPutUp(Admission& admission) {
  const absl::Time now = clock_.Now();
  std::vector<ToPutUp> planned;
  // It may have waited for its turn.
  for (JudgedProof& proof : admission.proofs) {
    if (proof.body.has_value() && proof.body->not_after <= now) {
      Refuse(proof, kExpired, "the seal has ended");
    }
  }
  const bool any = std::any_of(admission.proofs.begin(), admission.proofs.end(),
                               [](const JudgedProof& proof) { return proof.body.has_value(); });
  if (!any) return planned;
  Refusal refusal = WhyNot(admission);
  Presentation& presentation = presentations_[admission.id];
  if (refusal.reason.empty()) {
    for (size_t i = 0; i < admission.proofs.size(); ++i) {
      if (!admission.proofs[i].body.has_value()) continue;
      const challenge::Proof& proof = admission.proofs[i].body->proof;
      const bool again = std::any_of(planned.begin(), planned.end(), [&](const ToPutUp& other) {
        return admission.proofs[other.proof].body->proof == proof;
      });
      const auto held = FindProof(presentation.proofs, proof);
      const bool known = held != presentation.proofs.end();
      if (again || (known && held->up)) continue;
      ToPutUp& plan = planned.emplace_back();
      plan.proof = i;
      plan.known.may_be_up = known;
      plan.locate = known && !held->spots.has_value();
      if (!known) plan.known.spots = board_.FirstSpot(proof);
      if (known && held->spots.has_value()) plan.known.spots = *held->spots;
    }
    const absl::Status noted = NoteBefore(admission, presentation, planned);
    if (!noted.ok()) refusal = {kPresenterFailed, std::string(noted.message())};
  }
  if (!refusal.reason.empty()) {
    for (JudgedProof& proof : admission.proofs) {
      if (proof.body.has_value()) Refuse(proof, refusal.reason, refusal.detail);
    }
    if (presentation.proofs.empty() && !presentation.released) presentations_.erase(admission.id);
    return {};
  }
  presentation.generation = admission.generation;
  presentation.released = false;
  presentation.whole = true;
  return planned;
}

// Everything that may be up soon: what was admitted, and what is up until it is taken down.
absl::Status Presentations::NoteBefore(const Admission& admission, const Presentation& presentation,
                                       const std::vector<ToPutUp>& planned) {
  JournalPresentation entry = {
      .id = admission.id, .generation = admission.generation, .proofs = {}};
  bool news = admission.generation != presentation.generation;
  for (const JudgedProof& proof : admission.proofs) {
    if (!proof.body.has_value()) continue;
    const auto held = FindProof(presentation.proofs, proof.body->proof);
    JournalProof& note = entry.proofs.emplace_back();
    if (held != presentation.proofs.end()) {
      news = news || held->sealed.body() != proof.sealed.body();
      note = ToJournal(*held);
    } else {
      news = true;
      const auto plan = std::find_if(planned.begin(), planned.end(), [&](const ToPutUp& p) {
        return admission.proofs[p.proof].body->proof == proof.body->proof;
      });
      note.spots = plan->known.spots;
    }
    note.sealed = proof.sealed;
  }
  if (!news) return absl::OkStatus();
  for (const Held& held : presentation.proofs) {
    const bool renewed = std::any_of(
        admission.proofs.begin(), admission.proofs.end(), [&held](const JudgedProof& proof) {
          return proof.body.has_value() && proof.body->proof == held.proof;
        });
    if (!renewed) entry.proofs.push_back(ToJournal(held));
  }
  return journal_.NotePresented(entry);
}

JournalProof Presentations::ToJournal(const Held& held) const {
  return {.sealed = held.sealed, .spots = held.up ? board_.SpotsOf(held.proof) : held.spots};
}

JournalPresentation Presentations::EntryOf(const std::string& id,
                                           const Presentation& presentation) const {
  JournalPresentation entry = {.id = id, .generation = presentation.generation, .proofs = {}};
  for (const Held& held : presentation.proofs) entry.proofs.push_back(ToJournal(held));
  return entry;
}

absl::Status Presentations::NoteSpot(const std::string& id, const types::v1::SealedProof& sealed,
                                     const Spot& spot) {
  const JournalPresentation* const entry = FindEntry(journal_.state(), id);
  if (entry == nullptr) return absl::InternalError(absl::StrCat("presentation ", id, " is gone"));
  const auto proof =
      std::find_if(entry->proofs.begin(), entry->proofs.end(),
                   [&sealed](const JournalProof& p) { return p.sealed.body() == sealed.body(); });
  if (proof == entry->proofs.end()) return absl::InternalError("the proof is not written down");
  if (proof->spots.has_value() &&
      std::find(proof->spots->begin(), proof->spots->end(), spot) != proof->spots->end()) {
    return absl::OkStatus();
  }
  return journal_.NoteSpot(id, static_cast<size_t>(proof - entry->proofs.begin()), spot);
}

void Presentations::NotePutUp(Admission& admission, const std::vector<ToPutUp>& planned,
                              std::vector<Board::Held> held) {
  const auto at = presentations_.find(admission.id);
  if (at == presentations_.end()) return;
  Presentation& presentation = at->second;
  struct Failure {
    challenge::Proof proof;
    absl::Status status;
  };
  std::vector<Failure> failures;
  for (size_t i = 0; i < planned.size(); ++i) {
    const JudgedProof& proof = admission.proofs[planned[i].proof];
    if (!held[i].place.ok()) {
      failures.push_back({proof.body->proof, held[i].place.status()});
      NoteFailedPutUp(proof, std::move(held[i].left), presentation);
      continue;
    }
    auto known = FindProof(presentation.proofs, proof.body->proof);
    if (known == presentation.proofs.end()) {
      known = presentation.proofs.insert(known, Held{.proof = proof.body->proof});
    }
    *known = Held{.proof = proof.body->proof};
    known->up = true;
  }
  for (JudgedProof& proof : admission.proofs) {
    if (!proof.body.has_value()) continue;
    const auto known = FindProof(presentation.proofs, proof.body->proof);
    if (known != presentation.proofs.end() && known->up) {
      Renew(proof, *known);
      proof.result.set_served(true);
      proof.result.set_place(board_.PlaceOf(proof.body->proof));
      continue;
    }
    const auto why = FindProof(failures, proof.body->proof);
    NORROY_CHECK(why != failures.end());
    const std::string reason = ErrorReason(why->status);
    Refuse(proof, IsDelegationReason(reason) ? reason : kPresenterFailed, why->status.message());
  }
  NoteAfter(admission.id);
}

void Presentations::Renew(const JudgedProof& proof, Held& held) {
  const challenge::SealBody& body = *proof.body;
  // Of two seals of one generation the one that lasts longer counts.
  if (body.generation <= held.generation && body.not_after <= held.end) return;
  held.sealed = proof.sealed;
  held.generation = body.generation;
  held.end = body.not_after;
  held.monotonic_end = clock_.Monotonic() + (body.not_after - clock_.Now());
  next_lease_end_ = std::min(next_lease_end_, held.monotonic_end);
}

void Presentations::NoteFailedPutUp(const JudgedProof& proof, std::vector<Spot> left,
                                    Presentation& presentation) {
  auto known = FindProof(presentation.proofs, proof.body->proof);
  if (left.empty()) {
    if (known != presentation.proofs.end() && known->spots.has_value()) {
      presentation.proofs.erase(known);
    }
    return;
  }
  if (known == presentation.proofs.end()) {
    known = presentation.proofs.insert(known, Held{.proof = proof.body->proof});
  }
  known->sealed = proof.sealed;
  known->generation = proof.body->generation;
  known->end = proof.body->not_after;
  known->spots = std::move(left);
  // The validator may ask again meanwhile.
  known->next_try = clock_.Monotonic() + kSweepEvery;
}

// Brings the journal to what is up, and forgets a presentation of which nothing is. If that cannot
// be written, the journal says more than is up, which the next start puts right.
void Presentations::NoteAfter(const std::string& id) {
  const auto at = presentations_.find(id);
  const JournalPresentation* const noted = FindEntry(journal_.state(), id);
  if (at->second.proofs.empty()) {
    if (at->second.released) {
      LogIfFailed("cannot note in the journal", id, NoteReleased(id));
      return;
    }
    if (noted != nullptr) {
      LogIfFailed("cannot note in the journal", id, journal_.NoteGone(id, nullptr));
    }
    presentations_.erase(at);
    return;
  }
  const JournalPresentation entry = EntryOf(id, at->second);
  const bool same = noted != nullptr &&
                    std::equal(noted->proofs.begin(), noted->proofs.end(), entry.proofs.begin(),
                               entry.proofs.end(), [](const auto& a, const auto& b) {
                                 return a.spots.has_value() == b.spots.has_value();
                               });
  if (!same) LogIfFailed("cannot note in the journal", id, journal_.NotePresented(entry));
}

std::vector<std::string> Presentations::Load() {
  for (const Tombstone& tombstone : journal_.state().tombstones) {
    tombstones_.insert_or_assign(tombstone.id, tombstone);
    next_tombstone_end_ = std::min(next_tombstone_end_, tombstone.until);
  }
  std::vector<std::string> ids;
  for (const JournalPresentation& entry : journal_.state().presented) ids.push_back(entry.id);
  return ids;
}

Admission Presentations::PlanRecovery(const std::string& id, const Admitter& admit,
                                      std::vector<ToPutUp>& planned) {
  Admission all;
  const JournalPresentation* const noted = FindEntry(journal_.state(), id);
  if (noted == nullptr) return all;
  all.id = id;
  all.generation = noted->generation;
  Presentation& presentation = presentations_[id];
  presentation.generation = noted->generation;
  const auto tombstone = tombstones_.find(id);
  presentation.released =
      tombstone != tombstones_.end() && tombstone->second.generation >= noted->generation;
  presentation.release_noted = presentation.released;
  for (const JournalProof& proof : noted->proofs) RecoverProof(id, proof, admit, all, planned);
  presentation.whole = false;  // not yet
  return all;
}

void Presentations::RecoverProof(const std::string& id, const JournalProof& noted,
                                 const Admitter& admit, Admission& all,
                                 std::vector<ToPutUp>& planned) {
  Presentation& presentation = presentations_[id];
  const auto body = challenge::ReadUnverified(noted.sealed);
  if (!body.ok() || FindProof(presentation.proofs, body->proof) != presentation.proofs.end()) {
    return;
  }
  presentation.proofs.push_back(Held{.proof = body->proof,
                                     .sealed = noted.sealed,
                                     .generation = body->generation,
                                     .end = body->not_after,
                                     .spots = noted.spots});
  v1::PutUp message;
  *message.add_proofs() = noted.sealed;
  Admission admission = admit(message);
  JudgedProof& proof = admission.proofs.front();
  // A proof of an older generation was on its way down.
  if (!presentation.released && proof.body.has_value() && admission.id == id &&
      admission.generation == all.generation) {
    ToPutUp& plan = planned.emplace_back();
    plan.proof = all.proofs.size();
    plan.known.may_be_up = true;
    plan.locate = !noted.spots.has_value();
    if (noted.spots.has_value()) plan.known.spots = *noted.spots;
    all.proofs.push_back(std::move(proof));
    return;
  }
  log::Info("session", "not put up again after the restart",
            {{"presentation_id", id},
             {"name", body->proof.name.text()},
             {"type", challenge::ChallengeTypeName(body->proof.type)},
             {"reason", proof.result.reason()},
             {"detail", proof.result.detail()}});
}

void Presentations::NoteRecovered(const Admission& admission) {
  const auto at = presentations_.find(admission.id);
  if (at == presentations_.end()) return;
  at->second.whole = std::all_of(admission.proofs.begin(), admission.proofs.end(),
                                 [](const JudgedProof& proof) { return proof.result.served(); });
}

std::vector<std::string> Presentations::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, presentation] : presentations_) ids.push_back(id);
  return ids;
}

std::vector<v1::Presented> Presentations::list() const {
  std::vector<v1::Presented> list;
  // If a hello has no room for all, what is stuck is left out.
  for (const bool stuck : {false, true}) {
    for (const auto& [id, presentation] : presentations_) {
      if (IsStuck(presentation) != stuck) continue;
      if (list.size() >= static_cast<size_t>(kMaxPresentations)) return list;
      int64_t generation = 0;
      for (const Held& held : presentation.proofs) {
        if (held.up) generation = std::max(generation, held.generation);
      }
      if (generation == 0 || !presentation.whole) continue;
      v1::Presented& entry = list.emplace_back();
      entry.set_presentation_id(id);
      entry.set_generation(generation);
    }
  }
  return list;
}

}  // namespace norroy::agent
