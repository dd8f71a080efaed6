#ifndef NORROY_COMMON_DAEMON_SETTINGS_H_
#define NORROY_COMMON_DAEMON_SETTINGS_H_

// What the daemons' configuration files have in common, checked. Errors (INVALID_ARGUMENT, reason
// BAD_CONFIG, and what files give) name the field or the file.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "norroy/config/v1/common.pb.h"

namespace norroy::daemon {

absl::Status BadConfig(absl::string_view message);

// 1 to `max` entries of "host:port" ("[::1]:8443"), ports from `min_port` on.
absl::StatusOr<std::vector<std::string>> ReadAddresses(absl::string_view field,
                                                       const std::vector<std::string>& texts,
                                                       size_t max, int min_port);

// diagnostics.listen; empty: no such listener.
absl::StatusOr<std::vector<std::string>> ReadDiagnostics(
    const config::v1::DiagnosticsConfig& config);

// A path that must be there, relative to the configuration's own folder.
absl::StatusOr<std::string> ReadPath(absl::string_view field, const std::string& config_path,
                                     const std::string& path);

// The first certificate of a PEM file.
absl::StatusOr<crypto::Certificate> ReadRoot(const std::string& path);

// A PEM file with a key and a certificate of `role` in `deployment`, under a root of that file,
// valid at `now`.
absl::StatusOr<identity::IdentityFile> ReadIdentityOf(identity::Role role, const std::string& path,
                                                      const std::string& root_file,
                                                      const std::string& deployment,
                                                      absl::Time now);

// The name in such a file.
absl::StatusOr<std::string> ReadNameOf(identity::Role role, const std::string& path,
                                       const std::string& root_file, const std::string& deployment,
                                       absl::Time now);

log::Level LevelOf(const config::v1::LogConfig& config);
log::Format FormatOf(const config::v1::LogConfig& config);

}  // namespace norroy::daemon

#endif  // NORROY_COMMON_DAEMON_SETTINGS_H_
