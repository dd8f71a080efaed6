#ifndef NORROY_VALIDATOR_SERVICE_CONVERT_H_
#define NORROY_VALIDATOR_SERVICE_CONVERT_H_

// Between the API's messages about agents and our own types.

#include <google/protobuf/repeated_field.h>

#include <vector>

#include "absl/status/statusor.h"
#include "norroy/validator/v1/agent_admin_service.pb.h"
#include "validator/agents/agent.h"

namespace norroy::validator {

// Patterns and types parsed; errors name the place. Responders that are not given are ONE for a
// grant of dns-01 alone and ALL for any other.
absl::StatusOr<std::vector<ChallengeGrant>> ParseGrants(
    const google::protobuf::RepeatedPtrField<v1::ChallengeGrant>& grants);

// What is true now beside what is stored.
struct AgentNow {
  bool attached = false;
  int presented = 0;
  AgentCounts counts = {};
};
v1::Agent ToProto(const Agent& agent, const AgentNow& now);
v1::AgentGrants ToProto(const GrantsVersion& version);
void AddGrants(const std::vector<ChallengeGrant>& grants,
               google::protobuf::RepeatedPtrField<v1::ChallengeGrant>* to);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_CONVERT_H_
