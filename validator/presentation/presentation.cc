#include "validator/presentation/presentation.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "validator/presentation/coordinator.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;
using v1::PRESENTATION_STATE_FAILED;
using v1::PRESENTATION_STATE_PUTTING_UP;
using v1::PRESENTATION_STATE_READY;

constexpr size_t kMaxReason = 64;
// A path of CNAMEs fits.
constexpr size_t kMaxDetail = 1024;
constexpr absl::Duration kClockOffsetToTell = absl::Seconds(60);

// An error stays readable.
constexpr size_t kMaxAgentsInError = 5;

std::string Shortened(const std::vector<std::string>& parts) {
  if (parts.size() <= kMaxAgentsInError) return absl::StrJoin(parts, "; ");
  return absl::StrCat(absl::StrJoin(parts.begin(), parts.begin() + kMaxAgentsInError, "; "),
                      "; and ", parts.size() - kMaxAgentsInError, " more");
}

// Empty if the agent's clock is right, or nearly.
std::string ClockText(absl::Duration offset) {
  if (absl::AbsDuration(offset) <= kClockOffsetToTell) return "";
  const bool ahead = offset > absl::ZeroDuration();
  return absl::StrCat("; its clock is ", absl::ToInt64Minutes(absl::AbsDuration(offset)), " min ",
                      ahead ? "ahead of" : "behind", " this validator's: set it right");
}

// FAILED, then PUTTING_UP, then READY.
v1::PresentationState Worse(v1::PresentationState a, v1::PresentationState b) {
  for (const auto state : {PRESENTATION_STATE_FAILED, PRESENTATION_STATE_PUTTING_UP}) {
    if (a == state || b == state) return state;
  }
  return PRESENTATION_STATE_READY;
}

}  // namespace

Presentation::Presentation(Wish wish, int64_t revision)
    : wish_(std::move(wish)), answers_(wish_.proofs.size()) {
  for (const challenge::Name& name : wish_.names) entries_.emplace_back(name);
  answer_.set_revision(revision);
}

std::optional<size_t> Presentation::ProofFor(const challenge::Name& name,
                                             ChallengeType type) const {
  for (size_t i = 0; i < wish_.proofs.size(); ++i) {
    if (wish_.proofs[i].proof.name == name && wish_.proofs[i].proof.type == type) return i;
  }
  return std::nullopt;
}

void Presentation::Route(const CandidatesOf& candidates, absl::Duration now) {
  for (NameEntry& entry : entries_) {
    const auto before = std::tuple(entry.chosen, entry.mode, entry.responders);
    RouteName(entry, candidates(entry.name));
    if (before != std::tuple(entry.chosen, entry.mode, entry.responders)) {
      entry.deadline = now + kAckTimeout;
    }
  }
}

void Presentation::RouteName(NameEntry& entry, const Candidates& candidates) {
  entry.granted = !candidates.empty();
  entry.chosen.reset();
  entry.responders.clear();
  // Candidates come by preference: the first usable type is the one.
  for (const auto& [type, candidate] : candidates) {
    if (wish_.failed.contains({entry.name, type})) continue;
    entry.chosen = ProofFor(entry.name, type);
    if (!entry.chosen.has_value()) continue;
    const RespondersOf responders = RespondersByType(candidates, type);
    entry.mode = responders.mode;
    for (const Candidate& one : responders.candidates) entry.responders.push_back(one.agent);
    return;
  }
}

bool Presentation::IsDns(const NameEntry& entry) const {
  return wish_.proofs[*entry.chosen].proof.type == ChallengeType::kDns01;
}

absl::Duration Presentation::AckTimeout(const NameEntry& entry) const {
  return IsDns(entry) ? kDnsAckTimeout : kAckTimeout;
}

void Presentation::Send(const NameEntry& entry, const std::string& agent, absl::Duration now,
                        ProofsByAgent& due) {
  answers_[*entry.chosen][agent] = {AnswerState::kSent, "", now + AckTimeout(entry)};
  due[agent].push_back(*entry.chosen);
  sent_to_.insert(agent);
}

// One that was asked for DNS and is gone: it gets as long to come back as one that never was.
void Presentation::NoteGone(NameEntry& entry, Answer& answer, absl::Duration now) {
  if (answer.state != AnswerState::kSent || !IsDns(entry)) return;
  answer = Answer();
  entry.deadline = std::max(entry.deadline, now + kAckTimeout);
}

absl::Duration Presentation::DeadlineOf(const NameEntry& entry, const Answer& answer,
                                        bool here) const {
  const bool asked = here && answer.state == AnswerState::kSent;
  return asked && IsDns(entry) ? answer.deadline : entry.deadline;
}

ProofsByAgent Presentation::Step(const AgentsNow& agents, absl::Duration now) {
  ProofsByAgent due;
  v1::PresentResponse answer;
  answer.set_state(PRESENTATION_STATE_READY);
  for (NameEntry& entry : entries_) {
    Verdict verdict = !entry.chosen.has_value()        ? NobodyLeft(entry)
                      : entry.mode == Responders::kAll ? StepAll(entry, agents, now, due)
                                                       : StepOne(entry, agents, now, due);
    entry.state = verdict.state;
    answer.set_state(Worse(answer.state(), verdict.state));
    *answer.add_names() = ToProto(entry, verdict);
  }
  SetAnswer(std::move(answer));
  return due;
}

Presentation::Verdict Presentation::StepAll(NameEntry& entry, const AgentsNow& agents,
                                            absl::Duration now, ProofsByAgent& due) {
  Verdict verdict = {PRESENTATION_STATE_READY, {}, {}, ""};
  std::vector<std::string> refused;
  struct Waiting {
    absl::Duration deadline;
    std::string why;
  };
  std::vector<Waiting> waiting;
  for (const std::string& agent : entry.responders) {
    const bool here = agents.attached(agent);
    Answer& answer = answers_[*entry.chosen][agent];
    if (!here) NoteGone(entry, answer, now);
    if (here && answer.state == AnswerState::kNone) Send(entry, agent, now, due);
    if (answer.state == AnswerState::kServed) {
      verdict.served.push_back(agent);
      continue;
    }
    verdict.missing.push_back(agent);
    // It was served and is not any more: time to answer again.
    if (entry.state == PRESENTATION_STATE_READY) {
      entry.deadline = now + kAckTimeout;
      entry.state = PRESENTATION_STATE_PUTTING_UP;
    }
    if (answer.state == AnswerState::kRefused) {
      if (verdict.reason.empty()) {
        verdict.reason = ReasonOf(answer, agents.clock_offset(agent));
      }
      refused.push_back(Why(entry, agent, agents));
    } else {
      waiting.push_back({DeadlineOf(entry, answer, here), Why(entry, agent, agents)});
    }
  }
  if (verdict.missing.empty()) return verdict;
  std::vector<std::string> late;
  entry.next = absl::InfiniteDuration();
  for (Waiting& one : waiting) {
    entry.next = std::min(entry.next, one.deadline);
    if (now >= one.deadline) late.push_back(std::move(one.why));
  }
  if (refused.empty() && late.empty()) {
    verdict.state = PRESENTATION_STATE_PUTTING_UP;
    return verdict;
  }
  verdict.state = PRESENTATION_STATE_FAILED;
  verdict.error = Shortened(refused.empty() ? late : refused);
  return verdict;
}

Presentation::Verdict Presentation::StepOne(NameEntry& entry, const AgentsNow& agents,
                                            absl::Duration now, ProofsByAgent& due) {
  Verdict verdict = {PRESENTATION_STATE_READY, {}, {}, ""};
  Answers& answers = answers_[*entry.chosen];
  for (const std::string& agent : entry.responders) {
    if (answers[agent].state == AnswerState::kServed) verdict.served.push_back(agent);
  }
  if (!verdict.served.empty()) return verdict;
  if (entry.state == PRESENTATION_STATE_READY) entry.deadline = now + kAckTimeout;
  verdict.state = PRESENTATION_STATE_PUTTING_UP;
  std::vector<std::string> failed, absent;
  for (const std::string& agent : entry.responders) {
    Answer& answer = answers[agent];
    const bool here = agents.attached(agent);
    if (!here) NoteGone(entry, answer, now);
    if (answer.state == AnswerState::kSent && now >= DeadlineOf(entry, answer, here)) {
      answer.state = AnswerState::kSilent;
    }
    const bool over = answer.state == AnswerState::kRefused || answer.state == AnswerState::kSilent;
    if (!over && here) {
      // Its turn; each one gets the whole time.
      if (answer.state == AnswerState::kNone) {
        Send(entry, agent, now, due);
        entry.deadline = now + kAckTimeout;
      }
      entry.next = DeadlineOf(entry, answer, here);
      verdict.missing = {agent};
      return verdict;
    }
    failed.push_back(Why(entry, agent, agents));
    if (verdict.reason.empty()) {
      verdict.reason = ReasonOf(answer, agents.clock_offset(agent));
    }
    if (!over) absent.push_back(agent);
  }
  verdict.missing = absent;
  entry.next = entry.deadline;
  // Somebody may still attach in time.
  if (!absent.empty() && now < entry.deadline) return verdict;
  verdict.state = PRESENTATION_STATE_FAILED;
  verdict.error = Shortened(failed);
  return verdict;
}

Presentation::Verdict Presentation::NobodyLeft(const NameEntry& entry) const {
  const std::string name = entry.name.text();
  if (!entry.granted) {
    return {PRESENTATION_STATE_FAILED,
            {},
            {},
            absl::StrCat("no enrolled, undrained agent has a challenge grant for ", name,
                         ": make one with `norroy agent token create NAME --answer ", name, "`"),
            "NO_GRANT"};
  }
  return {PRESENTATION_STATE_FAILED,
          {},
          {},
          absl::StrCat("every type by which agents may answer for ", name,
                       " has failed or was not offered by the CA"),
          "NO_TYPE_LEFT"};
}

// A seal that is refused for its times by whom we know to have other ones.
std::string Presentation::ReasonOf(const Answer& answer, absl::Duration clock_offset) {
  const bool times = answer.reason == "EXPIRED" || answer.reason == "NOT_YET_VALID" ||
                     answer.reason == "REJECTED_SEAL";
  return times && absl::AbsDuration(clock_offset) > kClockOffsetToTell ? "CLOCK_SKEW"
                                                                       : answer.reason;
}

std::string Presentation::Why(const NameEntry& entry, const std::string& agent,
                              const AgentsNow& agents) const {
  const Answers& answers = answers_[*entry.chosen];
  const auto it = answers.find(agent);
  const std::string clock = ClockText(agents.clock_offset(agent));
  if (it != answers.end() && it->second.state == AnswerState::kRefused) {
    return absl::StrCat("agent ", agent, " refused ",
                        challenge::ChallengeTypeName(wish_.proofs[*entry.chosen].proof.type),
                        " for ", entry.name.text(), ": ", it->second.error, clock);
  }
  if (!agents.attached(agent)) {
    return absl::StrCat("agent ", agent,
                        " is not attached: start it, or state by `norroy agent "
                        "drain ",
                        agent, "` that its host gets no traffic");
  }
  return absl::StrCat("agent ", agent, " has not answered within ",
                      absl::FormatDuration(AckTimeout(entry)), clock);
}

v1::PresentedName Presentation::ToProto(const NameEntry& entry, const Verdict& verdict) const {
  v1::PresentedName name;
  *name.mutable_name() = ToPlanned(entry.name);
  if (entry.chosen.has_value()) {
    name.set_type(challenge::ToProto(wish_.proofs[*entry.chosen].proof.type));
  }
  name.set_state(verdict.state);
  for (const std::string& agent : verdict.served) name.add_agents(agent);
  for (const std::string& agent : verdict.missing) name.add_missing(agent);
  name.set_error(verdict.error);
  if (!verdict.error.empty()) name.set_error_reason(verdict.reason);
  return name;
}

void Presentation::SetAnswer(v1::PresentResponse answer) {
  answer.set_revision(answer_.revision());
  if (answer.SerializeAsString() == answer_.SerializeAsString()) return;
  answer.set_revision(answer_.revision() + 1);
  answer_ = std::move(answer);
}

bool Presentation::Revoke(const std::string& agent, const MayAnswer& may) {
  const auto may_be_up = [](const Answer& answer) {
    return answer.state == AnswerState::kSent || answer.state == AnswerState::kServed ||
           answer.state == AnswerState::kSilent;
  };
  bool revoked = false;
  for (size_t i = 0; i < answers_.size() && !revoked; ++i) {
    const auto it = answers_[i].find(agent);
    const challenge::Proof& proof = wish_.proofs[i].proof;
    revoked = it != answers_[i].end() && may_be_up(it->second) && !may(proof.name, proof.type);
  }
  if (!revoked) return false;
  revoked_.insert(agent);
  for (Answers& answers : answers_) {
    const auto it = answers.find(agent);
    if (it == answers.end() || !may_be_up(it->second)) continue;
    it->second = {AnswerState::kRefused,
                  "GRANT_CHANGED: its grants changed while it served this order's names; what it "
                  "may still answer for is put up again with the next attempt",
                  absl::ZeroDuration(), "GRANT_CHANGED"};
  }
  return true;
}

bool Presentation::MayAnswerAny(const MayAnswer& may) const {
  return std::any_of(wish_.proofs.begin(), wish_.proofs.end(), [&may](const WishedProof& wished) {
    return may(wished.proof.name, wished.proof.type);
  });
}

void Presentation::AgentAttached(const std::string& agent, bool holds) {
  if (revoked_.contains(agent)) return;
  for (Answers& answers : answers_) {
    const auto it = answers.find(agent);
    if (it == answers.end()) continue;
    if (it->second.state == AnswerState::kServed && holds) continue;
    it->second = Answer();
  }
}

void Presentation::OnResult(const std::string& agent, size_t proof,
                            const agent::v1::ProofResult& result) {
  // It was told to take it down since.
  if (revoked_.contains(agent)) return;
  if (result.served()) {
    answers_[proof][agent] = {AnswerState::kServed, "", absl::ZeroDuration()};
    return;
  }
  answers_[proof][agent] = {AnswerState::kRefused,
                            absl::StrCat(Printable(result.reason(), kMaxReason), ": ",
                                         Printable(result.detail(), kMaxDetail)),
                            absl::ZeroDuration(), Printable(result.reason(), kMaxReason)};
}

bool Presentation::ServedBy(const std::string& agent) const {
  return std::any_of(answers_.begin(), answers_.end(), [&](const Answers& answers) {
    const auto it = answers.find(agent);
    return it != answers.end() && it->second.state == AnswerState::kServed;
  });
}

std::set<std::string> Presentation::responders() const {
  std::set<std::string> responders;
  for (const NameEntry& entry : entries_) {
    responders.insert(entry.responders.begin(), entry.responders.end());
  }
  return responders;
}

bool Presentation::Concerns(const std::string& agent) const {
  return sent_to_.contains(agent) ||
         std::any_of(entries_.begin(), entries_.end(), [&](const NameEntry& entry) {
           return std::find(entry.responders.begin(), entry.responders.end(), agent) !=
                  entry.responders.end();
         });
}

std::optional<absl::Duration> Presentation::next_deadline() const {
  std::optional<absl::Duration> next;
  for (const NameEntry& entry : entries_) {
    if (entry.state != PRESENTATION_STATE_PUTTING_UP || !entry.chosen.has_value()) continue;
    if (!next.has_value() || entry.next < *next) next = entry.next;
  }
  return next;
}

}  // namespace norroy::validator
