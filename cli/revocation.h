#ifndef NORROY_CLI_REVOCATION_H_
#define NORROY_CLI_REVOCATION_H_

// Identities that count no more although their dates say so: the list in <dir>/core/revoked.crl,
// signed by the core root, and its copies where `norroy init` put a core root.

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::cli {

// A serial as `norroy identity list` shows it, or an identity file, whose own certificate is meant.
absl::StatusOr<std::string> SerialOf(absl::string_view file_or_serial);

// Puts serials on the list and writes it, with the copies; the files that were written. The core
// root's key must be there.
absl::StatusOr<std::vector<std::string>> RevokeSerials(const std::string& dir,
                                                       const std::vector<std::string>& serials,
                                                       absl::Time now);

// The list signed anew by the root that signs now; nothing if there is none.
absl::StatusOr<std::vector<std::string>> SignRevocationsAgain(const std::string& dir,
                                                              absl::Time now);

// Empty if there is no list.
absl::StatusOr<std::set<std::string>> RevokedSerials(const std::string& dir);

}  // namespace norroy::cli

#endif  // NORROY_CLI_REVOCATION_H_
