#ifndef NORROY_AGENT_SETTINGS_H_
#define NORROY_AGENT_SETTINGS_H_

// The agent's configuration (norroy.config.v1.AgentConfig) made ready to use: checked, defaults
// filled in, paths resolved. Opens nothing but the file itself.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/presenter/http/http_listener.h"
#include "common/log/log.h"

namespace norroy::agent {

struct Settings {
  std::string state_dir;
  std::vector<std::string> validators;  // empty: those of the join token
  std::optional<HttpListenerOptions> http_listener;
  std::string webroot;  // empty: none
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;
};

// INVALID_ARGUMENT, reason BAD_CONFIG.
absl::StatusOr<Settings> LoadSettings(const std::string& path);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SETTINGS_H_
