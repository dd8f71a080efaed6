#ifndef NORROY_VALIDATOR_PRESENTATION_PRESENTATION_H_
#define NORROY_VALIDATOR_PRESENTATION_PRESENTATION_H_

// One presentation: the wish, which type and which agents answer for each name, and what they have
// said. Decides; does no I/O. Times are of the monotonic clock. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "norroy/validator/v1/presentation_service.pb.h"
#include "validator/agents/agent.h"
#include "validator/presentation/plan.h"
#include "validator/presentation/wish.h"

namespace norroy::validator {

// Candidates for a name; attached or not.
using CandidatesOf = std::function<std::vector<std::pair<challenge::ChallengeType, Candidate>>(
    const challenge::Name&)>;
using IsAttached = std::function<bool(const std::string& agent)>;
// By how much an agent's clock was ahead of ours when it said hello.
using ClockOffsetOf = std::function<absl::Duration(const std::string& agent)>;
struct AgentsNow {
  IsAttached attached;
  ClockOffsetOf clock_offset;
};
// Places in the wish's proofs, by agent.
using ProofsByAgent = std::map<std::string, std::vector<size_t>>;

class Presentation {
 public:
  // `revision` is the first one; higher than any of a former life of the same id.
  Presentation(Wish wish, int64_t revision);

  const Wish& wish() const { return wish_; }
  // Every agent that may have got a proof of it, of any generation.
  const std::set<std::string>& sent_to() const { return sent_to_; }
  void NoteSentTo(const std::string& agent) { sent_to_.insert(agent); }

  // Further types that failed.
  void SetFailed(std::set<NameAndType> failed) { wish_.failed = std::move(failed); }

  // Chooses type and agents of each name anew: after a new wish, failed types, or a change of the
  // fleet. A name whose type or agents changed gets its time to answer again.
  void Route(const CandidatesOf& candidates, absl::Duration now);

  // What must be sent now, and is counted as sent; brings the answer up to date.
  ProofsByAgent Step(const AgentsNow& agents, absl::Duration now);

  // What the agent may have up and may not answer for any more ends all that it has of this
  // generation: agents know no smaller part. It is not asked for it again before the next
  // generation. True: it must be told to take it down.
  using MayAnswer = std::function<bool(const challenge::Name&, challenge::ChallengeType)>;
  bool Revoke(const std::string& agent, const MayAnswer& may);
  bool IsRevoked(const std::string& agent) const { return revoked_.contains(agent); }
  // Is there anything of it that the agent may answer for?
  bool MayAnswerAny(const MayAnswer& may) const;

  // The agent is asked again for what it did not serve; for all, if it does not hold this
  // generation any more.
  void AgentAttached(const std::string& agent, bool holds);
  void OnResult(const std::string& agent, size_t proof, const agent::v1::ProofResult& result);
  // Has an answer come from the agent that it serves something?
  bool ServedBy(const std::string& agent) const;
  // Whom Route chose.
  std::set<std::string> responders() const;
  // May any proof be the agent's to serve?
  bool Concerns(const std::string& agent) const;

  // When Step must be called again at the latest, if nothing happens before.
  std::optional<absl::Duration> next_deadline() const;
  // As of the last Step. Its revision changes with its content.
  const validator::v1::PresentResponse& answer() const { return answer_; }

 private:
  enum class AnswerState { kNone, kSent, kServed, kRefused, kSilent };
  struct Answer {
    AnswerState state = AnswerState::kNone;
    std::string error;
    absl::Duration deadline;  // once sent
    std::string reason = "";  // of a refusal, as the agent gives it
  };
  using Answers = std::map<std::string, Answer>;  // by agent

  struct NameEntry {
    explicit NameEntry(challenge::Name n) : name(std::move(n)) {}
    challenge::Name name;
    std::optional<size_t> chosen;  // place in wish_.proofs
    Responders mode = Responders::kAll;
    std::vector<std::string> responders;  // in order
    bool granted = false;                 // somebody has a grant for the name, by whatever type
    absl::Duration deadline;              // of who is not there, and of HTTP-01 and TLS-ALPN-01
    absl::Duration next;                  // while PUTTING_UP: the earliest that counts
    validator::v1::PresentationState state = validator::v1::PRESENTATION_STATE_PUTTING_UP;
  };
  // What became of one name in a Step.
  struct Verdict {
    validator::v1::PresentationState state;
    std::vector<std::string> served, missing;
    std::string error;
    std::string reason;  // the first refusal's
  };

  std::optional<size_t> ProofFor(const challenge::Name& name, challenge::ChallengeType type) const;
  void RouteName(NameEntry& entry, const Candidates& candidates);
  bool IsDns(const NameEntry& entry) const;
  absl::Duration AckTimeout(const NameEntry& entry) const;
  void Send(const NameEntry& entry, const std::string& agent, absl::Duration now,
            ProofsByAgent& due);
  void NoteGone(NameEntry& entry, Answer& answer, absl::Duration now);
  absl::Duration DeadlineOf(const NameEntry& entry, const Answer& answer, bool here) const;
  Verdict StepAll(NameEntry& entry, const AgentsNow& agents, absl::Duration now,
                  ProofsByAgent& due);
  Verdict StepOne(NameEntry& entry, const AgentsNow& agents, absl::Duration now,
                  ProofsByAgent& due);
  Verdict NobodyLeft(const NameEntry& entry) const;
  static std::string ReasonOf(const Answer& answer, absl::Duration clock_offset);
  std::string Why(const NameEntry& entry, const std::string& agent, const AgentsNow& agents) const;
  validator::v1::PresentedName ToProto(const NameEntry& entry, const Verdict& verdict) const;
  void SetAnswer(validator::v1::PresentResponse answer);

  Wish wish_;
  std::vector<NameEntry> entries_;
  std::vector<Answers> answers_;  // beside wish_.proofs
  std::set<std::string> sent_to_;
  std::set<std::string> revoked_;  // agents that had to take this generation down
  validator::v1::PresentResponse answer_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_PRESENTATION_H_
