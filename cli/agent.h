#ifndef NORROY_CLI_AGENT_H_
#define NORROY_CLI_AGENT_H_

// `norroy agent ...`

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

absl::Status AgentTokenCreate(Context& context, const TokenCreateOptions& options);
absl::Status AgentList(Context& context);
absl::Status AgentShow(Context& context, const std::string& name);
absl::Status AgentDrain(Context& context, const std::string& name, bool drained);
absl::Status AgentRemove(Context& context, const std::string& name);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AGENT_H_
