#ifndef NORROY_VALIDATOR_SERVICE_HELLO_H_
#define NORROY_VALIDATOR_SERVICE_HELLO_H_

// The first message of an agent, read with suspicion. Pure.

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "validator/agents/agent.h"

namespace norroy::validator {

// What we speak. Both ends take the highest that both know.
inline constexpr int kMinProtocol = 1;
inline constexpr int kMaxProtocol = 1;

inline constexpr int kMaxPresented = 20000;
inline constexpr int kMaxScope = 1000;

// The protocol that both know: FAILED_PRECONDITION (PROTOCOL_MISMATCH) if there is none;
// INVALID_ARGUMENT (BAD_HELLO) for lists that are too long or presentations of no form.
absl::StatusOr<int> CheckHello(const agent::v1::AgentHello& hello);

// Of each of these operators are shown no more: as many presenters and zones as an agent can have.
inline constexpr int kMaxShownPresenters = 32;
inline constexpr int kMaxShownZones = 100;
inline constexpr int kMaxShownReasons = 32;

// What operators are shown: printable, capped.
AgentReport ReportOf(const agent::v1::AgentHello& hello, absl::Time now);
AgentCounts CountsOf(const agent::v1::AgentCounters& counters);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_HELLO_H_
