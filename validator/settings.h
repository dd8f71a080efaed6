#ifndef NORROY_VALIDATOR_SETTINGS_H_
#define NORROY_VALIDATOR_SETTINGS_H_

// validator.yaml, checked as far as it can be without the network: every file that it names is
// read, paths are resolved against its own folder.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "common/rpc/caller_limits.h"
#include "validator/preflight/preflight.h"

namespace norroy::validator {

struct Settings {
  std::string deployment;
  std::string name;  // of our identity: "validator/main" is "main"
  std::vector<std::string> listen;
  std::vector<std::string> agent_listen;
  // Where agents dial; empty: the agent listeners, with their bound ports.
  std::vector<std::string> agent_addresses;
  std::string identity_file;
  std::string core_root_file;
  std::string edge_root_file;
  std::string edge_ca_file;
  identity::Authority edge;  // our intermediate below the edge root
  std::string database;      // a file, or a postgresql:// URL
  log::Level log_level;
  log::Format log_format;
  bool reflection;
  absl::Duration agent_identity_lifetime;
  preflight::PreflightOptions preflight;
  rpc::CallerLimitsOptions callers;
  absl::Duration checkpoint_every;       // of the audit log
  std::vector<std::string> diagnostics;  // "host:port"
};

// Errors (INVALID_ARGUMENT and what files give) name the file, and the field or the file that it
// names.
absl::StatusOr<Settings> LoadSettings(const std::string& path, absl::Time now);

// The identity file: readable, whole, of role validator in `deployment`, under the core root. Its
// name.
absl::StatusOr<std::string> CheckIdentityFile(const std::string& identity_file,
                                              const std::string& core_root_file,
                                              const std::string& deployment, absl::Time now);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SETTINGS_H_
