#ifndef NORROY_CLI_AGENT_H_
#define NORROY_CLI_AGENT_H_

// `norroy agent ...`

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

struct TokenCreateOptions {
  std::string name;
  std::vector<std::string> answer;
  std::vector<std::string> types = {"http-01"};  // in order of preference
  std::string responders;                        // all, one; empty: the type's default
  std::string out;                               // empty: NAME.token here
  std::string expires = "1h";
  bool replace = false;
};

struct SetGrantsOptions {
  std::string name;
  std::vector<std::string> patterns;
  std::vector<std::string> types = {"http-01"};
  std::string responders;
  int64_t expected_version = 0;  // 0: whichever
};

struct BlastRadiusOptions {
  std::string name;
  std::vector<std::string> names;  // empty: all that the issuer knows
};

absl::Status AgentTokenCreate(Context& context, const TokenCreateOptions& options);
absl::Status AgentList(Context& context);
absl::Status AgentShow(Context& context, const std::string& name);
absl::Status AgentDrain(Context& context, const std::string& name, bool drained);
// Its grants, or with `all` every version that the name had.
absl::Status AgentGrants(Context& context, const std::string& name, bool all);
absl::Status AgentSetGrants(Context& context, const SetGrantsOptions& options);
absl::Status AgentBan(Context& context, const std::string& name, const std::string& reason);
absl::Status AgentUnban(Context& context, const std::string& name);
absl::Status AgentBlastRadius(Context& context, const BlastRadiusOptions& options);
absl::Status AgentRemove(Context& context, const std::string& name);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AGENT_H_
