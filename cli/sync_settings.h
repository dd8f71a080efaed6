#ifndef NORROY_CLI_SYNC_SETTINGS_H_
#define NORROY_CLI_SYNC_SETTINGS_H_

// sync.yaml, read and checked: which certificates this host wants, how their files are to be, what
// is run when they changed and where they are served then. Values.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/text.h"
#include "common/challenge/identifier.h"
#include "common/crypto/key.h"
#include "common/program/command.h"
#include "norroy/config/v1/sync.pb.h"

namespace norroy::cli {

inline constexpr size_t kMaxSyncCertificates = 1000;

// Whose files they are; unset: as they were.
struct FileAccess {
  std::optional<uid_t> owner;
  std::optional<gid_t> group;
  std::optional<mode_t> mode;  // of what holds the key: within 0660
};

struct SyncHook {
  program::Command command;
  absl::Duration timeout;
};

struct ServeTarget {
  Address address;
  std::string server_name;  // empty: none is sent
  bool smtp = false;        // STARTTLS first
  absl::Duration timeout;   // for a new certificate to appear
};

struct WantedCertificate {
  std::string name;
  std::vector<challenge::Name> domains;   // sorted
  std::vector<std::string> domain_texts;  // as configured, the first one first
  crypto::KeyType key_type = crypto::KeyType::kP256;
  std::string ca;
  std::string profile;
  std::string preferred_chain;
  bool reuse_key = false;
  bool bundle = false;
  FileAccess access;
  std::vector<SyncHook> hooks;
  std::vector<ServeTarget> serve;
};

struct SyncSettings {
  std::vector<std::string> issuers;
  std::string identity_file;
  std::string core_root_file;
  std::string state_dir;
  std::vector<WantedCertificate> certificates;
};

// INVALID_ARGUMENT, reason BAD_CONFIG, says which entry is wrong. With hooks the file itself must
// be one that nobody else can write (FAILED_PRECONDITION, reason UNSAFE_PROGRAM).
absl::StatusOr<SyncSettings> LoadSyncSettings(const std::string& path);
absl::StatusOr<SyncSettings> CheckSyncConfig(const config::v1::SyncConfig& config,
                                             const std::string& path);

// Fit for file names: letters, digits, ".", "_", "-"; does not begin with "." or "-".
absl::Status CheckCertificateName(absl::string_view name);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_SETTINGS_H_
