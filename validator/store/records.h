#ifndef NORROY_VALIDATOR_STORE_RECORDS_H_
#define NORROY_VALIDATOR_STORE_RECORDS_H_

// Grants and reports as the bytes of a column, and back. Reading bytes that are none of ours is
// DATA_LOSS, reason BAD_RECORD. AgentReport::seen_time has a column of its own.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "validator/agents/agent.h"

namespace norroy::validator {

std::string GrantsBytes(const std::vector<ChallengeGrant>& grants);
absl::StatusOr<std::vector<ChallengeGrant>> ParseGrants(absl::string_view bytes);

std::string ReportBytes(const AgentReport& report);
absl::StatusOr<AgentReport> ParseReport(absl::string_view bytes);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_STORE_RECORDS_H_
