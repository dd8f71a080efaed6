#ifndef NORROY_AGENT_SETTINGS_DNS_H_
#define NORROY_AGENT_SETTINGS_DNS_H_

// The DNS presenters' sections of agent.yaml. Errors are INVALID_ARGUMENT, reason BAD_CONFIG, or
// what a key file or a program gives; they name the section.

#include <string>

#include "absl/status/status.h"
#include "agent/settings.h"
#include "norroy/config/v1/agent.pb.h"

namespace norroy::agent {

// Fills in resolvers, delegated_zone, rfc2136, powerdns and exec_hooks. `path` is the file's.
absl::Status ReadDns(const config::v1::AgentConfig& config, const std::string& path,
                     Settings& settings);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SETTINGS_DNS_H_
