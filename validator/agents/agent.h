#ifndef NORROY_VALIDATOR_AGENTS_AGENT_H_
#define NORROY_VALIDATOR_AGENTS_AGENT_H_

// An agent as the validator knows it, and what it was granted. Values, no I/O.

#include <cstdint>
#include <map>
#include <optional>
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

// One way by which an agent answers challenges, as it tells it.
struct AgentPresenter {
  std::string name;  // "http_listener", "rfc2136 acme.example.net"
  challenge::ChallengeType type = challenge::ChallengeType::kHttp01;
  std::vector<std::string> zones = {};  // DNS zones that it writes to

  bool operator==(const AgentPresenter&) const = default;
};

// What an agent told at its last hello.
struct AgentReport {
  std::string version;
  std::vector<challenge::ChallengeType> types;
  std::vector<std::string> scope;
  absl::Duration clock_offset = absl::ZeroDuration();
  absl::Time seen_time;
  std::vector<AgentPresenter> presenters;
};

// What an agent has done since its process started, as it told it last.
struct PresenterCounts {
  std::string name;
  int64_t put_up = 0;
  int64_t taken_down = 0;
  int64_t failed = 0;
  int64_t served = 0;
  int64_t unknown = 0;
  std::string last_error;
  absl::Time last_error_time;
};
struct AgentCounts {
  std::vector<PresenterCounts> presenters;
  std::map<std::string, int64_t> refused;  // by reason
};

// A name that is refused, whoever bears it, until the ban is lifted.
struct Ban {
  std::string name;
  std::string reason;  // for operators; the agent is not told
  std::string principal;
  absl::Time time;
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
  int64_t grants_version = 0;  // of `grants`, counted by name
  std::optional<Ban> ban = {};
  // When two processes with this identity were last seen, and where they came from.
  absl::Time duplicate_time = absl::InfinitePast();
  std::vector<std::string> duplicate_peers = {};
};

// One version of an agent's grants.
struct GrantsVersion {
  int64_t version = 0;
  std::string enrollment_id;
  std::vector<ChallengeGrant> grants;
  std::string creator;  // empty: set before versions were kept
  absl::Time create_time;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_AGENT_H_
