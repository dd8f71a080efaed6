#ifndef NORROY_CLI_AGENT_TEXT_H_
#define NORROY_CLI_AGENT_TEXT_H_

// Agents and their grants as people read and write them.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/output.h"
#include "norroy/validator/v1/agent_admin_service.pb.h"

namespace norroy::cli {

// "www.example.com, .shop.example.com by http-01, responders all"
std::string GrantText(const validator::v1::ChallengeGrant& grant);
// The same of several, with "; " between.
std::string GrantsText(
    const google::protobuf::RepeatedPtrField<validator::v1::ChallengeGrant>& grants);
// Of the options --answer or --name, --type, and --responders (empty: the types' default).
absl::StatusOr<validator::v1::ChallengeGrant> ParseGrant(const std::vector<std::string>& patterns,
                                                         const std::vector<std::string>& types,
                                                         const std::string& responders);

// "enrolled, attached, drained"
std::string StateText(const validator::v1::Agent& agent);
// All of it, with its presenters.
void ShowAgent(Output& output, const validator::v1::Agent& agent);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AGENT_TEXT_H_
