#include "issuer/solver/fake_solver.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/challenge/seal.h"
#include "common/error/error.h"

namespace norroy::solver {
namespace {

using challenge::ChallengeType;
using challenge::Name;

// The proofs of a presentation, read as an agent reads them.
std::vector<challenge::Proof> ProofsOf(const Presentation& presentation) {
  std::vector<challenge::Proof> proofs;
  for (const types::v1::SealedProof& sealed : presentation.proofs) {
    const absl::StatusOr<challenge::SealBody> body = challenge::ReadUnverified(sealed);
    if (body.ok()) proofs.push_back(body->proof);
  }
  return proofs;
}

absl::Status CheckSeals(const Presentation& presentation) {
  for (const types::v1::SealedProof& sealed : presentation.proofs) {
    const absl::StatusOr<challenge::SealBody> body = challenge::ReadUnverified(sealed);
    if (!body.ok()) return body.status();
    if (body->presentation_id != presentation.id || body->generation != presentation.generation) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PROOF",
                       absl::StrCat("a seal says presentation ", body->presentation_id,
                                    " generation ", body->generation, ", the call ",
                                    presentation.id, " generation ", presentation.generation));
    }
  }
  return absl::OkStatus();
}

bool Failed(const Presentation& wish, const Name& name, ChallengeType type) {
  return std::any_of(wish.failed_types.begin(), wish.failed_types.end(),
                     [&](const FailedType& f) { return f.name == name && f.type == type; });
}

}  // namespace

void FakeSolver::SetPlan(const Name& name, std::vector<TypePlan> types) {
  MutexLock lock(&mutex_);
  plans_[name] = std::move(types);
}

void FakeSolver::SetAutoReady(bool auto_ready) {
  MutexLock lock(&mutex_);
  auto_ready_ = auto_ready;
}

void FakeSolver::MakeReady(const std::string& id) {
  {
    MutexLock lock(&mutex_);
    const auto it = kept_.find(id);
    if (it == kept_.end()) return;
    it->second.acked = true;
    ++it->second.revision;
    Serve(it->second);
  }
  Changed({id});
}

void FakeSolver::FailType(const Name& name, ChallengeType type, std::string error) {
  std::vector<std::string> ids;
  {
    MutexLock lock(&mutex_);
    broken_[{name, type}] = std::move(error);
    for (auto& [id, kept] : kept_) {
      ++kept.revision;
      Serve(kept);
      ids.push_back(id);
    }
  }
  Changed(ids);
}

void FakeSolver::Reattach(const std::string& id) {
  MutexLock lock(&mutex_);
  const auto it = kept_.find(id);
  if (it != kept_.end()) ++it->second.revision;
}

void FakeSolver::FailCalls(absl::Status status) {
  MutexLock lock(&mutex_);
  failure_ = std::move(status);
}

std::optional<std::string> FakeSolver::Served(absl::string_view token) {
  MutexLock lock(&mutex_);
  const auto it = served_.find(std::string(token));
  if (it == served_.end() || it->second.not_after <= clock_.Now()) return std::nullopt;
  return it->second.key_authorization;
}

bool FakeSolver::Serves(absl::string_view id) {
  MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  return std::any_of(served_.begin(), served_.end(), [&](const auto& entry) {
    return entry.second.id == id && entry.second.not_after > now;
  });
}

int FakeSolver::served_count() {
  MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  return static_cast<int>(std::count_if(served_.begin(), served_.end(), [&](const auto& entry) {
    return entry.second.not_after > now;
  }));
}

std::vector<Presentation> FakeSolver::presented() {
  MutexLock lock(&mutex_);
  return presented_;
}

std::vector<std::pair<std::string, int64_t>> FakeSolver::released() {
  MutexLock lock(&mutex_);
  return released_;
}

int FakeSolver::plan_calls() {
  MutexLock lock(&mutex_);
  return plan_calls_;
}

absl::StatusOr<std::vector<NamePlan>> FakeSolver::Plan(const std::vector<Name>& names) {
  MutexLock lock(&mutex_);
  ++plan_calls_;
  if (!failure_.ok()) return failure_;
  std::vector<NamePlan> plans;
  for (const Name& name : names) plans.push_back({name, PlanOf(name)});
  return plans;
}

absl::StatusOr<std::vector<Name>> FakeSolver::Unanswerable(const std::vector<Name>& names) {
  MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  std::vector<Name> left;
  for (const Name& name : names) {
    if (PlanOf(name).empty()) left.push_back(name);
  }
  return left;
}

absl::StatusOr<PresentationStatus> FakeSolver::Present(const Presentation& presentation) {
  const absl::Status seals = CheckSeals(presentation);
  if (!seals.ok()) return seals;
  MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  const auto tombstone = tombstones_.find(presentation.id);
  if (tombstone != tombstones_.end() && presentation.generation <= tombstone->second) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "RELEASED",
                     absl::StrCat("presentation ", presentation.id, " was released"));
  }
  Kept& kept = kept_.try_emplace(presentation.id).first->second;
  if (presentation.generation < kept.wish.generation && !kept.wish.id.empty()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "STALE_GENERATION",
        absl::StrCat("presentation ", presentation.id, " is at generation ", kept.wish.generation));
  }
  const bool fresh = kept.wish.id.empty() || presentation.generation > kept.wish.generation;
  if (fresh) {
    kept.acked = auto_ready_;
    presented_.push_back(presentation);
  }
  kept.wish = presentation;
  Serve(kept);
  return StatusOf(kept);
}

absl::StatusOr<std::optional<PresentationStatus>> FakeSolver::Recheck(const std::string& id,
                                                                      int64_t generation) {
  MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  const auto it = kept_.find(id);
  if (it == kept_.end() || it->second.wish.generation != generation) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "UNKNOWN_PRESENTATION",
                     absl::StrCat("presentation ", id, " is not known"));
  }
  return std::optional<PresentationStatus>(StatusOf(it->second));
}

absl::StatusOr<std::optional<std::vector<NameView>>> FakeSolver::Look(const LookOrder& order) {
  return looks_.Look(order, [this](const challenge::Proof& proof) {
    return Served(proof.token.value()) == proof.key_authorization.value();
  });
}

absl::Status FakeSolver::Release(const std::string& id, int64_t generation, absl::Time) {
  looks_.Forget(id, generation);
  MutexLock lock(&mutex_);
  released_.emplace_back(id, generation);
  int64_t& tombstone = tombstones_[id];
  tombstone = std::max(tombstone, generation);
  const auto it = kept_.find(id);
  if (it != kept_.end() && it->second.wish.generation <= generation) kept_.erase(it);
  Forget(id, generation);
  return absl::OkStatus();
}

void FakeSolver::OnChange(std::function<void(const std::string& id)> changed) {
  MutexLock lock(&mutex_);
  changed_ = std::move(changed);
}

std::vector<TypePlan> FakeSolver::PlanOf(const Name& name) const {
  const auto it = plans_.find(name);
  if (it != plans_.end()) return it->second;
  if (name.wildcard()) return {};
  return {{ChallengeType::kHttp01, {"web1"}, {}}};
}

PresentedName FakeSolver::Judge(const Kept& kept, const Name& name) const {
  PresentedName presented{name, std::nullopt, PresentationState::kPuttingUp, {}, {}, ""};
  const std::vector<challenge::Proof> proofs = ProofsOf(kept.wish);
  for (const TypePlan& plan : PlanOf(name)) {
    const bool sealed = std::any_of(proofs.begin(), proofs.end(), [&](const challenge::Proof& p) {
      return p.name == name && p.type == plan.type;
    });
    if (!sealed || Failed(kept.wish, name, plan.type)) continue;
    presented.type = plan.type;
    const auto broken = broken_.find({name, plan.type});
    if (broken != broken_.end()) {
      presented.state = PresentationState::kFailed;
      presented.error = broken->second;
      return presented;
    }
    const bool ready = kept.acked && plan.missing.empty();
    presented.state = ready ? PresentationState::kReady : PresentationState::kPuttingUp;
    (kept.acked ? presented.agents : presented.missing) = plan.agents;
    presented.missing.insert(presented.missing.end(), plan.missing.begin(), plan.missing.end());
    return presented;
  }
  presented.state = PresentationState::kFailed;
  presented.error = absl::StrCat("no agent answers for ", name.text(), " by any offered type");
  return presented;
}

PresentationStatus FakeSolver::StatusOf(const Kept& kept) const {
  PresentationStatus status;
  status.state = PresentationState::kReady;
  status.revision = kept.revision;
  std::set<Name> names;
  for (const challenge::Proof& proof : ProofsOf(kept.wish)) names.insert(proof.name);
  for (const Name& name : names) {
    status.names.push_back(Judge(kept, name));
    const PresentationState state = status.names.back().state;
    if (state == PresentationState::kFailed) status.state = state;
    if (state == PresentationState::kPuttingUp && status.state == PresentationState::kReady) {
      status.state = state;
    }
  }
  return status;
}

void FakeSolver::Serve(const Kept& kept) {
  // Acks of the new generation replace what the older ones served; until then that stays up.
  if (kept.acked) Forget(kept.wish.id, kept.wish.generation);
  for (const challenge::Proof& proof : ProofsOf(kept.wish)) {
    const PresentedName presented = Judge(kept, proof.name);
    if (presented.type != proof.type || presented.agents.empty()) continue;
    served_[proof.token.value()] = {kept.wish.id, kept.wish.generation,
                                    proof.key_authorization.value(), kept.wish.not_after};
  }
}

void FakeSolver::Forget(const std::string& id, int64_t up_to) {
  for (auto it = served_.begin(); it != served_.end();) {
    const bool gone = it->second.id == id && it->second.generation <= up_to;
    it = gone ? served_.erase(it) : std::next(it);
  }
}

void FakeSolver::Changed(const std::vector<std::string>& ids) {
  std::function<void(const std::string& id)> changed;
  {
    MutexLock lock(&mutex_);
    changed = changed_;
  }
  if (!changed) return;
  for (const std::string& id : ids) changed(id);
}

}  // namespace norroy::solver
