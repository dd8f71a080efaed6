#ifndef NORROY_CLI_POLICY_TEXT_H_
#define NORROY_CLI_POLICY_TEXT_H_

// Grants of both kinds as people read and write them: lines of a diff, and the file of
// `norroy policy apply`.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/policy_result.pb.h"
#include "norroy/config/v1/policy.pb.h"
#include "norroy/issuer/v1/policy_service.pb.h"
#include "norroy/validator/v1/agent_admin_service.pb.h"

namespace norroy::cli {

// "requester/ci-web  .example.com, *.example.com  keys p256  cas le  300 orders/day  reuse never"
std::string GrantLine(const issuer::v1::IssuanceGrant& grant);
// "agent/web1  .example.com  http-01  responders all"
std::string GrantLine(const std::string& agent, const validator::v1::ChallengeGrant& grant);

issuer::v1::IssuanceGrant FromFile(const config::v1::GrantConfig& grant);
config::v1::GrantConfig ToFile(const issuer::v1::IssuanceGrant& grant);

// Patterns in their normal form and responders spelled out, as the validator keeps them.
// INVALID_ARGUMENT names the place below `where`.
absl::StatusOr<validator::v1::ChallengeGrant> FromFile(
    const config::v1::ChallengeGrantConfig& grant, const std::string& where);

// What is in `all` and not in `without`, as lines; each line counts as often as it is there.
std::vector<std::string> LinesWithout(const std::vector<std::string>& all,
                                      std::vector<std::string> without);

// "+ requester/ci-web ...\n- agent/web1 ...\n"; empty if nothing differs.
std::string DiffText(const PolicyChange& change);

}  // namespace norroy::cli

#endif  // NORROY_CLI_POLICY_TEXT_H_
