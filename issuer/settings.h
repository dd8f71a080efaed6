#ifndef NORROY_ISSUER_SETTINGS_H_
#define NORROY_ISSUER_SETTINGS_H_

// issuer.yaml, checked as far as it can be without the network: every file that it names is read,
// every key that it names is opened, paths are resolved against its own folder.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/log/log.h"
#include "common/rpc/caller_limits.h"
#include "issuer/flow/grades.h"
#include "issuer/keys/ca_settings.h"
#include "issuer/keys/seal_pair.h"
#include "issuer/policy/policy.h"
#include "issuer/sign_in/settings.h"
#include "issuer/store/store.h"

namespace norroy {

struct IssuerSettings {
  std::string deployment;
  std::string name;  // of our identity: "issuer/main" is "main"
  std::vector<std::string> listen;
  std::string identity_file;
  std::string core_root_file;
  keys::SealPair seal;
  keys::SealFiles seal_files;  // where it is from
  std::vector<std::string> validators;
  std::string database;  // a file, or a postgresql:// URL
  std::string keys_dir;
  std::vector<keys::CaSettings> cas;  // configured account keys are open
  policy::ConfiguredGrants grants;
  log::Level log_level;
  log::Format log_format;
  bool reflection;
  int workers;
  store::Limits limits;
  int warm_orders_per_hour;
  flow::Grades grades;
  absl::Duration proof_lease;                // zero: not configured
  std::optional<sign_in::Settings> sign_in;  // unset: there is no such door
  rpc::CallerLimitsOptions callers;
  absl::Duration checkpoint_every;       // of the audit log
  std::vector<std::string> diagnostics;  // "host:port"
};

// Errors name the file, and the field or the file that it names.
absl::StatusOr<IssuerSettings> LoadIssuerSettings(const std::string& path, absl::Time now);

// The identity file: readable, whole, of role issuer in `deployment`, under the core root. Its
// name.
absl::StatusOr<std::string> CheckIdentityFile(const std::string& identity_file,
                                              const std::string& core_root_file,
                                              const std::string& deployment, absl::Time now);

}  // namespace norroy

#endif  // NORROY_ISSUER_SETTINGS_H_
