// What other validators have stored.

#include <algorithm>
#include <utility>

#include "common/log/log.h"
#include "common/status_macros.h"
#include "validator/presentation/level_coordinator.h"

namespace norroy::validator {
namespace {

// Agents that attach one after the other are asked about together.
constexpr absl::Duration kLookUpAfter = absl::Milliseconds(20);
constexpr absl::Duration kLookUpAgain = absl::Seconds(5);
constexpr char kLog[] = "presentation";

}  // namespace

void LevelCoordinator::AskAbout(const std::string& agent, const std::string& id) {
  unknown_[id].insert(agent);
  if (std::exchange(looking_up_, true)) return;
  After(kLookUpAfter, [](LevelCoordinator& self) { self.LookUpUnknown(); });
}

void LevelCoordinator::LookUpUnknown() {
  std::map<std::string, std::set<std::string>> asked;
  {
    MutexLock lock(&mutex_);
    looking_up_ = false;
    asked.swap(unknown_);
  }
  std::vector<std::string> ids;
  for (const auto& [id, agents] : asked) ids.push_back(id);
  const auto stored = options_.store.GetPresentations(ids, /*with_requests=*/true);
  if (!stored.ok()) {
    log::Warning(kLog, "what agents have up cannot be looked up; it is tried again",
                 {{"error", stored.status().message()}});
    MutexLock lock(&mutex_);
    for (auto& [id, agents] : asked) unknown_[id].merge(agents);
    if (std::exchange(looking_up_, true)) return;
    After(kLookUpAgain, [](LevelCoordinator& self) { self.LookUpUnknown(); });
    return;
  }
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (const StoredPresentation& one : *stored) TakeUp(one, asked[one.id], effects);
  });
}

void LevelCoordinator::TakeUp(const StoredPresentation& stored, const std::set<std::string>& agents,
                              Effects& effects) {
  // It is known by now, or somebody is at it.
  if (leases_.contains(stored.id) || reserved_.contains(stored.id)) return;
  if (stored.not_after <= options_.clock.Now()) return;
  if (stored.released) {
    tombstones_[stored.id].pending.insert(agents.begin(), agents.end());
    Entomb(stored.id, stored.generation, stored.not_after, effects);
    return;
  }
  absl::StatusOr<Wish> wish = WishOf(stored);
  if (!wish.ok()) {
    log::Warning(kLog, "a stored presentation is not taken up",
                 {{"presentation_id", stored.id}, {"error", wish.status().message()}});
    return;
  }
  Lease& lease = Replace(*std::move(wish), effects);
  for (const std::string& agent : agents) {
    lease.presentation.NoteSentTo(agent);
    if (lease.presentation.MayAnswerAny(MayAnswerOf(agent))) continue;
    SendTakeDown(agent, stored.id, stored.generation, stored.not_after, effects);
  }
  Route(lease);
  Step(lease, effects);
}

absl::StatusOr<bool> LevelCoordinator::TakeUpToBury(const std::string& id, int64_t generation,
                                                    Effects& effects) {
  if (leases_.contains(id) || tombstones_.contains(id)) return true;
  mutex_.Unlock();
  const auto stored = options_.store.GetPresentations({id}, /*with_requests=*/true);
  mutex_.Lock();
  NORROY_RETURN_IF_ERROR(stored.status());
  if (stored->empty() || stored->front().released) return true;
  if (stored->front().generation > generation) return false;
  absl::StatusOr<Wish> wish = WishOf(stored->front());
  // Over already, then.
  if (!wish.ok()) return true;
  Lease& lease = Replace(*std::move(wish), effects);
  Route(lease);
  for (const std::string& agent : lease.presentation.responders()) {
    lease.presentation.NoteSentTo(agent);
  }
  return true;
}

absl::Status LevelCoordinator::Compare() {
  std::vector<std::string> ids;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, lease] : leases_) ids.push_back(id);
  }
  if (ids.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const std::vector<StoredPresentation> stored,
                          options_.store.GetPresentations(ids, /*with_requests=*/false));
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (const StoredPresentation& one : stored) TakeOver(one, effects);
  });
  return absl::OkStatus();
}

void LevelCoordinator::TakeOver(const StoredPresentation& stored, Effects& effects) {
  // Whoever stores it now knows better.
  if (reserved_.contains(stored.id)) return;
  const auto it = leases_.find(stored.id);
  if (it == leases_.end()) return;
  const int64_t known = it->second.presentation.wish().generation;
  if (stored.generation < known) return;
  if (stored.released) {
    Entomb(stored.id, stored.generation, stored.not_after, effects);
    return;
  }
  if (stored.generation == known) return;
  // Agents have the newer one from whoever renewed it.
  leases_.erase(it);
  Wake(
      stored.id, StaleGeneration(stored.id, stored.generation), [](const Waiter&) { return true; },
      effects);
}

}  // namespace norroy::validator
