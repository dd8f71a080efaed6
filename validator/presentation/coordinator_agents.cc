#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "validator/presentation/level_coordinator.h"
#include "validator/presentation/messages.h"

namespace norroy::validator {

void LevelCoordinator::Route(Lease& lease) {
  lease.presentation.Route(
      [this](const challenge::Name& name) { return options_.registry.CandidatesFor(name); },
      options_.clock.Monotonic());
}

void LevelCoordinator::Step(Lease& lease, Effects& effects) {
  Presentation& presentation = lease.presentation;
  const Wish& wish = presentation.wish();
  const absl::Duration now = options_.clock.Monotonic();
  const auto attached = [this](const std::string& agent)
                            ABSL_NO_THREAD_SAFETY_ANALYSIS { return wires_.contains(agent); };
  const auto clock_offset = [this](const std::string& agent) {
    return options_.registry.ClockOffset(agent);
  };
  for (const auto& [agent, proofs] : presentation.Step({attached, clock_offset}, now)) {
    const WirePtr& wire = wires_.at(agent);
    for (PutUpMessage& put_up : PutUpMessages(wish, proofs)) {
      wire->unanswered.push_back({wish.id, wish.generation, std::move(put_up.proofs)});
      Post(wire, std::move(put_up.message), effects);
    }
  }
  SetTimer(lease, now);
  const v1::PresentResponse& answer = presentation.answer();
  Wake(
      wish.id, answer,
      [&](const Waiter& waiter) { return waiter.known_revision != answer.revision(); }, effects);
}

void LevelCoordinator::SetTimer(Lease& lease, absl::Duration now) {
  const std::optional<absl::Duration> next = lease.presentation.next_deadline();
  if (!next.has_value() || (lease.timer.has_value() && *lease.timer <= *next)) return;
  lease.timer = next;
  After(*next - now, [id = lease.presentation.wish().id](LevelCoordinator& self) {
    self.Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const auto it = self.leases_.find(id);
      if (it == self.leases_.end()) return;
      it->second.timer.reset();
      self.Step(it->second, effects);
    });
  });
}

void LevelCoordinator::StepAll(Effects& effects, const std::function<bool(Lease&)>& concerned) {
  for (auto& [id, lease] : leases_) {
    if (concerned(lease)) Step(lease, effects);
  }
}

void LevelCoordinator::Post(const WirePtr& wire, agent::v1::AttachResponse message,
                            Effects& effects) {
  wire->outbox.push_back(std::move(message));
  effects.wires.push_back(wire);
}

void LevelCoordinator::SendTakeDown(const std::string& agent, const std::string& id,
                                    int64_t generation, absl::Time until, Effects& effects) {
  const auto wire = wires_.find(agent);
  if (wire == wires_.end()) return;
  Post(wire->second, TakeDownMessage(id, generation, until), effects);
}

void LevelCoordinator::AgentAttached(const std::string& agent, const agent::v1::AgentHello& hello) {
  std::map<std::string, int64_t> held;
  for (const agent::v1::Presented& presented : hello.presented()) {
    held[presented.presentation_id()] = presented.generation();
  }
  std::shared_ptr<Link> link = options_.registry.LinkOf(agent);
  if (link == nullptr) return;
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    WirePtr& wire = wires_[agent];
    wire = std::make_shared<Wire>();
    wire->link = std::move(link);
    StepAll(effects, [&](Lease& lease) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const auto it = held.find(lease.presentation.wish().id);
      if (it != held.end()) {
        lease.presentation.NoteSentTo(agent);
        // Its grants changed while it was away, or before we were started.
        if (lease.presentation.IsRevoked(agent) ||
            !lease.presentation.MayAnswerAny(MayAnswerOf(agent))) {
          SendTakeDown(agent, it->first, it->second, lease.presentation.wish().not_after, effects);
        }
      }
      lease.presentation.AgentAttached(
          agent, it != held.end() && it->second == lease.presentation.wish().generation);
      return lease.presentation.Concerns(agent);
    });
    TakeDownReleased(agent, held, effects);
  });
}

void LevelCoordinator::TakeDownReleased(const std::string& agent,
                                        const std::map<std::string, int64_t>& held,
                                        Effects& effects) {
  for (const auto& [id, generation] : held) {
    if (leases_.contains(id)) continue;
    const auto buried = tombstones_.find(id);
    if (buried != tombstones_.end()) {
      buried->second.pending.insert(agent);
    } else {
      AskAbout(agent, id);
    }
  }
  for (const auto& [id, tombstone] : tombstones_) {
    if (!tombstone.pending.contains(agent)) continue;
    SendTakeDown(agent, id, tombstone.generation, tombstone.until, effects);
  }
}

void LevelCoordinator::AgentDetached(const std::string& agent) {
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    wires_.erase(agent);
    StepAll(effects, [&](Lease& lease) { return lease.presentation.Concerns(agent); });
  });
}

void LevelCoordinator::OnPutUpResult(const std::string& agent,
                                     const agent::v1::PutUpResult& result) {
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto wire = wires_.find(agent);
    if (wire == wires_.end()) return;
    auto& unanswered = wire->second->unanswered;
    const auto sent = std::find_if(unanswered.begin(), unanswered.end(), [&](const auto& one) {
      return one.id == result.presentation_id() && one.generation == result.generation();
    });
    if (sent == unanswered.end()) return;
    const std::vector<size_t> proofs = std::move(sent->proofs);
    unanswered.erase(sent);
    const auto it = leases_.find(result.presentation_id());
    if (it == leases_.end() || it->second.presentation.wish().generation != result.generation()) {
      return;
    }
    agent::v1::ProofResult odd;
    odd.set_reason("BAD_ANSWER");
    odd.set_detail(absl::StrCat(result.results_size(), " results for ", proofs.size(), " proofs"));
    const bool matches = static_cast<size_t>(result.results_size()) == proofs.size();
    for (size_t i = 0; i < proofs.size(); ++i) {
      it->second.presentation.OnResult(agent, proofs[i],
                                       matches ? result.results(static_cast<int>(i)) : odd);
    }
    Step(it->second, effects);
  });
}

void LevelCoordinator::OnTakeDownResult(const std::string& agent,
                                        const agent::v1::TakeDownResult& result) {
  if (!result.error().empty()) {
    log::Warning("presentation", "an agent could not take everything down",
                 {{"agent", agent},
                  {"presentation_id", result.presentation_id()},
                  {"error", result.error()}});
    return;
  }
  MutexLock lock(&mutex_);
  const auto it = tombstones_.find(result.presentation_id());
  if (it == tombstones_.end() || result.generation() < it->second.generation) return;
  it->second.pending.erase(agent);
}

void LevelCoordinator::FleetChanged() {
  std::set<std::string> known;
  for (const Agent& agent : options_.registry.agents()) known.insert(agent.name);
  Do([&](Effects& effects) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    for (auto& [id, tombstone] : tombstones_) {
      std::erase_if(tombstone.pending, [&](const auto& agent) { return !known.contains(agent); });
    }
    StepAll(effects, [&](Lease& lease) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      RevokeUngranted(lease, effects);
      Route(lease);
      return true;
    });
  });
}

Presentation::MayAnswer LevelCoordinator::MayAnswerOf(const std::string& agent) {
  return [this, &agent](const challenge::Name& name, challenge::ChallengeType type) {
    return options_.registry.MayAnswer(agent, name, type);
  };
}

void LevelCoordinator::RevokeUngranted(Lease& lease, Effects& effects) {
  Presentation& presentation = lease.presentation;
  for (const std::string& agent : presentation.sent_to()) {
    if (!presentation.Revoke(agent, MayAnswerOf(agent))) continue;
    const Wish& wish = presentation.wish();
    log::Info("presentation", "an agent may not answer any more for what it serves",
              {{"agent", agent}, {"presentation_id", wish.id}});
    SendTakeDown(agent, wish.id, wish.generation, wish.not_after, effects);
  }
}

int LevelCoordinator::PresentedAt(const std::string& agent) {
  int presented = 0;
  MutexLock lock(&mutex_);
  for (const auto& [id, lease] : leases_) presented += lease.presentation.ServedBy(agent) ? 1 : 0;
  // Still up, as far as we know.
  for (const auto& [id, tombstone] : tombstones_) presented += tombstone.pending.count(agent);
  return presented;
}

}  // namespace norroy::validator
