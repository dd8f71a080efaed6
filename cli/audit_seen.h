#ifndef NORROY_CLI_AUDIT_SEEN_H_
#define NORROY_CLI_AUDIT_SEEN_H_

// The newest checkpoint of each process that was seen from here, kept in the directory
// (audit/issuer-main.json): what the process's log is compared with the next time.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/checkpoint.h"

namespace norroy::cli {

// `process`: "issuer/main". Unset: none was seen.
absl::StatusOr<std::optional<audit::Checkpoint>> LoadSeen(const std::string& dir,
                                                          const std::string& process);
absl::Status KeepSeen(const std::string& dir, const std::string& process,
                      const audit::Checkpoint& checkpoint);
std::string SeenFile(const std::string& dir, const std::string& process);

}  // namespace norroy::cli

#endif  // NORROY_CLI_AUDIT_SEEN_H_
