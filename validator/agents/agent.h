#ifndef NORROY_VALIDATOR_AGENTS_AGENT_H_
#define NORROY_VALIDATOR_AGENTS_AGENT_H_

// An agent as the validator knows it, and what it was granted. Values, no I/O.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/challenge/pattern.h"
#include "common/challenge/proof.h"

namespace norroy::validator {

enum class Responders { kAll, kOne };

// Which names an agent may answer for, by what, and whether all such agents must.
struct ChallengeGrant {
  std::vector<challenge::Pattern> patterns;
  std::vector<challenge::ChallengeType> types;  // in order of preference
  Responders responders = Responders::kAll;
};

enum class AgentState { kInvited, kEnrolled, kRemoved };

// What an agent told at its last hello.
struct AgentReport {
  std::string version;
  std::vector<challenge::ChallengeType> types;
  std::vector<std::string> scope;
  absl::Duration clock_offset = absl::ZeroDuration();
  absl::Time seen_time;
};

struct Agent {
  std::string name;
  std::string enrollment_id;
  AgentState state = AgentState::kInvited;
  bool drained = false;
  std::vector<ChallengeGrant> grants;
  AgentReport report;
  absl::Time enroll_time;
  absl::Time identity_expire_time;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_AGENT_H_
