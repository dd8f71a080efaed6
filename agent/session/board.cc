#include "agent/session/board.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxLastError = 256;

// Equal proofs have equal keys, and only they: none of the parts has a blank.
std::string Key(const challenge::Proof& proof) {
  return absl::StrCat(challenge::ChallengeTypeName(proof.type), " ", proof.name.text(), " ",
                      proof.token.value(), " ", proof.key_authorization.value());
}

bool Has(const std::vector<Spot>& spots, const Spot& spot) {
  return std::find(spots.begin(), spots.end(), spot) != spots.end();
}

void Merge(const std::vector<Spot>& more, std::vector<Spot>& spots) {
  for (const Spot& spot : more) {
    if (!Has(spots, spot)) spots.push_back(spot);
  }
}

std::string Text(const challenge::Proof& proof, const Spot& spot) {
  return absl::StrCat(challenge::ChallengeTypeName(proof.type), " for ", proof.name.text(), " at ",
                      spot.presenter, spot.location.empty() ? "" : ": ", spot.location);
}

}  // namespace

bool Supports(const std::vector<Presenter*>& presenters, const challenge::Proof& proof) {
  // RFC 8555 8.3, RFC 8737 3: only DNS shows control of everything below a name.
  if (proof.name.wildcard() && proof.type != challenge::ChallengeType::kDns01) return false;
  return std::any_of(presenters.begin(), presenters.end(),
                     [&proof](const Presenter* p) { return p->type() == proof.type; });
}

bool IsDelegationReason(absl::string_view reason) {
  return reason == kForeignZone || reason == "CNAME_LOOP" || reason == "CNAME_TOO_LONG" ||
         reason == "DNSSEC_BOGUS";
}

Board::Board(std::vector<Presenter*> presenters, Clock& clock)
    : presenters_(std::move(presenters)), clock_(clock) {}

bool Board::MayWait(challenge::ChallengeType type) const {
  return std::any_of(presenters_.begin(), presenters_.end(), [type](const Presenter* presenter) {
    return presenter->type() == type && presenter->may_wait();
  });
}

Presenter* Board::Find(absl::string_view name) const {
  const auto at = std::find_if(presenters_.begin(), presenters_.end(),
                               [name](const Presenter* p) { return p->name() == name; });
  return at == presenters_.end() ? nullptr : *at;
}

std::vector<Spot> Board::FirstSpot(const challenge::Proof& proof) const {
  for (Presenter* presenter : presenters_) {
    if (presenter->type() != proof.type) continue;
    if (presenter->may_wait()) return {};
    auto location = presenter->Locate(proof);
    if (location.ok()) return {{.presenter = presenter->name(), .location = *std::move(location)}};
  }
  return {};
}

std::vector<Spot> Board::Locate(const challenge::Proof& proof) const {
  std::vector<Spot> spots;
  for (Presenter* presenter : presenters_) {
    if (presenter->type() != proof.type) continue;
    auto location = presenter->Locate(proof);
    if (location.ok()) {
      spots.push_back({.presenter = presenter->name(), .location = *std::move(location)});
    }
  }
  return spots;
}

// Ours to work on, until Free.
Board::Up& Board::Seize(const std::string& key) {
  while (true) {
    Up& up = up_[key];
    if (!up.busy) {
      up.busy = true;
      return up;
    }
    freed_.Wait(&mutex_);
  }
}

void Board::Free(Up& up) {
  up.busy = false;
  freed_.SignalAll();
}

Board::Held Board::Hold(const challenge::Proof& proof, const Known& known, const NoteSpot& note) {
  const std::string key = Key(proof);
  std::optional<std::vector<Spot>> shared;
  {
    MutexLock lock(&mutex_);
    Up& up = Seize(key);
    if (up.holders > 0) {
      ++up.holders;
      if (known.may_be_up) Merge(known.spots, up.spots);
      shared = up.spots;
      Free(up);
    }
  }
  if (shared.has_value()) return Share(proof, *shared, known, note);
  std::vector<Spot> touched;
  if (known.may_be_up) touched = known.spots;
  absl::StatusOr<std::string> place = PutUp(proof, known, note, touched);
  MutexLock lock(&mutex_);
  const auto at = up_.find(key);
  if (!place.ok()) {
    up_.erase(at);
    freed_.SignalAll();
    return {.place = std::move(place), .left = std::move(touched)};
  }
  at->second.holders = 1;
  at->second.place = *place;
  at->second.spots = std::move(touched);
  Free(at->second);
  return {.place = std::move(place), .left = {}};
}

// Another presentation has put it up: this one's entry must say where, too.
Board::Held Board::Share(const challenge::Proof& proof, const std::vector<Spot>& spots,
                         const Known& known, const NoteSpot& note) {
  for (const Spot& spot : spots) {
    if (Has(known.spots, spot)) continue;
    const absl::Status noted = note(spot);
    if (noted.ok()) continue;
    return {.place = noted, .left = Drop(proof).left};
  }
  return {.place = PlaceOf(proof), .left = {}};
}

// `touched`: where it may be, whatever the outcome.
absl::StatusOr<std::string> Board::PutUp(const challenge::Proof& proof, const Known& known,
                                         const NoteSpot& note, std::vector<Spot>& touched) {
  std::vector<Presenter*> tried;
  std::vector<std::string> failures;
  const auto put_up = [&](Presenter& presenter, const Spot& spot) {
    auto place = PutUpAt(presenter, proof, spot.location);
    // One that failed after it had waited for somebody may have done something there.
    if ((place.ok() || presenter.may_wait()) && !Has(touched, spot)) touched.push_back(spot);
    if (!place.ok()) failures.push_back(std::string(place.status().message()));
    return place;
  };
  for (const Spot& spot : known.spots) {
    Presenter* const presenter = Find(spot.presenter);
    if (presenter == nullptr || presenter->type() != proof.type) continue;
    tried.push_back(presenter);
    auto place = put_up(*presenter, spot);
    if (place.ok()) return place;
  }
  // What the presenters said of the way to where it belongs; "" where it was something else.
  std::set<std::string> reasons;
  if (!tried.empty()) reasons.insert("");
  for (Presenter* presenter : presenters_) {
    if (presenter->type() != proof.type) continue;
    if (std::find(tried.begin(), tried.end(), presenter) != tried.end()) continue;
    const auto location = presenter->Locate(proof);
    if (!location.ok()) {
      reasons.insert(absl::IsNotFound(location.status()) ? kForeignZone
                                                         : ErrorReason(location.status()));
      failures.push_back(absl::StrCat(presenter->name(), ": ", location.status().message()));
      continue;
    }
    reasons.insert("");
    const Spot spot = {.presenter = presenter->name(), .location = *location};
    if (!Has(known.spots, spot)) {
      const absl::Status noted = note(spot);
      if (!noted.ok()) return noted;
    }
    auto place = put_up(*presenter, spot);
    if (place.ok()) return place;
  }
  const std::string reason = reasons.size() == 1 ? *reasons.begin() : "";
  return MakeError(
      reason == kForeignZone ? absl::StatusCode::kNotFound : absl::StatusCode::kFailedPrecondition,
      IsDelegationReason(reason) ? reason : "", absl::StrJoin(failures, "; "));
}

absl::StatusOr<std::string> Board::PutUpAt(Presenter& presenter, const challenge::Proof& proof,
                                           const std::string& location) {
  auto place = presenter.PutUp(proof, location);
  CountResult(presenter, &Count::put_up, place.status());
  return place;
}

absl::Status Board::TakeDownAt(Presenter& presenter, const challenge::Proof& proof,
                               const std::string& location) {
  const absl::Status down = presenter.TakeDown(proof, location);
  CountResult(presenter, &Count::taken_down, down);
  return down;
}

void Board::CountResult(const Presenter& presenter, int64_t Count::*good,
                        const absl::Status& status) {
  const absl::Time now = clock_.Now();
  MutexLock lock(&mutex_);
  Count& count = counts_[&presenter];
  ++(count.*(status.ok() ? good : &Count::failed));
  if (status.ok()) return;
  count.last_error = Printable(status.message(), kMaxLastError);
  count.last_error_time = now;
}

std::string Board::PlaceOf(const challenge::Proof& proof) const {
  MutexLock lock(&mutex_);
  const auto at = up_.find(Key(proof));
  return at == up_.end() ? "" : at->second.place;
}

std::vector<Spot> Board::SpotsOf(const challenge::Proof& proof) const {
  MutexLock lock(&mutex_);
  const auto at = up_.find(Key(proof));
  return at == up_.end() ? std::vector<Spot>() : at->second.spots;
}

Board::Down Board::Drop(const challenge::Proof& proof) {
  const std::string key = Key(proof);
  std::vector<Spot> spots;
  {
    MutexLock lock(&mutex_);
    Up& up = Seize(key);
    NORROY_CHECK(up.holders > 0);
    if (up.holders > 1) {
      --up.holders;
      Free(up);
      return {};
    }
    spots = up.spots;
  }
  Down down = TakeDown(proof, spots);
  MutexLock lock(&mutex_);
  const auto at = up_.find(key);
  if (down.status.ok() || ErrorReason(down.status) == kPresenterGone) {
    up_.erase(at);
    freed_.SignalAll();
  } else {
    at->second.spots = down.left;
    Free(at->second);
  }
  return down;
}

Board::Down Board::Clear(const challenge::Proof& proof,
                         const std::optional<std::vector<Spot>>& spots) {
  const std::string key = Key(proof);
  {
    MutexLock lock(&mutex_);
    Up& up = Seize(key);
    if (up.holders > 0) {
      // Whoever holds it takes it down there, too.
      if (spots.has_value()) Merge(*spots, up.spots);
      Free(up);
      return {};
    }
  }
  Down down;
  if (spots.has_value()) {
    down = TakeDown(proof, *spots);
  } else {
    down.status = TakeDownAnywhere(proof);
  }
  MutexLock lock(&mutex_);
  up_.erase(key);
  freed_.SignalAll();
  return down;
}

Board::Down Board::TakeDown(const challenge::Proof& proof, const std::vector<Spot>& spots) {
  Down down;
  std::vector<std::string> failures;
  bool gone = true;
  for (const Spot& spot : spots) {
    const absl::Status status = TakeDown(proof, spot);
    if (status.ok()) continue;
    down.left.push_back(spot);
    failures.push_back(std::string(status.message()));
    gone = gone && ErrorReason(status) == kPresenterGone;
  }
  if (failures.empty()) return down;
  down.status = MakeError(absl::StatusCode::kFailedPrecondition, gone ? kPresenterGone : "",
                          absl::StrJoin(failures, "; "));
  return down;
}

absl::Status Board::TakeDown(const challenge::Proof& proof, const Spot& spot) {
  Presenter* const presenter = Find(spot.presenter);
  if (presenter != nullptr && presenter->type() == proof.type) {
    const absl::Status down = TakeDownAt(*presenter, proof, spot.location);
    if (ErrorReason(down) != kForeignZone) return down;
    // It has fewer zones than it had.
    return MakeError(down.code(), kPresenterGone,
                     absl::StrCat(Text(proof, spot), " may be left: ", down.message()));
  }
  // It may be the same one by another name; each removes only what is this proof's.
  static_cast<void>(TakeDownAnywhere(proof));
  return MakeError(absl::StatusCode::kFailedPrecondition, kPresenterGone,
                   absl::StrCat(Text(proof, spot),
                                " may be left: that presenter is not "
                                "configured any more; configure it again or remove it by hand"));
}

absl::Status Board::TakeDownAnywhere(const challenge::Proof& proof) {
  std::vector<std::string> failures;
  bool located = false;
  for (Presenter* presenter : presenters_) {
    if (presenter->type() != proof.type) continue;
    const auto location = presenter->Locate(proof);
    if (absl::IsNotFound(location.status())) continue;
    located = true;
    const absl::Status down =
        location.ok() ? TakeDownAt(*presenter, proof, *location) : location.status();
    if (!down.ok()) failures.push_back(std::string(down.message()));
  }
  if (!failures.empty()) return absl::FailedPreconditionError(absl::StrJoin(failures, "; "));
  if (located) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, kPresenterGone,
      absl::StrCat(challenge::ChallengeTypeName(proof.type), " for ", proof.name.text(),
                   " may be left: no presenter that is configured knows where"));
}

std::vector<v1::PresenterCounters> Board::counters() const {
  std::vector<v1::PresenterCounters> all;
  for (Presenter* presenter : presenters_) {
    const Presenter::Answers answers = presenter->answers();
    v1::PresenterCounters& counters = all.emplace_back();
    counters.set_name(presenter->name());
    counters.set_served(answers.served);
    counters.set_unknown(answers.unknown);
    MutexLock lock(&mutex_);
    const auto at = counts_.find(presenter);
    if (at == counts_.end()) continue;
    counters.set_put_up(at->second.put_up);
    counters.set_taken_down(at->second.taken_down);
    counters.set_failed(at->second.failed);
    if (at->second.failed == 0) continue;
    counters.set_last_error(at->second.last_error);
    counters.mutable_last_error_time()->set_seconds(
        absl::ToUnixSeconds(at->second.last_error_time));
  }
  return all;
}

}  // namespace norroy::agent
