#include "agent/session/board.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::agent {
namespace {

// Equal proofs have equal keys, and only they: none of the parts has a blank.
std::string Key(const challenge::Proof& proof) {
  return absl::StrCat(challenge::ChallengeTypeName(proof.type), " ", proof.name.text(), " ",
                      proof.token.value(), " ", proof.key_authorization.value());
}

}  // namespace

bool Supports(const std::vector<Presenter*>& presenters, const challenge::Proof& proof) {
  // RFC 8555 8.3, RFC 8737 3: only DNS shows control of everything below a name.
  if (proof.name.wildcard() && proof.type != challenge::ChallengeType::kDns01) return false;
  return std::any_of(presenters.begin(), presenters.end(),
                     [&proof](const Presenter* p) { return p->type() == proof.type; });
}

absl::StatusOr<std::string> Board::Hold(const challenge::Proof& proof) {
  const std::string key = Key(proof);
  const auto at = up_.find(key);
  if (at != up_.end()) {
    ++at->second.holders;
    return at->second.place;
  }
  std::string failures;
  for (Presenter* presenter : presenters_) {
    if (presenter->type() != proof.type) continue;
    const auto location = presenter->Locate(proof);
    auto place = location.ok() ? presenter->PutUp(proof, *location) : location;
    if (place.ok()) {
      up_[key] = {.holders = 1, .place = *place};
      return place;
    }
    absl::StrAppend(&failures, failures.empty() ? "" : "; ", place.status().message());
  }
  return absl::FailedPreconditionError(failures);
}

std::string Board::PlaceOf(const challenge::Proof& proof) const {
  const auto at = up_.find(Key(proof));
  return at == up_.end() ? "" : at->second.place;
}

absl::Status Board::Drop(const challenge::Proof& proof) {
  const auto at = up_.find(Key(proof));
  NORROY_CHECK(at != up_.end());
  if (at->second.holders == 1) {
    absl::Status down = TakeDown(proof);
    if (!down.ok()) return down;
    up_.erase(at);
    return absl::OkStatus();
  }
  --at->second.holders;
  return absl::OkStatus();
}

absl::Status Board::Clear(const challenge::Proof& proof) {
  if (up_.count(Key(proof)) > 0) return absl::OkStatus();
  return TakeDown(proof);
}

absl::Status Board::TakeDown(const challenge::Proof& proof) {
  // Which presenter put it up may be forgotten (a restart, another configuration): each removes
  // only what it put up itself.
  std::string failures;
  for (Presenter* presenter : presenters_) {
    if (presenter->type() != proof.type) continue;
    const auto location = presenter->Locate(proof);
    const absl::Status down =
        location.ok() ? presenter->TakeDown(proof, *location) : location.status();
    if (!down.ok()) absl::StrAppend(&failures, failures.empty() ? "" : "; ", down.message());
  }
  if (failures.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(failures);
}

}  // namespace norroy::agent
