#include "issuer/solver/fake_looks.h"

#include <tuple>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::solver {

types::v1::View ViewOf(types::v1::Verdict verdict, const std::string& code,
                       const std::string& viewpoint, int64_t again_after_ms) {
  types::v1::View view;
  view.set_viewpoint(viewpoint);
  view.set_verdict(verdict);
  view.set_again_after_ms(again_after_ms);
  if (code.empty()) return view;
  types::v1::Finding& finding = *view.add_findings();
  finding.set_severity(types::v1::SEVERITY_ERROR);
  finding.set_code(code);
  finding.set_message(absl::StrCat("seen: ", code));
  finding.set_advice(absl::StrCat("mend ", code));
  return view;
}

void FakeLooks::Show(const challenge::Name& name, challenge::ChallengeType type,
                     std::vector<Views> rounds) {
  MutexLock lock(&mutex_);
  rounds_[{name, type}] = std::move(rounds);
}

void FakeLooks::SetSlow(bool slow) {
  MutexLock lock(&mutex_);
  slow_ = slow;
}

std::vector<std::string> FakeLooks::Finish() {
  std::vector<std::string> ids;
  std::vector<std::pair<Solver::PersistDone, Views>> persist;
  {
    MutexLock lock(&mutex_);
    for (auto& [id, kept] : kept_) {
      if (!kept.over) ids.push_back(id);
      kept.over = true;
    }
    persist.swap(slow_persist_);
  }
  for (const auto& [done, views] : persist) done(views);
  return ids;
}

void FakeLooks::ShowPersist(const std::string& name, Views views) {
  MutexLock lock(&mutex_);
  persist_[name] = std::move(views);
}

void FakeLooks::Fail(absl::Status status) {
  MutexLock lock(&mutex_);
  failure_ = std::move(status);
}

std::vector<LookOrder> FakeLooks::asked() {
  MutexLock lock(&mutex_);
  return asked_;
}

absl::StatusOr<std::optional<std::vector<NameView>>> FakeLooks::Look(
    const LookOrder& order, const std::function<bool(const challenge::Proof&)>& served) {
  MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  Kept& kept = kept_[order.id];
  const auto asked = std::tie(order.generation, order.round);
  const auto known = std::tie(kept.generation, kept.round);
  if (asked < known) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "STALE_LOOK",
                     absl::StrCat("presentation ", order.id, " is at round ", kept.round));
  }
  if (asked > known) {
    asked_.push_back(order);
    kept = {order.generation, order.round, {}, !slow_};
    for (const challenge::Proof& proof : order.proofs) {
      for (types::v1::View& view : See(proof, served(proof))) {
        kept.views.push_back({proof.name, proof.type, std::move(view)});
      }
    }
  }
  if (!kept.over) return std::optional<std::vector<NameView>>();
  return std::optional<std::vector<NameView>>(kept.views);
}

std::vector<PersistLook> FakeLooks::persist_asked() {
  MutexLock lock(&mutex_);
  return persist_asked_;
}

void FakeLooks::LookPersist(const PersistLook& look, const Solver::PersistDone& done) {
  Views views = {ViewOf(types::v1::VERDICT_FAIL, "PERSIST_MISSING")};
  {
    MutexLock lock(&mutex_);
    persist_asked_.push_back(look);
    const auto it = persist_.find(look.name);
    if (it != persist_.end()) views = it->second;
    if (!failure_.ok()) views = {ViewOf(types::v1::VERDICT_UNKNOWN, "VIEWPOINT_UNREACHABLE")};
    if (slow_) {
      slow_persist_.emplace_back(done, std::move(views));
      return;
    }
  }
  done(views);
}

FakeLooks::Views FakeLooks::See(const challenge::Proof& proof, bool served) {
  const auto it = rounds_.find({proof.name, proof.type});
  if (it == rounds_.end() || it->second.empty()) {
    return {served ? ViewOf(types::v1::VERDICT_PASS)
                   : ViewOf(types::v1::VERDICT_FAIL, "NOT_SERVED")};
  }
  Views views = it->second.front();
  if (it->second.size() > 1) it->second.erase(it->second.begin());
  return views;
}

void FakeLooks::Forget(const std::string& id, int64_t generation) {
  MutexLock lock(&mutex_);
  const auto it = kept_.find(id);
  if (it != kept_.end() && it->second.generation <= generation) kept_.erase(it);
}

}  // namespace norroy::solver
