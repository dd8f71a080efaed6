#include "validator/agents/registry.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;

absl::Status Removed(absl::string_view agent) {
  return MakeError(absl::StatusCode::kPermissionDenied, "AGENT_REMOVED",
                   absl::StrCat("agent ", agent,
                                " is not enrolled (any more) with this identity: enroll it anew "
                                "with a join token"),
                   {{"agent", std::string(agent)}});
}

// Nothing of why: that is for operators.
absl::Status IsBanned(absl::string_view agent) {
  return MakeError(
      absl::StatusCode::kPermissionDenied, "AGENT_BANNED",
      absl::StrCat("agent ", agent,
                   " is banned: an operator has to lift that (`norroy agent unban ", agent, "`)"),
      {{"agent", std::string(agent)}});
}

bool MayServe(const Agent& agent) {
  return agent.state == AgentState::kEnrolled && !agent.ban.has_value();
}

absl::Status Superseded(absl::string_view agent) {
  return MakeError(absl::StatusCode::kAborted, "SUPERSEDED",
                   absl::StrCat("agent ", agent, " has attached anew"),
                   {{"agent", std::string(agent)}});
}

// By which types the agent may answer for the name. Where several grants say it, the earliest
// place counts, and "all" beats "one".
std::map<ChallengeType, Candidate> TypesOf(const Agent& agent, const challenge::Name& name) {
  std::map<ChallengeType, Candidate> types;
  for (const ChallengeGrant& grant : agent.grants) {
    if (!challenge::MatchesAny(grant.patterns, name)) continue;
    for (size_t i = 0; i < grant.types.size(); ++i) {
      const int place = static_cast<int>(i);
      const auto [it, added] =
          types.try_emplace(grant.types[i], Candidate{agent.name, grant.responders, false, place});
      if (added) continue;
      it->second.preference = std::min(it->second.preference, place);
      if (grant.responders == Responders::kAll) it->second.responders = Responders::kAll;
    }
  }
  return types;
}

class FleetRegistry final : public Registry {
 public:
  FleetRegistry(Store& store, std::vector<Agent> agents, const std::vector<Ban>& bans)
      : store_(store) {
    for (const Ban& ban : bans) banned_.insert(ban.name);
    for (Agent& agent : agents) {
      std::string name = agent.name;
      agents_.emplace(std::move(name), std::move(agent));
    }
  }

  absl::Status Reload(absl::string_view name) override {
    // Two at once could apply what they read in the wrong order.
    MutexLock reloading(&reload_mutex_);
    absl::StatusOr<Agent> agent = store_.GetAgent(name);
    if (!agent.ok() && !absl::IsNotFound(agent.status())) return agent.status();
    // Of names that no agent has now, too.
    NORROY_ASSIGN_OR_RETURN(const std::vector<Ban> bans, store_.ListBans());
    const bool banned =
        std::any_of(bans.begin(), bans.end(), [name](const Ban& ban) { return ban.name == name; });
    const std::shared_ptr<Link> ended = Replace(std::string(name), std::move(agent), banned);
    if (ended != nullptr) ended->Close(banned ? IsBanned(name) : Removed(name));
    return absl::OkStatus();
  }

  absl::Status Admit(const identity::Identity& identity) override {
    MutexLock lock(&mutex_);
    if (banned_.contains(identity.name)) return IsBanned(identity.name);
    if (identity.role == types::v1::ROLE_BOOTSTRAP) return absl::OkStatus();
    const auto it = agents_.find(identity.name);
    if (identity.role == types::v1::ROLE_AGENT && it != agents_.end() && MayServe(it->second) &&
        it->second.enrollment_id == identity.enrollment_id) {
      return absl::OkStatus();
    }
    return Removed(identity.name);
  }

  int64_t Attach(const std::string& agent, std::shared_ptr<Link> link) override {
    std::shared_ptr<Link> older;
    int64_t number;
    {
      MutexLock lock(&mutex_);
      number = ++last_attachment_;
      Attachment& attachment = attachments_[agent];
      older = std::move(attachment.link);
      attachment = {number, std::move(link)};
    }
    if (older != nullptr) older->Close(Superseded(agent));
    return number;
  }

  bool Detach(const std::string& agent, int64_t attachment) override {
    // Destroyed when the lock is free: a link may be the last to hold its stream.
    std::shared_ptr<Link> gone;
    MutexLock lock(&mutex_);
    const auto it = attachments_.find(agent);
    if (it == attachments_.end() || it->second.number != attachment) return false;
    gone = std::move(it->second.link);
    attachments_.erase(it);
    return true;
  }

  bool IsAttached(const std::string& agent) override { return LinkOf(agent) != nullptr; }

  bool Send(const std::string& agent, const agent::v1::AttachResponse& message) override {
    const std::shared_ptr<Link> link = LinkOf(agent);
    return link != nullptr && link->Send(message);
  }

  std::shared_ptr<Link> LinkOf(const std::string& agent) override {
    MutexLock lock(&mutex_);
    const auto it = attachments_.find(agent);
    return it == attachments_.end() ? nullptr : it->second.link;
  }

  bool IsCurrent(const std::string& agent, int64_t attachment) override {
    MutexLock lock(&mutex_);
    const auto it = attachments_.find(agent);
    return it != attachments_.end() && it->second.number == attachment;
  }

  void NoteReport(const std::string& agent, const AgentReport& report) override {
    MutexLock lock(&mutex_);
    const auto it = agents_.find(agent);
    if (it == agents_.end()) return;
    it->second.report = report;
    // Another process, perhaps.
    counts_.erase(agent);
  }

  void NoteCounts(const std::string& agent, const AgentCounts& counts) override {
    MutexLock lock(&mutex_);
    if (agents_.contains(agent)) counts_[agent] = counts;
  }

  AgentCounts CountsOf(const std::string& agent) override {
    MutexLock lock(&mutex_);
    const auto it = counts_.find(agent);
    return it == counts_.end() ? AgentCounts() : it->second;
  }

  absl::Duration ClockOffset(const std::string& agent) override {
    MutexLock lock(&mutex_);
    const auto it = agents_.find(agent);
    return it == agents_.end() ? absl::ZeroDuration() : it->second.report.clock_offset;
  }

  std::vector<std::pair<ChallengeType, Candidate>> CandidatesFor(
      const challenge::Name& name) override {
    std::vector<std::pair<ChallengeType, Candidate>> candidates;
    MutexLock lock(&mutex_);
    for (const auto& [agent_name, agent] : agents_) {
      if (!MayServe(agent) || agent.drained) continue;
      for (auto& [type, candidate] : TypesOf(agent, name)) {
        candidate.attached = attachments_.contains(agent_name);
        candidates.emplace_back(type, std::move(candidate));
      }
    }
    std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
      return std::tie(a.second.preference, a.first, a.second.agent) <
             std::tie(b.second.preference, b.first, b.second.agent);
    });
    return candidates;
  }

  bool MayAnswer(const std::string& agent, const challenge::Name& name,
                 ChallengeType type) override {
    MutexLock lock(&mutex_);
    const auto it = agents_.find(agent);
    return it != agents_.end() && MayServe(it->second) && TypesOf(it->second, name).contains(type);
  }

  std::vector<Agent> agents() override {
    std::vector<Agent> all;
    MutexLock lock(&mutex_);
    for (const auto& [name, agent] : agents_) all.push_back(agent);
    return all;
  }

 private:
  struct Attachment {
    int64_t number = 0;
    std::shared_ptr<Link> link;
  };

  // The link that must be closed now, if any.
  std::shared_ptr<Link> Replace(const std::string& name, absl::StatusOr<Agent> agent, bool banned) {
    MutexLock lock(&mutex_);
    if (banned) {
      banned_.insert(name);
    } else {
      banned_.erase(name);
    }
    const auto known = agents_.find(name);
    const bool same = known != agents_.end() && agent.ok() &&
                      known->second.enrollment_id == agent->enrollment_id &&
                      agent->state == AgentState::kEnrolled;
    // The store may not have heard yet what the agent has told us.
    if (same) agent->report = known->second.report;
    if (!same) counts_.erase(name);
    if (agent.ok()) {
      agents_.insert_or_assign(name, *std::move(agent));
    } else if (known != agents_.end()) {
      agents_.erase(known);
    }
    const auto attachment = attachments_.find(name);
    if ((same && !banned) || attachment == attachments_.end()) return nullptr;
    return attachment->second.link;
  }

  Store& store_;
  Mutex reload_mutex_;
  Mutex mutex_;
  std::map<std::string, Agent> agents_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> banned_ ABSL_GUARDED_BY(mutex_);  // names, of agents or not
  std::map<std::string, AgentCounts> counts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Attachment> attachments_ ABSL_GUARDED_BY(mutex_);
  int64_t last_attachment_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Registry>> Registry::Load(Store& store) {
  NORROY_ASSIGN_OR_RETURN(std::vector<Agent> agents, store.ListAgents());
  NORROY_ASSIGN_OR_RETURN(const std::vector<Ban> bans, store.ListBans());
  return std::make_unique<FleetRegistry>(store, std::move(agents), bans);
}

}  // namespace norroy::validator
