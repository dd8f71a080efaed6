#ifndef NORROY_AGENT_SESSION_ENROLLMENT_H_
#define NORROY_AGENT_SESSION_ENROLLMENT_H_

// Becoming an agent: a join token, once, for an identity of the agent's own. The key is made here
// and never leaves; the validator is believed under the token's core root.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/session/dial.h"
#include "agent/state/state_dir.h"
#include "common/challenge/pattern.h"
#include "common/clock/clock.h"
#include "common/join/join_token.h"

namespace norroy::agent {

struct EnrollmentRequest {
  join::JoinToken token;
  std::vector<challenge::Pattern> scope;
  bool replace = false;  // there may be an enrollment already
};

// Connects to a validator with the token's bootstrap identity, by these files.
using BootstrapDial = std::function<Dialer(const std::string& target, const rpc::TlsFiles& files)>;

// Asks the token's validators in turn until one answers, then writes the state. ALREADY_EXISTS,
// reason ALREADY_ENROLLED, without `replace`; FAILED_PRECONDITION, reason TOKEN_EXPIRED.
absl::StatusOr<Enrollment> Enroll(const EnrollmentRequest& request, StateDir& dir, Clock& clock,
                                  const BootstrapDial& dial);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_ENROLLMENT_H_
